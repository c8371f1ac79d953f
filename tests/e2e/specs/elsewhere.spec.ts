import type { Page } from "@playwright/test";
import { accessible, go } from "../journey";
import { drafted, publishedSync } from "../prepared";
import { expect, type Patchbay, test } from "../serve";

test.use({ contacts: 60 });

const list = (page: Page) =>
  page
    .getByRole("tree", { name: /Postino/ })
    .getByRole("treeitem", { name: /^list_id,/ });

const banner = (page: Page) => page.getByRole("alert").filter({ hasText: "Changed elsewhere" });

async function constantOf(patchbay: Patchbay, sync: string): Promise<unknown> {
  const { mapping } = await patchbay.call<{
    mapping: { rules: { target: string; origin: { value?: unknown } }[] };
  }>("get_sync", { sync });
  return mapping.rules.find((rule) => rule.target === "list_id")?.origin.value;
}

async function opened(page: Page, patchbay: Patchbay): Promise<string> {
  const sync = await publishedSync(patchbay);
  await page.reload();
  await go(page, "Syncs");
  await page.getByRole("main").getByRole("link", { name: /Harbor CRM/ }).first().click();
  await expect(list(page)).toBeVisible();
  return sync;
}

/** The person types another fixed value. */
async function typed(page: Page, value: string): Promise<void> {
  await list(page).dblclick();
  const input = page.getByRole("combobox", { name: "Value of list_id" });
  await input.fill(value);
  await input.press("Enter");
}

test("what another window changed is told and taken over, and undo brings back what stood here", async ({
  app: page,
  patchbay,
}) => {
  const sync = await opened(page, patchbay);
  await expect(banner(page)).toBeHidden();
  await drafted(patchbay, sync, "list_id", "lst_theirs");
  await expect(banner(page)).toContainText("list_id");
  await accessible(page, "60-changed-elsewhere", ["label-content-name-mismatch"]);
  await banner(page).getByRole("button", { name: "Take over the other version" }).click();
  await expect(banner(page)).toBeHidden();
  await expect(list(page)).toHaveAccessibleName(/lst_theirs/);
  await page.getByRole("button", { name: /^Undo/ }).click();
  await expect(list(page)).toHaveAccessibleName(/lst_main/);
  await expect.poll(() => constantOf(patchbay, sync)).toBe("lst_main");
});

test("nothing is written over until the person has chosen to keep his own", async ({
  app: page,
  patchbay,
}) => {
  const sync = await opened(page, patchbay);
  await drafted(patchbay, sync, "list_id", "lst_theirs");
  await expect(banner(page)).toBeVisible();
  await typed(page, "lst_mine");
  await page.getByRole("button", { name: "Plan a run" }).click();
  await expect(page.getByText("was changed in another window or program").last()).toBeVisible();
  expect(await constantOf(patchbay, sync)).toBe("lst_theirs");
  await banner(page).getByRole("button", { name: "Keep mine" }).click();
  await expect(banner(page)).toBeHidden();
  await expect.poll(() => constantOf(patchbay, sync)).toBe("lst_mine");
  await page.getByRole("button", { name: /^Undo/ }).click();
  await expect(list(page)).toHaveAccessibleName(/lst_theirs/);
});

test("what this window saves itself is not told as another's", async ({ app: page, patchbay }) => {
  const sync = await opened(page, patchbay);
  for (const value of ["lst_one", "lst_two", "lst_one"]) {
    await typed(page, value);
    await expect.poll(() => constantOf(patchbay, sync)).toBe(value);
  }
  await page.getByRole("button", { name: /^Publish/ }).click();
  await expect(page.getByRole("button", { name: "Published" })).toBeVisible();
  await expect(banner(page)).toBeHidden();
});
