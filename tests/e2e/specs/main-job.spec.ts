import type { Page } from "@playwright/test";
import { accessible, connect, drag, finished, go, picture, runAgain, runOf } from "../journey";
import { expect, type Patchbay, test } from "../serve";

/** The outcome figures of the run that is on the page. */
const figures = (page: Page) => page.getByRole("region", { name: "Progress" });

const field = (page: Page, side: string, name: string) =>
  page.getByRole("tree", { name: new RegExp(side) }).getByRole("treeitem", {
    name: new RegExp(`^${name},`),
  });

async function mapByDragging(page: Page): Promise<void> {
  const source = (name: string) => field(page, "Harbor CRM", name);
  const target = (name: string) => field(page, "Postino", name);
  await expect(source("email")).toBeVisible();
  await drag(page, source("email"), target("email_address"));
  await expect(target("email_address")).toHaveAccessibleName(/from email/);
  await drag(page, source("first_name"), target("full_name"));
  await expect(target("full_name")).toHaveAccessibleName(/from first_name/);
}

/** The rest: what Patchbay proposes, and typed values for what has no partner. */
async function mapTheRest(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Auto-map" }).click();
  const proposals = page.getByRole("dialog", { name: "Auto-map" });
  await picture(page, "05-suggestions");
  await proposals.getByRole("button", { name: /^Connect \d+ fields?$/ }).click();
  await expect(proposals).toBeHidden();
}

async function constant(page: Page, name: string, value: string): Promise<void> {
  const row = field(page, "Postino", name);
  await row.dblclick();
  const input = page.getByRole("combobox", { name: `Value of ${name}` });
  await input.fill(value);
  await input.press("Enter");
  await expect(row).toHaveAccessibleName(/from constant/);
}

async function countOf(patchbay: Patchbay): Promise<number> {
  return (await patchbay.records("postino", "subscribers")).length;
}

