// Runs the benchmark of the console, which is written in TypeScript: `make bench-console`.
import { runnerImport } from "vite";

await runnerImport(new URL("main.ts", import.meta.url).pathname);
