// Compares the sizes of the build with the budgets (KB of gzip) and fails if one is exceeded. A language has a budget of
// its own, beside those of the scripts. With --json the sizes are printed for other programs, and nothing fails.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const BUDGETS = { signIn: 95, signInAndInbox: 190, all: 380, laterChunk: 60, styles: 15, language: 12 };
/** The chunks that vite.config.ts names: what the page loads, and what the inbox loads after the sign-in. */
const START = "start";
const INBOX = "src/routes.tsx";

const manifest = JSON.parse(await readFile(new URL("../build-manifest.json", import.meta.url), "utf8"));
const sizes = new Map();

/** Size of a file in KB of gzip. */
async function sizeOf(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(await readFile(join(DIST, file)), { level: 9 }).length / 1000);
  return sizes.get(file);
}

/** The scripts that are loaded with a chunk: its own and those that it imports statically. */
function loadedWith(key, found = new Set()) {
  const chunk = manifest[key];
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) loadedWith(imported, found);
  return found;
}

async function sum(files) {
  let total = 0;
  for (const file of files) total += await sizeOf(file);
  return total;
}

/** A language has two files: for the inbox, and for the other screens. */
const isLanguage = (key) => /^src\/i18n\/[a-z]+(-screens)?\.ts$/.test(key);
const entries = Object.entries(manifest);
const signIn = loadedWith(entries.find(([, chunk]) => chunk.name === START)[0]);
const inbox = new Set([...signIn, ...loadedWith(INBOX)]);
const scripts = new Set(entries.filter(([key, chunk]) => chunk.file.endsWith(".js") && !isLanguage(key)).map(([, chunk]) => chunk.file));
const later = [...scripts].filter((file) => !inbox.has(file));
const styles = new Set(entries.flatMap(([, chunk]) => [...(chunk.css ?? []), chunk.file]).filter((file) => file.endsWith(".css")));
const languages = entries.filter(([key]) => isLanguage(key)).map(([, chunk]) => chunk.file);

const measured = {
  signIn: await sum(signIn),
  signInAndInbox: await sum(inbox),
  all: await sum(scripts),
  laterChunk: Math.max(0, ...(await Promise.all(later.map(sizeOf)))),
  styles: await sum(styles),
  language: Math.max(...(await Promise.all(languages.map(sizeOf)))),
};

if (process.argv.includes("--json")) {
  console.log(JSON.stringify(Object.entries(BUDGETS).map(([name, budget]) => ({ name, budget, size: measured[name] }))));
} else if (isOver()) {
  process.exitCode = 1;
}

/** Prints each size, and whether one is over its budget. */
function isOver() {
  const over = Object.entries(BUDGETS).filter(([name, budget]) => {
    const isTooLarge = measured[name] > budget;
    console.log(`${name.padEnd(16)} ${measured[name].toFixed(1).padStart(7)} of ${budget} KB${isTooLarge ? "  OVER THE BUDGET" : ""}`);
    return isTooLarge;
  });
  return over.length > 0;
}
