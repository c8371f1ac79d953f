import { accessible, finished, go, picture } from "../journey";
import { publishedSync } from "../prepared";
import { expect, test } from "../serve";

test.use({ contacts: 60 });

test("a refused record is sent with another value, and how often runs try is the sync's", async ({
  app: page,
  patchbay,
}) => {
  const sync = await publishedSync(patchbay, "lst_gone");
  const at = (path: string) => `${new URL(patchbay.address).origin}/#${path}`;
  await page.reload();
  await go(page, "Syncs");
  await page.getByRole("button", { name: /^Run now: / }).click();
  await finished(page, patchbay);

  await test.step("its values can be changed, and only what was changed is sent", async () => {
    await page.getByRole("button", { name: /^rejected/ }).click();
    const records = page.getByRole("region", { name: "Records" }).getByRole("listitem");
    await records.first().getByRole("button").click();
    const sheet = page.getByRole("dialog");
    await sheet.getByRole("button", { name: "Send it with other values…" }).click();
    await expect(sheet.getByRole("textbox", { name: "list_id" })).toBeFocused();
    const send = sheet.getByRole("button", { name: "Send with these values" });
    await expect(send).toHaveAttribute("aria-disabled", "true");
    await picture(page, "57-other-values");
    await sheet.getByRole("textbox", { name: "list_id" }).fill("lst_main");
    await sheet.getByRole("textbox", { name: "location.city" }).fill("Elsewhere");
    await expect(sheet.getByText("2 values changed")).toBeVisible();
    await accessible(page, "57-other-values-typed");
    await send.click();
    await expect(sheet).toBeHidden();
    await finished(page, patchbay);
    await expect(page.getByRole("region", { name: "Progress" })).toContainText(/1 read = 1 (created|updated)/);
    await picture(page, "57-sent-again");
    const sent = await patchbay.records("postino", "subscribers");
    expect(sent.map((each) => each.location)).toContainEqual(
      expect.objectContaining({ city: "Elsewhere", region: expect.anything() }),
    );
  });

  await test.step("after how many runs a record waits for a person is set in the editor", async () => {
    await page.goto(at(`/syncs/${sync}`));
    await page.getByText("Records that fail").click();
    await page.getByText("Records that fail").scrollIntoViewIfNeeded();
    const tries = page.getByLabel("Waits for you after");
    await tries.fill("1");
    await tries.press("Tab");
    await expect(page.getByText("tried once")).toBeVisible();
    await accessible(page, "58-tried-once", ["label-content-name-mismatch"]);
  });
});
