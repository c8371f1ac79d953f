import { go, picture } from "../journey";
import { expect, test } from "../serve";

test("without the token nothing is answered, and the page says what to do", async ({
  page,
  patchbay,
}) => {
  await page.goto(new URL(patchbay.address).origin);
  await expect(page.getByText("This page may not talk to Patchbay.")).toBeVisible();
  await expect(page.getByText(/Open the address that Patchbay printed/)).toBeVisible();
});

test("the token leaves the address bar and survives a reload", async ({ app: page }) => {
  await expect(page.getByRole("heading", { name: "Connect two platforms" })).toBeVisible();
  expect(page.url()).not.toContain("token");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Connect two platforms" })).toBeVisible();
});

test("every screen of a fresh installation says what to do", async ({ app: page }) => {
  await go(page, "Syncs");
  await expect(page.getByText("There is no sync yet")).toBeVisible();
  await go(page, "Connections");
  await expect(page.getByText("No platform is connected")).toBeVisible();
  await go(page, "History");
  await expect(page.getByText("Nothing has run yet")).toBeVisible();
  await page.getByRole("link", { name: "Records" }).click();
  await expect(page.getByText("No records yet")).toBeVisible();
  await go(page, "Needs you");
  await expect(page.getByText("Nothing needs you")).toBeVisible();
  await picture(page, "30-empty");
});

test("the keyboard reaches every screen", async ({ app: page }) => {
  await page.getByRole("link", { name: "Overview" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Syncs" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder(/^Find a sync/).fill("settings");
  await picture(page, "31-palette");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Settings" })).toBeVisible();
});

test("the colours follow the system unless one is chosen, also after a reload", async ({
  app: page,
}) => {
  await go(page, "Settings");
  const root = page.locator("html");
  await expect(root).toHaveAttribute("data-theme", "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(root).toHaveAttribute("data-theme", "dark");
  await page.getByRole("radio", { name: "Light" }).check({ force: true });
  await expect(root).toHaveAttribute("data-theme", "light");
  await page.reload();
  await expect(root).toHaveAttribute("data-theme", "light");
});

test("settings are kept", async ({ app: page }) => {
  await go(page, "Settings");
  await page.getByRole("button", { name: "Pause all" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Paused" })).toBeVisible();
  const always = page.getByRole("radio", { name: "After every run" });
  await always.click({ force: true });
  await expect(always).toBeChecked();
  const saved = page.waitForResponse(/update_settings/);
  await page.getByLabel("Space for the history").selectOption("2048");
  await saved;
  await page.reload();
  await expect(page.getByRole("button", { name: "Resume all" })).toBeVisible();
  await expect(page.getByRole("radio", { name: "After every run" })).toBeChecked();
  await expect(page.getByLabel("Space for the history")).toHaveValue("2048");
});

test("an address of something that is gone says so and leads on", async ({ app: page, patchbay }) => {
  await page.goto(`${new URL(patchbay.address).origin}/#/runs/0199aaaa-0000-7000-8000-000000000000`);
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("link", { name: "Go to the overview" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});
