import { accessible, picture, runAgain } from "../journey";
import { publishedSync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 12_000 });

test("a plan of twelve thousand records can be read to its end, and its run can be stopped", async ({
  app: page,
  patchbay,
}) => {
  test.setTimeout(300_000);
  const sync = await publishedSync(patchbay);
  await page.goto(`${new URL(patchbay.address).origin}/#/syncs`);
  await page.getByRole("button", { name: /^Plan: / }).click();
  await expect(page.getByText("Reading and comparing records")).toBeVisible();
  await expect(page.getByText(/^[\d\u2009]{3,} read = /)).toBeVisible();
  await accessible(page, "40-plan-building");
  await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout: 120_000 });

  const list = page.getByRole("region", { name: "Records of the plan" });
  const items = list.getByRole("listitem");
  await expect(items.first()).toBeVisible();
  expect(await items.count(), "only what is seen is on the page").toBeLessThan(80);
  const length = Number(await items.first().getAttribute("aria-setsize"));
  expect(length).toBeGreaterThan(11_900);
  await list.focus();
  await page.keyboard.press("End");
  await expect(list.locator(`[aria-posinset="${length}"] input`)).toBeVisible();

  await page.getByRole("searchbox", { name: "Find a record or a value" }).fill("11999");
  await expect(items.first()).toContainText("11999");
  await picture(page, "41-plan-search");
  await page.getByRole("searchbox", { name: "Find a record or a value" }).fill("");

  await page.getByRole("button", { name: "Tick none" }).click();
  const apply = page.getByRole("button", { name: /^Apply/ });
  await expect(apply).toHaveText("Apply 0 changes");
  await expect(apply).toHaveAttribute("aria-disabled", "true");
  await page.getByRole("button", { name: "Tick all" }).click();
  await expect(apply).not.toHaveText("Apply 0 changes");

  // Slow enough to be looked at while it runs.
  await patchbay.faults([{ platform: "postino", method: "POST", kind: "slow", ms: 400 }]);
  await apply.click();
  await expect(page.getByText(/records\/s/)).toBeVisible({ timeout: 60_000 });
  const records = page.getByRole("region", { name: "Records" }).getByRole("listitem");
  await expect(records.first()).toBeVisible({ timeout: 30_000 });
  await accessible(page, "42-running");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByText("You stopped this run")).toBeVisible({ timeout: 10_000 });
  await picture(page, "43-stopped");
  await patchbay.faults([]);
  await runAgain(page, patchbay, 180_000);

  const found = await patchbay.records("postino", "subscribers");
  const addresses = new Set(found.map((record) => record.email_address));
  expect(addresses.size, "none is doubled").toBe(found.length);
  const { summary } = await patchbay.call<{ summary: { state: { kind: string } } }>("get_sync", {
    sync,
  });
  expect(summary.state.kind).toBe("healthy");
});
