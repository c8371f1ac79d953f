import type { Page } from "@playwright/test";
import { accessible, finished, go, picture } from "../journey";
import { publishedSync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 60 });

/** Opens what a sync is started over with, and chooses a way. */
async function startOver(page: Page, way: string): Promise<void> {
  await page.getByText("Start over", { exact: true }).click();
  await page.getByRole("button", { name: way }).click();
  await expect(page.getByRole("button", { name: "Discard" })).toBeVisible({ timeout: 60_000 });
}

test("a sync is matched anew, what it made is removed, and it is paused and resumed", async ({
  app: page,
  patchbay,
}) => {
  test.setTimeout(300_000);
  const sync = await publishedSync(patchbay);
  const there = (await patchbay.records("postino", "subscribers")).length;
  const at = (path: string) => `${new URL(patchbay.address).origin}/#${path}`;
  await page.goto(at("/syncs"));
  await page.getByRole("button", { name: /^Run now: / }).click();
  await finished(page, patchbay);
  const made = (await patchbay.records("postino", "subscribers")).length - there;
  expect(made).toBeGreaterThan(30);

  await test.step("the pairs are found again, and nothing is forgotten by looking at the plan", async () => {
    await page.goto(at(`/syncs/${sync}`));
    await startOver(page, "Match anew…");
    await accessible(page, "90-match-anew");
    await page.getByRole("button", { name: "Discard" }).click();
    await expect(page).toHaveURL(/\/syncs\//);
  });

  await test.step("what the sync made is removed, what was there before stays", async () => {
    await startOver(page, "Remove what this sync made…");
    await expect(page.getByText("Was there before this sync linked it, so it stays.").first()).toBeVisible();
    await accessible(page, "91-remove-what-it-made");
    await page.getByRole("button", { name: `Apply ${made} deletes` }).click();
    await finished(page, patchbay);
    expect(await patchbay.records("postino", "subscribers")).toHaveLength(there);
    await picture(page, "92-removed");
  });

  await test.step("the sync is paused then, and resumed where it is seen", async () => {
    await go(page, "Syncs");
    await expect(page.getByText("paused").first()).toBeVisible();
    await accessible(page, "93-paused");
    await page.goto(at(`/syncs/${sync}`));
    await expect(page.getByText("This sync is paused")).toBeVisible();
    await accessible(page, "94-paused-sync", ["label-content-name-mismatch"]);
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await expect(page.getByText("This sync is paused")).toBeHidden();
    await page.getByRole("combobox", { name: "Runs" }).selectOption({ label: "Every 15 minutes" });
    await page.getByRole("button", { name: /^Publish/ }).click();
    await page.getByRole("button", { name: "Pause this sync" }).click();
    await expect(page.getByText("This sync is paused")).toBeVisible();
  });
});
