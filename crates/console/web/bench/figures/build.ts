import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { runFolder } from "../../tests/support/run";

const WEB = fileURLToPath(new URL("../..", import.meta.url));
/** Generated files, which a fresh clone does not have. */
const MADE = ["node_modules", "dist", "build-manifest.json"];

export interface Size {
  readonly name: string;
  readonly budget: number;
  readonly size: number;
}

/** Returns the gzip sizes of the build in KB. */
export function measureSizes(): readonly Size[] {
  return JSON.parse(execFileSync("node", ["scripts/budgets.mjs", "--json"], { cwd: WEB, encoding: "utf8" })) as Size[];
}

/** Returns the seconds of `npm ci` and `npm run build` in a copy of the sources. */
export function measureBuild(): number {
  const clone = mkdtempSync(join(runFolder(), "clone-"));
  const copy = join(clone, "crates/console/web");
  cpSync(WEB, copy, { recursive: true, filter: (path) => !MADE.includes(basename(path)) });
  cpSync(join(WEB, "../../../Cargo.toml"), join(clone, "Cargo.toml"));
  const start = performance.now();
  execFileSync("npm", ["ci"], { cwd: copy, stdio: "ignore" });
  execFileSync("npm", ["run", "build"], { cwd: copy, stdio: "ignore" });
  return (performance.now() - start) / 1_000;
}
