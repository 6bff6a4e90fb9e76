import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Environment variable with the folder of this run: the data of its servers, and one file per running process. */
const FOLDER = "CONSOLE_STORIES_FOLDER";

export function runFolder(): string {
  const folder = process.env[FOLDER];
  if (folder === undefined) throw new Error("start the stories with vitest.stories.config.ts");
  return folder;
}

/** Creates the folder of the run, and at its end kills leftover processes. Called by vitest once per run. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "console-stories-"));
  mkdirSync(processFolder(folder));
  process.env[FOLDER] = folder;
  return () => {
    for (const pid of readdirSync(processFolder(folder))) endLeftOver(Number(pid), readFileSync(join(processFolder(folder), pid), "utf8"));
    rmSync(folder, { recursive: true, force: true });
  };
}

export function processFolder(folder = runFolder()): string {
  return join(folder, "processes");
}

function endLeftOver(pid: number, name: string): void {
  try {
    process.kill(pid, "SIGKILL");
    console.warn(`ended a process that a story has left: ${name} (${pid})`);
  } catch {
    // The process has already ended.
  }
}
