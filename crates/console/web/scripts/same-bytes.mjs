// Checks that the build is reproducible: builds a second time, into a temporary folder, and fails if a file differs from
// the one in dist.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";

const DIST = new URL("../dist/", import.meta.url).pathname;

const second = await mkdtemp(join(tmpdir(), "console-build-"));
try {
  await build({ logLevel: "warn", build: { outDir: second, emptyOutDir: true } });
  const different = await differences(second);
  for (const file of different) console.error(`two builds of the same sources differ: ${file}`);
  if (different.length > 0) process.exitCode = 1;
} finally {
  await rm(second, { recursive: true });
}

/** Returns the names of files that differ between the builds or exist in only one of them. */
async function differences(folder) {
  const [first, other] = await Promise.all([filesOf(DIST), filesOf(folder)]);
  const names = [...new Set([...first, ...other])].toSorted();
  const isDifferent = async (name) => {
    if (!first.has(name) || !other.has(name)) return true;
    const [before, after] = await Promise.all([readFile(join(DIST, name)), readFile(join(folder, name))]);
    return !before.equals(after);
  };
  const results = await Promise.all(names.map(isDifferent));
  return names.filter((_, at) => results[at]);
}

/** Returns the files of a build, without compressed copies, which are derived, and without the manifest. */
async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name) && entry.name !== "manifest.json");
  return new Set(files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replace(/^\//, "")));
}
