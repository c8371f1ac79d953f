import type { Page } from "@playwright/test";
import { accessible, finished, picture, runAgain } from "../journey";
import { twoWaySync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 1_400 });

async function apply(page: Page, timeout = 60_000): Promise<void> {
  await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout });
  await page.getByRole("button", { name: /^Apply/ }).click();
}

test("hundreds of conflicts are decided from the keyboard, all at once or one by one", async ({
  app: page,
  patchbay,
}) => {
  test.setTimeout(300_000);
  const sync = await twoWaySync(patchbay);
  const at = (path: string) => `${new URL(patchbay.address).origin}/#${path}`;
  type List = { total: number; decided: number; conflicts: { id: string; title: string }[] };
  const list = (search = "", limit = 1) =>
    patchbay.call<List>("list_conflicts", { search, limit });

  await page.goto(at("/syncs"));
  await page.getByRole("button", { name: /^Plan: / }).click();
  await apply(page);
  await finished(page, patchbay);
  await patchbay.control("contacts/edit", { count: 1_400, seed: 7 });
  await patchbay.control("subscribers/edit", { count: 1_400, seed: 8 });
  await runAgain(page, patchbay);
  const { total } = await list();
  expect(total, "more than a page").toBeGreaterThan(300);
  const decided = async () => (await list()).decided;

  const rows = page.locator("[data-conflict]");
  const bar = page.getByRole("region", { name: "Decide", exact: true });
  const last = (await list("", 500)).conflicts.at(-1);

  await test.step("any of them is a key away", async () => {
    await page.getByRole("link", { name: "Decide" }).click();
    await expect(rows.first()).toBeFocused();
    expect(await rows.count(), "only what is seen is on the page").toBeLessThan(60);
    await accessible(page, "80-many-conflicts");
    await page.keyboard.press("End");
    if (total <= 500) {
      await expect(page.locator(`[data-conflict="${last?.id}"]`)).toBeFocused();
    }
    await expect(page.locator(`[aria-posinset="${total}"] [data-conflict]`)).toBeFocused();
    await picture(page, "81-the-last-conflict");
    await page.keyboard.press("PageUp");
    await expect(page.locator(`[aria-posinset="${total - 10}"] [data-conflict]`)).toBeFocused();
    await page.keyboard.press("Home");
    await expect(page.locator(`[aria-posinset="1"] [data-conflict]`)).toBeFocused();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("j");
    }
    await expect(page.locator(`[aria-posinset="61"] [data-conflict]`)).toBeFocused();
  });

  await test.step("all that fit are selected, also those that are not on the page", async () => {
    await page.keyboard.press("Control+a");
    await expect(bar).toContainText(`${total} conflicts selected`);
    await accessible(page, "82-all-selected");
    await page.keyboard.press("2");
    await expect.poll(decided).toBe(total);
    await picture(page, "83-all-decided");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.locator(`[aria-posinset="61"] [data-conflict]`)).toBeFocused();
    await expect.poll(decided).toBe(0);
  });

  await test.step("a search narrows what is selected", async () => {
    await page.keyboard.press("/");
    await expect(page.getByRole("searchbox", { name: "Find a record or a value" })).toBeFocused();
    await page.keyboard.type("Nurse");
    const found = (await list("Nurse", 500)).conflicts.length;
    expect(found).toBeGreaterThan(1);
    expect(found).toBeLessThan(total);
    await expect(rows.first()).toContainText("Nurse");
    await expect(page.locator(`[aria-setsize="${found}"]`).first()).toBeVisible();
    await page.getByRole("checkbox", { name: "Select all that fit" }).click();
    await expect(bar).toContainText(`${found} conflicts selected`);
    await bar.getByRole("button", { name: /^Take Harbor CRM/ }).click();
    await expect.poll(decided).toBe(found);
    await picture(page, "84-found-and-decided");
    await page.getByRole("searchbox", { name: "Find a record or a value" }).fill("");
  });

  await test.step("what is decided leaves the open ones, the next takes its place", async () => {
    await page.getByRole("button", { name: "Open", exact: true }).click();
    const before = await decided();
    await rows.first().focus();
    for (let i = 1; i <= 12; i++) {
      await page.keyboard.press("1");
      await expect.poll(decided).toBe(before + i);
      await expect(rows.first()).toBeFocused();
    }
    await page.getByRole("button", { name: "All", exact: true }).click();
  });

  await test.step("exactly one is left when the others are carried out", async () => {
    await rows.first().focus();
    await page.keyboard.press("Control+a");
    await expect(bar).toContainText(`${total} conflicts selected`);
    await page.keyboard.press("2");
    await expect.poll(decided).toBe(total);
    await rows.first().focus();
    await page.keyboard.press("u");
    await expect.poll(decided).toBe(total - 1);
    await page.getByRole("button", { name: "Look at the plan" }).click();
    await apply(page);
    await finished(page, patchbay);
    await page.goto(at("/conflicts"));
    await expect(rows).toHaveCount(1);
    await expect(rows.first()).toBeFocused();
    await accessible(page, "85-one-conflict");
  });

  await test.step("a choice becomes the rule of its field", async () => {
    await page.keyboard.press("a");
    await accessible(page, "86-always");
    await page.keyboard.press("1");
    await expect(page.getByText("From now on Harbor CRM decides over notes")).toBeVisible();
    const { two_way } = await patchbay.call<{ two_way: { fields: object[] } }>("get_sync", { sync });
    expect(two_way.fields).toMatchObject([{ field: "notes", policy: "source" }]);
    await picture(page, "87-a-rule");
    await page.getByRole("button", { name: "Look at the plan" }).click();
    await apply(page);
    await finished(page, patchbay);
    await page.goto(at("/conflicts"));
    await expect(page.getByText("Both sides agree")).toBeVisible();
  });
});
