import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";
import { artifacts } from "./programs";
import { expect, type Patchbay } from "./serve";

/** Keeps a picture of the page for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(artifacts, "screens", `${name}.png`) });
}

/** Looks for what keeps people from using the page, in light and in dark. */
export async function accessible(
  page: Page,
  name: string,
  except: readonly string[] = [],
): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page })
      // Addresses stand behind the #, which the rule takes for jumps within the page.
      .disableRules(["skip-link", ...except])
      .analyze();
    const found = violations.map(
      (each) => `${each.id}: ${each.nodes.map((node) => node.html).join("\n    ")}`,
    );
    expect(found, `${name}, ${colorScheme}`).toEqual([]);
    await picture(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

/** Goes somewhere by the sidebar. */
export async function go(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
  await expect(page.getByRole("heading", { level: 1, name: name.replace(/ \d+$/, "") })).toBeVisible();
}

/** The page of the platform that opens when a sign-in begins. */
export async function signInPage(page: Page, begin: () => Promise<void>): Promise<Page> {
  const opening = page.context().waitForEvent("page");
  await begin();
  const platform = await opening;
  await platform.waitForLoadState();
  return platform;
}

/** What the person does at the platform: signs in and allows the access. */
export async function signIn(platform: Page, email?: string): Promise<void> {
  if (email !== undefined) {
    await platform.getByLabel("E-mail").fill(email);
  }
  await platform.getByRole("button", { name: "Sign in" }).click();
  await platform.getByRole("button", { name: "Allow" }).click();
}

/** Connects one of the sample platforms, from the gallery to “Connected”. */
export async function connect(page: Page, name: string): Promise<void> {
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await expect(page.getByText("A sample platform on this computer")).toBeVisible();
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: /^Sign in with/ }).click(),
  );
  await signIn(platform);
  await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
  await platform.close();
}

/** Draws a cable with the pointer, from a field of the source to one of the target. */
export async function drag(page: Page, from: Locator, to: Locator): Promise<void> {
  await from.scrollIntoViewIfNeeded();
  await to.scrollIntoViewIfNeeded();
  const start = await from.boundingBox();
  const end = await to.boundingBox();
  if (start === null || end === null) {
    throw new Error("a field to drag from or to is not on the page");
  }
  await page.mouse.move(start.x + start.width - 30, start.y + start.height / 2);
  await page.mouse.down();
  await page.mouse.move(start.x + start.width + 40, start.y + start.height / 2, { steps: 4 });
  await page.mouse.move(end.x + 60, end.y + end.height / 2, { steps: 10 });
  await page.mouse.up();
}

/** Signs in at a sample platform on another computer, so to say: the address where its browser ends up. */
export async function landing(authorizeUrl: string): Promise<string> {
  let cookie = "";
  const visit = async (url: URL, fields?: Record<string, string>): Promise<Response> => {
    const response = await fetch(url, {
      redirect: "manual",
      headers: cookie === "" ? {} : { cookie },
      ...(fields === undefined ? {} : { method: "POST", body: new URLSearchParams(fields) }),
    });
    cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
    const next = response.headers.get("location");
    if (next === null || new URL(next, url).pathname === "/callback") {
      return response;
    }
    return visit(new URL(next, url));
  };
  const submit = async (page: Response, more: Record<string, string>): Promise<Response> => {
    const html = await page.text();
    const hidden = [...html.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)];
    const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? "";
    const filled = [...html.matchAll(/name="(email|password)"[^>]* value="([^"]*)"/g)];
    const fields = [...hidden, ...filled].map((each) => [each[1] ?? "", each[2] ?? ""]);
    return visit(new URL(action, authorizeUrl), { ...Object.fromEntries(fields), ...more });
  };
  const consent = await submit(await visit(new URL(authorizeUrl)), {});
  const answer = await submit(consent, { decision: "allow" });
  return answer.headers.get("location") ?? "";
}

type Run = { state: string; counts: { created: number; updated: number; read: number } };

/** The run that is on the page, from the core. */
export async function runOf(page: Page, patchbay: Patchbay): Promise<Run> {
  const run = /\/runs\/([^?]+)/.exec(page.url())?.[1];
  const { summary } = await patchbay.call<{ summary: Run }>("get_run", { run });
  return summary;
}

/** The run whose address the page has is over, and the page says so: for a moment it still shows the run before. */
export async function finished(page: Page, patchbay: Patchbay, timeout = 90_000): Promise<void> {
  await expect(page).toHaveURL(/\/runs\/[^?]/);
  await expect
    .poll(async () => (await runOf(page, patchbay)).state, { timeout })
    .toBe("completed");
  await expect(page.getByText("every record is accounted for")).toBeVisible({ timeout });
}

/** Runs the sync of the run on the page once more, to its end. */
export async function runAgain(page: Page, patchbay: Patchbay, timeout?: number): Promise<void> {
  const before = page.url();
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(before);
  await finished(page, patchbay, timeout);
}
