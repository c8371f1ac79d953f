import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";
import { pages, patchbay } from "./programs";

/** A Patchbay of its own with an empty data folder, and what the sandbox lets a test do to the platforms. */
export type Patchbay = {
  /** The printed address, with the token behind the #. */
  address: string;
  /** Runs a command as the page does. */
  call: <T>(name: string, request?: object) => Promise<T>;
  /** What anybody may do to the sample platforms from outside. */
  control: <T>(path: string, body?: object) => Promise<T>;
  /** Ends the program, as closing it does. */
  end: () => Promise<void>;
  /** What goes wrong at the platforms from now on. */
  faults: (rules: object[]) => Promise<void>;
  /** All records of a stream as the platform has them. */
  records: (platform: "harbor" | "postino", stream: string) => Promise<Record<string, unknown>[]>;
};

type Fixtures = { contacts: number; patchbay: Patchbay; app: Page };

export const test = base.extend<Fixtures>({
  contacts: [800, { option: true }],
  patchbay: async ({ contacts }, use) => {
    const data = mkdtempSync(join(tmpdir(), "patchbay-e2e-"));
    const server = spawn(
      patchbay,
      ["serve", "--vault", "--data-dir", data, "--ui", pages, "--contacts", `${contacts}`],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    try {
      await use({ ...door(await printedAddress(server)), end: () => end(server) });
    } finally {
      await end(server);
      rmSync(data, { recursive: true, force: true });
    }
  },
  app: async ({ page, patchbay }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      // Every answer ≥ 400 is logged by the browser and once more by the router; those that matter are on the page.
      const told = /^(Failed to load resource|BackendError)/.test(message.text());
      if (message.type() === "error" && !told) {
        problems.push(message.text());
      }
    });
    await page.goto(patchbay.address);
    await use(page);
    expect(problems, "errors in the page's console").toEqual([]);
  },
});

export { expect };

function printedAddress(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const address = /https?:\/\/\S+#\S*token=[\w-]+/.exec(printed)?.[0];
      if (address !== undefined) {
        resolve(address);
      }
    };
    server.stdout?.on("data", read);
    server.stderr?.on("data", read);
    server.on("error", reject);
    server.on("exit", (code) =>
      reject(new Error(`patchbay ended (${code}) before it served:\n${printed}`)),
    );
  });
}

function door(address: string): Omit<Patchbay, "end"> {
  const { origin, hash } = new URL(address);
  const token = new URLSearchParams(hash.slice(1)).get("token") ?? "";
  const call = async <T>(name: string, request: object = {}): Promise<T> => {
    const response = await fetch(`${origin}/api/${name}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Patchbay": "1",
        Authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(request),
    });
    if (!response.ok) {
      throw new Error(`${name}: ${response.status} ${await response.text()}`);
    }
    return (await response.json()) as T;
  };
  const sandbox = async (path: string): Promise<URL> => {
    const { sample } = await call<{ sample: { harbor_url: string } }>("get_app_status");
    return new URL(path, sample.harbor_url);
  };
  return {
    address,
    call,
    control: async (path, body = {}) => {
      const response = await fetch(await sandbox(`/control/${path}`), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      return response.json();
    },
    faults: async (rules) => {
      const response = await fetch(await sandbox("/control/faults"), {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(rules),
      });
      if (!response.ok) {
        throw new Error(`faults: ${response.status} ${await response.text()}`);
      }
    },
    records: async (platform, stream) =>
      (await fetch(await sandbox(`/control/records/${platform}/${stream}`))).json(),
  };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  const tooLate = setTimeout(() => server.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(tooLate);
}
