import type { Page } from "@playwright/test";
import { accessible, finished, go, picture, signIn, signInPage } from "../journey";
import { publishedSync, republished } from "../prepared";
import { expect, type Patchbay, test } from "../serve";

test.use({ contacts: 300 });

async function runNow(page: Page): Promise<void> {
  await go(page, "Syncs");
  await page.getByRole("button", { name: /^Run now: / }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Run$/ })).toBeVisible();
}

async function synced(page: Page, patchbay: Patchbay): Promise<void> {
  await publishedSync(patchbay);
  await page.reload();
  await runNow(page);
  await finished(page, patchbay);
}

test("a sign-in that ended is one click away from being mended, and the sync goes on", async ({
  app: page,
  patchbay,
}) => {
  await synced(page, patchbay);
  await patchbay.control("tokens/revoke", { platform: "postino" });
  await patchbay.control("contacts/edit", { count: 10, seed: 3 });
  await runNow(page);
  await expect(page.getByRole("link", { name: "Sign in to Postino" })).toBeVisible({
    timeout: 60_000,
  });
  await expect(page.getByRole("button", { name: /^(Approve|Go on)/ })).toBeHidden();
  await accessible(page, "50-run-waits-for-sign-in");
  await go(page, "Overview");
  await accessible(page, "51-overview-needs-you");
  await page.getByRole("main").getByRole("link", { name: "Reconnect" }).first().click();
  const sheet = page.getByRole("dialog");
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  await signIn(platform);
  await expect(sheet.getByRole("status").filter({ hasText: "Signed in again" })).toBeVisible();
  await sheet.getByRole("button", { name: "Done" }).click();
  await runNow(page);
  await finished(page, patchbay);
  await go(page, "Needs you");
  await expect(page.getByText("Sign in to Postino again")).toBeHidden();
  // Contacts without a valid address could not be written in the first run, and the later one did not see them.
  await page.getByRole("link", { name: "Look at the records" }).click();
  const records = page.getByRole("region", { name: "Records" }).getByRole("listitem");
  await expect(records.first()).toContainText("invalid");
  await accessible(page, "51-records-that-need-you");
  await page.getByRole("button", { name: "Try all again" }).click();
  await finished(page, patchbay);
});

test("more changes than usual wait for a person, who looks and approves", async ({
  app: page,
  patchbay,
}) => {
  await synced(page, patchbay);
  await patchbay.control("contacts/edit", { count: 280, seed: 5 });
  await runNow(page);
  await expect(page.getByRole("button", { name: "Approve and write" })).toBeVisible({
    timeout: 60_000,
  });
  await accessible(page, "52-run-waits-for-approval");
  const waiting = page.url();
  await go(page, "Needs you");
  await picture(page, "53-needs-you");
  await page.goto(waiting);
  await page.getByRole("link", { name: "Look at the plan" }).click();
  await expect(
    page.getByRole("region", { name: "Records of the plan" }).getByRole("listitem").first(),
  ).toContainText("update");
  await accessible(page, "53-plan-held");
  await page.goBack();
  await page.getByRole("button", { name: "Approve and write" }).click();
  await finished(page, patchbay);
  await expect(page.getByRole("region", { name: "Progress" })).toContainText("updated");
});

test("records that the platform refused say why, and go through when the mapping is mended", async ({
  app: page,
  patchbay,
}) => {
  const sync = await publishedSync(patchbay, "lst_gone");
  await page.reload();
  await runNow(page);
  await finished(page, patchbay);
  const first = page.url();
  await page.getByRole("button", { name: /^rejected/ }).click();
  const records = page.getByRole("region", { name: "Records" }).getByRole("listitem");
  await expect(records.first()).toContainText("list_id");
  await accessible(page, "54-refused");
  await records.first().getByRole("button").click();
  const sheet = page.getByRole("dialog");
  await expect(sheet.getByRole("alert")).toContainText("lst_gone");
  await expect(sheet.getByRole("button", { name: "Try this record again" })).toBeVisible();
  await picture(page, "55-refused-record");
  await page.keyboard.press("Escape");

  await republished(patchbay, sync, "list_id", "lst_main");
  await page.getByRole("button", { name: /^Try \d+ again$/ }).click();
  await expect(page).not.toHaveURL(first);
  await finished(page, patchbay);
  await expect(page.getByRole("region", { name: "Progress" })).toContainText("created");
});

test("a connection that a sync needs can be deleted and comes back by Undo", async ({
  app: page,
  patchbay,
}) => {
  await synced(page, patchbay);
  await go(page, "Connections");
  await page.getByRole("link", { name: "Postino" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText(/1 sync stops until it is back/)).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await runNow(page);
  await finished(page, patchbay);
});

test("when Patchbay ends, the page says so", async ({ app: page, patchbay }) => {
  await expect(page.getByRole("heading", { name: "Connect two platforms" })).toBeVisible();
  await patchbay.end();
  await expect(page.getByText(/Patchbay does not answer/)).toBeVisible();
  await picture(page, "56-ended");
});
