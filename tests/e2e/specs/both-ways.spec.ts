import type { Page } from "@playwright/test";
import { accessible, finished, go, picture, runAgain } from "../journey";
import { twoWaySync } from "../prepared";
import { expect, type Patchbay, test } from "../serve";

test.use({ contacts: 60 });

/** Job title in Harbor and note in Postino of each address that is in both. */
async function pairs(patchbay: Patchbay): Promise<Map<string, [unknown, unknown]>> {
  const contacts = await patchbay.records("harbor", "contacts");
  const subscribers = await patchbay.records("postino", "subscribers");
  const notes = new Map(
    subscribers.map((each) => [`${each.email_address}`.toLowerCase(), each.notes]),
  );
  return new Map(
    contacts.flatMap((each) => {
      const email = `${each.email}`.toLowerCase();
      return notes.has(email) ? [[email, [each.job_title, notes.get(email)]]] : [];
    }),
  );
}

async function apply(page: Page, patchbay: Patchbay): Promise<void> {
  await page.getByRole("button", { name: /^Apply/ }).click();
  await finished(page, patchbay);
}

test("both sides are kept in step, a person decides with the keyboard, and a run is taken back", async ({
  app: page,
  patchbay,
}) => {
  test.setTimeout(300_000);

  await test.step("without conflicts the page says what would be there", async () => {
    await go(page, "Conflicts");
    await expect(page.getByText("Both sides agree")).toBeVisible();
    await accessible(page, "60-no-conflicts");
  });

  const sync = await twoWaySync(patchbay);
  const at = (path: string) => `${new URL(patchbay.address).origin}/#${path}`;

  await test.step("the editor shows which way each field flows", async () => {
    await page.goto(at(`/syncs/${sync}`));
    await expect(page.getByText("Both ways").first()).toBeVisible();
    await accessible(page, "61-two-way-settings", ["label-content-name-mismatch"]);
  });

  await test.step("the first plan shows what is written where", async () => {
    await page.goto(at("/syncs"));
    await page.getByRole("button", { name: /^Plan: / }).click();
    await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout: 60_000 });
    await accessible(page, "62-two-way-plan");
    await apply(page, patchbay);
  });

  await test.step("what both sides changed waits for a person", async () => {
    await patchbay.control("contacts/edit", { count: 60, seed: 7 });
    await patchbay.control("subscribers/edit", { count: 60, seed: 8 });
    await runAgain(page, patchbay);
    await picture(page, "63-run-with-conflicts");
  });

  type List = { total: number; decided: number };
  const list = () => patchbay.call<List>("list_conflicts", { search: "", limit: 1 });
  const { total } = await list();
  expect(total, "both sides have changed some fields").toBeGreaterThan(4);

  await test.step("each conflict is decided with one key", async () => {
    await page.getByRole("link", { name: "Decide" }).click();
    const rows = page.locator("[data-conflict]");
    await expect(rows.first()).toBeFocused();
    await accessible(page, "64-conflicts");
    await page.keyboard.press("1");
    await expect(rows.nth(1)).toBeFocused();
    await page.keyboard.press("2");
    await page.keyboard.press("3");
    await page.keyboard.press("e");
    await page.getByRole("textbox", { name: /^Value of notes/ }).fill("Agreed by hand");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await list()).decided).toBe(4);
    await expect(rows.nth(3)).toHaveAccessibleName(/decided: Agreed by hand/);
    // Two at once, taken back again.
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("1");
    await expect.poll(async () => (await list()).decided).toBeGreaterThan(4);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await list()).decided).toBe(4);
    await accessible(page, "65-decided");
  });

  const undecided = await pairs(patchbay);
  await test.step("what was decided is carried out as a plan", async () => {
    await page.getByRole("button", { name: "Look at the plan" }).click();
    await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("This plan carries out what you decided")).toBeVisible();
    await accessible(page, "66-decisions");
    await apply(page, patchbay);
    expect((await list()).total).toBe(total - 4);
    const found = [...(await pairs(patchbay)).values()];
    expect(found).toContainEqual(["Agreed by hand", "Agreed by hand"]);
  });

  await test.step("a run is taken back", async () => {
    await page.getByRole("button", { name: "Take back…" }).click();
    await expect(page.getByText("This plan takes back what a run did")).toBeVisible();
    await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout: 60_000 });
    await accessible(page, "67-take-back");
    await apply(page, patchbay);
    expect(await pairs(patchbay), "both sides are as they were before").toEqual(undecided);
    await picture(page, "68-taken-back");
  });

  await test.step("one record is looked at and paused", async () => {
    await page.getByRole("region", { name: "Records" }).getByRole("listitem").first().getByRole("button").click();
    const sheet = page.getByRole("dialog");
    await sheet.getByRole("button", { name: "Pause this record" }).click();
    await expect(sheet.getByRole("button", { name: "Resume this record" })).toBeVisible();
    await accessible(page, "69-paused");
  });
});
