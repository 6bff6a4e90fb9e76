import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { runFolder } from "./support/run";
import { Stage } from "./support/stage";

const CONSOLE = fileURLToPath(new URL("../../", import.meta.url));

const stage = new Stage();

// A binary without console: crates/app/src/pages.rs, a_binary_without_console_says_what_is_missing.
test("1: the printed address shows the sign-in form", async () => {
  const address = /^listening on (http:\/\/\S+)$/m.exec(stage.server.printed)?.[1];
  expect(address).toBe(stage.server.direct);
  const { page } = await stage.arrive();
  await page.goto(stage.server.base);
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  const docs = await fetch(`${stage.server.direct}/api/docs/`);
  expect([docs.status, docs.headers.get("content-type")?.includes("text/html")]).toEqual([200, true]);
});

test("1: without Node the build prints that it is missing, and continues", async () => {
  const folder = mkdtempSync(join(runFolder(), "without-node-"));
  const programs = join(folder, "programs");
  mkdirSync(programs);
  for (const program of ["bash", "dirname", "find", "printf"]) symlinkSync(`/usr/bin/${program}`, join(programs, program));
  mkdirSync(join(folder, "web"));
  cpSync(join(CONSOLE, "make-console.sh"), join(folder, "make-console.sh"));
  cpSync(join(CONSOLE, "web", "package.json"), join(folder, "web", "package.json"));
  const build = (environment: Record<string, string>) =>
    execFileSync("/usr/bin/bash", ["-c", "./make-console.sh 2>&1"], {
      cwd: folder,
      env: { PATH: programs, ...environment },
      // If its input were a socket, bash would read `.bashrc`.
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "utf8",
    });
  expect(build({})).toMatch(/Node is missing.*Get Node 20\.19 or newer/s);
  expect(() => build({ REQUIRE_ALL: "1" })).toThrow();
});