test("two platforms are connected, mapped by dragging, planned, synced, and changes follow", async ({
  app: page,
  patchbay,
}) => {
  test.setTimeout(300_000);

  await test.step("a fresh installation says what to do", async () => {
    await expect(page.getByRole("heading", { name: "Connect two platforms" })).toBeVisible();
    await accessible(page, "01-first-steps");
    await page.getByRole("button", { name: "Start the samples" }).click();
    await expect(page.getByText("How to sign in is shown")).toBeVisible();
  });

  await test.step("both platforms are connected by signing in at them", async () => {
    await connect(page, "Harbor CRM");
    await picture(page, "02-connected");
    await page.getByRole("button", { name: "Done" }).click();
    await connect(page, "Postino");
    await page.getByRole("button", { name: "Done" }).click();
    await expect(page.getByRole("row", { name: /Harbor CRM/ })).toContainText("well");
    await expect(page.getByRole("row", { name: /Postino/ })).toContainText("well");
    await accessible(page, "03-connections");
  });

  await test.step("a sync is made from one to the other", async () => {
    await go(page, "Overview");
    await page.getByRole("main").getByRole("link", { name: "New sync" }).first().click();
    const from = page.getByRole("group", { name: "From: connection" });
    await from.getByRole("radio", { name: /Harbor CRM/ }).check();
    await page
      .getByRole("group", { name: "From: records" })
      .getByRole("radio", { name: /Contacts/ })
      .check();
    const to = page.getByRole("group", { name: "To: connection" });
    await to.getByRole("radio", { name: /Postino/ }).check();
    await page
      .getByRole("group", { name: "To: records" })
      .getByRole("radio", { name: /Subscribers/ })
      .check();
    await expect(page.getByRole("radio", { name: "email_address" })).toBeChecked();
    await accessible(page, "04-new-sync");
    await page.getByRole("button", { name: "Create and map the fields" }).click();
  });

  await test.step("fields are mapped, by dragging first", async () => {
    await mapByDragging(page);
    await mapTheRest(page);
    await constant(page, "list_id", "lst_main");
    if (/not mapped/.test((await field(page, "Postino", "status").getAttribute("aria-label")) ?? "")) {
      await constant(page, "status", "subscribed");
    }
    await expect(page.getByRole("tabpanel").getByRole("table")).toBeVisible();
    // The parts of a row stand apart, but the rule joins their texts without a space before it compares.
    await accessible(page, "06-mapping", ["label-content-name-mismatch"]);
    await page.getByRole("button", { name: /^Publish/ }).click();
    await expect(page.getByRole("button", { name: "Published" })).toBeVisible();
  });

  const before = await countOf(patchbay);
  let planned = 0;

  await test.step("the plan shows record by record what would change", async () => {
    await page.getByRole("button", { name: "Plan a run" }).click();
    await expect(page.getByRole("button", { name: /^Apply/ })).toBeVisible({ timeout: 90_000 });
    await expect(page.getByRole("checkbox").first()).toBeChecked();
    const apply = page.getByRole("button", { name: /^Apply [\d\u2009]+ changes$/ });
    planned = number(await apply.textContent());
    expect(planned).toBeGreaterThan(100);
    // The box follows the click a moment later.
    await page.getByRole("checkbox").first().click();
    await expect(page.getByRole("checkbox").first()).not.toBeChecked();
    await expect(apply).toHaveText(new RegExp(`${spaced(planned - 1)} changes`));
    expect(await countOf(patchbay), "nothing is written by a plan").toBe(before);
    await accessible(page, "07-plan");
    await apply.click();
  });

  await test.step("the run writes what was planned, and every record is accounted for", async () => {
    await finished(page, patchbay);
    await expect(figures(page)).toContainText("created");
    await accessible(page, "08-run");
    const { counts } = await runOf(page, patchbay);
    expect(counts.created + counts.updated).toBe(planned - 1);
    expect(await countOf(patchbay)).toBe(before + counts.created);
  });

  await test.step("what changes at the source follows in the next run", async () => {
    const { ids } = await patchbay.control<{ ids: string[] }>("contacts/edit", {
      count: 25,
      seed: 7,
    });
    expect(ids).toHaveLength(25);
    await runAgain(page, patchbay);
    const { counts } = await runOf(page, patchbay);
    expect(counts.updated).toBeGreaterThan(0);
    expect(counts.created + counts.updated).toBeLessThanOrEqual(26);
    await picture(page, "09-second-run");
  });

  await test.step("the history tells what happened to each record", async () => {
    await go(page, "History");
    const runs = page.getByRole("region", { name: "Runs" }).getByRole("listitem");
    await expect(runs).toHaveCount(2);
    await accessible(page, "10-history");
    await page.getByRole("link", { name: "Records" }).click();
    await page.getByRole("button", { name: /^updated/ }).click();
    const records = page.getByRole("region", { name: "Records" }).getByRole("listitem");
    await expect(records.first()).toContainText("updated");
    await accessible(page, "11-records");
    await records.first().getByRole("button").click();
    const sheet = page.getByRole("dialog");
    await expect(sheet.getByRole("table", { name: "Before and after" })).toBeVisible();
    await expect(sheet.getByRole("heading", { name: "Request and response" })).toBeVisible();
    await expect(sheet).not.toContainText(/Bearer (?!.*(●|\*|redacted|…))\S{8}/);
    await accessible(page, "12-record");
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();
  });

  await test.step("the overview shows how it goes", async () => {
    await go(page, "Overview");
    await expect(page.getByRole("region", { name: "Runs, 24 h" })).toContainText("2");
    await accessible(page, "13-overview");
    await go(page, "Syncs");
    await accessible(page, "14-syncs");
    await go(page, "Connectors");
    await accessible(page, "15-connectors");
    await go(page, "Settings");
    await accessible(page, "16-settings");
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Needs you/ }).click();
    await accessible(page, "17-needs-you");
  });
});

function number(text: string | null): number {
  return Number((text ?? "").replace(/\D/g, ""));
}

function spaced(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
}
