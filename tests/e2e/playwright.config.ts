import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import { artifacts } from "./programs";

export default defineConfig({
  testDir: "specs",
  outputDir: join(artifacts, "e2e"),
  // Each test has its own Patchbay and its own platforms; the machine's cores are the limit.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  retries: process.env.CI === undefined ? 0 : 2,
  forbidOnly: process.env.CI !== undefined,
  reporter: [["list"], ["junit", { outputFile: join(artifacts, "e2e", "junit.xml") }]],
  use: {
    viewport: { width: 1440, height: 900 },
    colorScheme: "light",
    contextOptions: { reducedMotion: "reduce" },
    locale: "en-GB",
    actionTimeout: 15_000,
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.PATCHBAY_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    },
  },
});
