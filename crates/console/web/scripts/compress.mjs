// Writes a .br and a .gz file beside each text file of the build; the server sends them unchanged. Moves the manifest,
// which only budgets.mjs reads, out of the build.
import { readFile, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const TEXT = /\.(css|html|js|json|svg|webmanifest)$/;
/** A smaller file fits into one packet without compression. */
const SMALLEST = 1024;

await rename(join(DIST, "manifest.json"), new URL("../build-manifest.json", import.meta.url).pathname);
const entries = await readdir(DIST, { recursive: true });
for (const entry of entries.filter((name) => TEXT.test(name))) {
  const path = join(DIST, entry);
  const bytes = await readFile(path);
  if (bytes.length < SMALLEST) continue;
  const parameters = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await writeFile(`${path}.br`, brotliCompressSync(bytes, { params: parameters }));
  await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
