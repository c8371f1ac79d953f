import { accessible, connect, go, landing, picture, signIn, signInPage } from "../journey";
import { expect, test } from "../serve";

test("the address of a sample platform comes into a form that was opened before it started", async ({
  app: page,
  patchbay,
}) => {
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^Harbor CRM/ }).click();
  await expect(sheet.getByText("The sample platforms are not running")).toBeVisible();
  await expect(sheet.getByLabel("Address")).toHaveValue("");
  await sheet.getByLabel("Name in Patchbay").fill("Ours");
  await patchbay.call("start_sample_platforms");
  await expect(sheet.getByLabel("Address")).toHaveValue(/^http:/);
  await expect(sheet.getByLabel("Name in Patchbay")).toHaveValue("Ours");
});

test.describe("with the sample platforms", () => {
test.beforeEach(async ({ app: page, patchbay }) => {
  await patchbay.call("start_sample_platforms");
  await page.reload();
});

test("a person who says no is told so and can try again", async ({ app: page }) => {
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^Harbor CRM/ }).click();
  await accessible(page, "20-connect-form");
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  await accessible(page, "21-connect-waiting");
  await platform.getByRole("button", { name: "Sign in" }).click();
  await platform.getByRole("button", { name: "Deny" }).click();
  await expect(sheet.getByRole("alert")).toBeVisible();
  await picture(page, "22-connect-denied");
  const again = await signInPage(page, () =>
    sheet.getByRole("button", { name: "Try again" }).click(),
  );
  await again.waitForURL(/oauth/);
  if (await again.getByRole("button", { name: "Sign in" }).isVisible()) {
    await again.getByRole("button", { name: "Sign in" }).click();
  }
  await again.getByRole("button", { name: "Allow" }).click();
  await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
});

test("a sign-in can be cancelled and leaves nothing behind", async ({ app: page }) => {
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^Postino/ }).click();
  await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  await sheet.getByRole("button", { name: "Cancel" }).click();
  await expect(sheet).toBeHidden();
  await expect(page.getByText("No platform is connected")).toBeVisible();
});

test("the address of the browser's last page can be pasted when it cannot reach us", async ({
  app: page,
}) => {
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^Harbor CRM/ }).click();
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  await platform.close();
  const link = await sheet.getByRole("link", { name: "Open again" }).getAttribute("href");
  const address = await landing(link ?? "");
  await sheet.getByText("The browser says that it cannot connect?").click();
  await sheet.getByLabel("Address of that page").fill(address);
  await sheet.getByRole("button", { name: "Go on with this address" }).click();
  await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
});

test("signing in again as somebody else changes nothing and says both names", async ({
  app: page,
}) => {
  await connect(page, "Harbor CRM");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "Harbor CRM" }).click();
  await page.context().clearCookies();
  await page.getByRole("link", { name: "Reconnect" }).click();
  const sheet = page.getByRole("dialog");
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  if (await platform.getByRole("link", { name: "Not you?" }).isVisible()) {
    await platform.getByRole("link", { name: "Not you?" }).click();
  }
  await signIn(platform, "omar@harbor.example");
  await expect(sheet.getByText("That is another account")).toBeVisible();
  await expect(sheet.getByRole("button", { name: "Make it a new connection" })).toBeVisible();
  await accessible(page, "23-wrong-account");
});

test("a connection is tested, renamed, deleted and brought back", async ({ app: page }) => {
  await connect(page, "Postino");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "Postino" }).click();
  await page.getByRole("button", { name: "Test" }).click();
  const steps = page.getByRole("list", { name: "Steps of the test" });
  await expect(steps.getByRole("img", { name: "Done" }).first()).toBeVisible();
  await expect(steps.getByRole("img", { name: "Failed" })).toHaveCount(0);
  await accessible(page, "24-connection");

  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Newsletter");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Newsletter/ })).toBeVisible();

  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No platform is connected")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("link", { name: "Newsletter" })).toBeVisible();
});
});
