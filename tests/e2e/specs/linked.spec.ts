import { accessible, finished, picture } from "../journey";
import { publishedSync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 60 });

test("a field that points at a record gets the key of its counterpart, by a step", async ({
  app: page,
  patchbay,
}) => {
  const people = await publishedSync(patchbay);
  const { name, source, target } = (
    await patchbay.call<{ summary: { name: string; source: object; target: object } }>("get_sync", {
      sync: people,
    })
  ).summary;
  const at = (path: string) => `${new URL(patchbay.address).origin}/#${path}`;
  const { id: pointing } = await patchbay.call<{ id: string }>("create_sync", {
    name: "Who brought whom",
    source,
    target,
    mode: "upsert",
    match_on: ["email_address"],
  });
  const field = (side: string, of: string) =>
    page.getByRole("tree", { name: new RegExp(side) }).getByRole("treeitem", {
      name: new RegExp(`^${of},`),
    });

  await test.step("the step is found by what it is for", async () => {
    await page.goto(at(`/syncs/${pointing}`));
    await field("Postino", "source").dblclick();
    const value = page.getByRole("combobox", { name: "Value of source" });
    await value.fill("id");
    await picture(page, "70-find-a-field");
    await page.getByRole("option").filter({ hasText: "ct_" }).click();
    await expect(field("Postino", "source")).toHaveAccessibleName(/from id/);
    await field("Postino", "source").click();
    await page.getByRole("button", { name: "Add a step" }).click();
    await page.getByRole("combobox", { name: "Find a step" }).fill("belongs to");
    await expect(page.getByRole("option", { name: /^Linked record/ })).toBeVisible();
    await picture(page, "70-find-the-step");
    await page.keyboard.press("Enter");
    await accessible(page, "71-no-sync-chosen", ["label-content-name-mismatch"]);
  });

  await test.step("it asks which sync carries those records over", async () => {
    const sync = page.getByRole("combobox", { name: /^Sync/ });
    await sync.selectOption({ label: name });
    await expect(page.getByText("not on the target yet").first()).toBeVisible();
    await accessible(page, "72-not-there-yet", ["label-content-name-mismatch"]);
  });

  await test.step("the key is there as soon as the other sync has run", async () => {
    await page.goto(at("/syncs"));
    await page.getByRole("button", { name: `Run now: ${name}` }).click();
    await finished(page, patchbay);
    await page.goto(at(`/syncs/${pointing}`));
    await field("Postino", "source").click();
    await expect(field("Postino", "source")).toHaveAccessibleName(/sub_\d+/);
    await accessible(page, "73-linked-record", ["label-content-name-mismatch"]);
  });
});
