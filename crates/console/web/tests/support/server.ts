import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { CONSOLE_FOLDER, Line } from "./line";
import { processFolder, runFolder } from "./run";

/** The binary under test; stories need the cargo feature `test-clock`. */
export const BINARY = process.env["MESSAGE_MANAGER_BINARY"] ?? new URL("../../../../../target/debug/message-manager", import.meta.url).pathname;
const START_TIMEOUT_MS = 30_000;
const FIRST_PORT = 20_000;
const PORTS = 12_000;

export interface ServerOptions {
  /** Starts with a demo hotel (default); otherwise with an empty database. */
  readonly demo?: boolean;
  /** Connects browsers through a `Line`, which can disturb the connection. */
  readonly line?: boolean;
  readonly folder?: string;
  /** The password of a generated database; otherwise the server prints the password of its demo. */
  readonly password?: string;
  readonly environment?: Record<string, string>;
}

/** A running server with its own database. `stop` removes both. */
export class Server {
  /** Increases whenever access tokens may have become invalid. */
  age = 0;

  private constructor(
    readonly folder: string,
    readonly port: number,
    /** The password of all demo sign-ins. */
    readonly password: string,
    /** The output until the server was ready. */
    readonly printed: string,
    private process: ChildProcess,
    private readonly options: ServerOptions,
    private readonly openLine: Line | null,
  ) {}

  /** The base URL for browsers. */
  get base(): string {
    return `http://127.0.0.1:${this.openLine?.port ?? this.port}`;
  }

  /** The base URL for calls without a browser, which bypass the `Line`. */
  get direct(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get line(): Line {
    if (this.openLine === null) throw new Error("start the server with a line");
    return this.openLine;
  }

  static async start(asked: ServerOptions = {}): Promise<Server> {
    const folder = asked.folder ?? mkdtempSync(join(runFolder(), "server-"));
    const port = await freePort();
    const line = asked.line === true || CONSOLE_FOLDER !== null ? await Line.open() : null;
    line?.connectTo(port);
    const origin = line === null ? {} : { ALLOWED_ORIGINS: `http://127.0.0.1:${line.port}` };
    const options = { ...asked, environment: { ...origin, ...asked.environment } };
    const { child, output } = await launch(folder, port, options);
    const password = asked.password ?? /with the password (\S+),/.exec(output)?.[1] ?? "";
    return new Server(folder, port, password, output, child, options, line);
  }

  /** Kills the server with SIGKILL, as a power cut would. */
  async kill(): Promise<void> {
    await end(this.process, "SIGKILL");
  }

  /** Stops the server in order, with SIGTERM. */
  async halt(): Promise<void> {
    await end(this.process, "SIGTERM");
  }

  /** Starts the server again on the same port and database. */
  async restart(environment: Record<string, string> = {}): Promise<void> {
    await this.halt();
    const options = { ...this.options, environment: { ...this.options.environment, ...environment } };
    this.process = (await launch(this.folder, this.port, options)).child;
    this.age += 1;
  }

  async ensureRunning(): Promise<void> {
    if (hasEnded(this.process)) await this.restart();
  }

  /** Suspends the process: connections stay open, but get no response. */
  suspend(): void {
    this.process.kill("SIGSTOP");
  }

  resume(): void {
    this.process.kill("SIGCONT");
  }

  /** Sets the server's clock ahead of the real time, by seconds. */
  setClock(seconds: number): void {
    writeFileSync(join(this.folder, "clock"), String(seconds));
    this.age += 1;
  }

  /** Runs a command of the binary on the database of this server. Returns its output. */
  run(...command: string[]): string {
    return execFileSync(BINARY, command, { cwd: this.folder, env: settings(this.folder, this.port, this.options), encoding: "utf8" });
  }

  async stop(): Promise<void> {
    this.process.kill("SIGCONT");
    await end(this.process, "SIGTERM");
    await this.openLine?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function settings(folder: string, port: number, options: ServerOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    DATA_DIR: folder,
    BIND_ADDRESS: `127.0.0.1:${port}`,
    TEST_CLOCK_FILE: join(folder, "clock"),
    ...options.environment,
  };
}

async function launch(folder: string, port: number, options: ServerOptions): Promise<{ child: ChildProcess; output: string }> {
  writeFileSync(join(folder, "clock"), "0");
  const demo = options.demo === false ? [] : ["--demo", "--simulate-whatsapp"];
  const child = spawn(BINARY, ["serve", ...demo], { cwd: folder, env: settings(folder, port, options) });
  note(child);
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error(`the server did not start:\n${output}`)), START_TIMEOUT_MS);
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!/^listening on http\S+\n/m.test(output)) return;
      clearTimeout(timeout);
      resolve();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the server ended:\n${output}`)));
  });
  return { child, output };
}

/** Registers a process, so that it is killed at the end of the run if it is still running. */
function note(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const file = join(processFolder(), String(child.pid));
  writeFileSync(file, child.spawnfile);
  child.once("exit", () => rmSync(file, { force: true }));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** Returns a free port below the ephemeral range, so that no connection takes it while a killed server is down. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
