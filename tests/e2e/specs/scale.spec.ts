import type { Page } from "@playwright/test";
import { accessible, picture, runAgain } from "../journey";
import { publishedSync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 12_000 });

/** What the page holds, in megabytes. */
async function heap(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  return Math.round(usedSize / 100_000) / 10;
}

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

  await test.step("the records of a run can be read to their end, and little of them is kept", async () => {
    await expect(records.first()).toBeVisible();
    const before = await heap(page);
    const n = Number(await records.first().getAttribute("aria-setsize"));
    expect(n).toBeGreaterThan(1_000);
    const region = page.getByRole("region", { name: "Records" });
    await region.focus();
    await page.keyboard.press("End");
    await expect(region.locator(`[aria-posinset="${n}"] button`)).toBeVisible();
    for (let i = 1; i <= 20; i++) {
      await region.evaluate((list, part) => {
        list.scrollTop = list.scrollHeight * part;
      }, i / 20);
      await expect(records.nth(5).getByRole("button")).toBeVisible();
    }
    await page.keyboard.press("Home");
    await expect(region.locator('[aria-posinset="1"] button')).toBeVisible();
    await picture(page, "44-records-of-a-long-run");
    const after = await heap(page);
    console.log(`heap: ${before} MB, ${after} MB after ${n} records`);
    expect(after - before, "MB more after all have been looked at").toBeLessThan(12);
  });

  const found = await patchbay.records("postino", "subscribers");
  const addresses = new Set(found.map((record) => record.email_address));
  expect(addresses.size, "none is doubled").toBe(found.length);
  const { summary } = await patchbay.call<{ summary: { state: { kind: string } } }>("get_sync", {
    sync,
  });
  expect(summary.state.kind).toBe("healthy");
});
