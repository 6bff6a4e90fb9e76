import { defineConfig } from "vitest/config";

/** Stories drive the real binary with Chromium. `make console-stories` sets the paths of both. */
export default defineConfig({
  test: {
    environment: "node",
    include: process.env["SCREENSHOTS"] === "1" ? ["tests/screenshots.ts"] : ["tests/**/*.story.ts"],
    globalSetup: "tests/support/run.ts",
    // A story waits most of the time; one file is one server and one browser.
    fileParallelism: true,
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Stories depend on the speed of the machine; each makes guests of its own and can be repeated.
    retry: 2,
    expect: { poll: { timeout: 30_000, interval: 100 } },
  },
});
