import type { SocketEvent } from "../api/types";
import { backoff, restartWait } from "./backoff";

/** In milliseconds. */
const SILENCE = 60_000;
const FIRST_FRAME = 10_000;
const PROBE = 5_000;

const SESSION_OVER = 4401;
const REPLACED = 4409;
const RESTART = 1012;
/** `WebSocket.OPEN`, which the unit tests have not. */
const SOCKET_OPEN = 1;

export type Lost = "network" | "bad_origin" | "replaced";

export interface ConnectionListener {
  /** A token for the socket; throws if there is no session or no network. */
  token(): Promise<string>;
  /** Why `token` failed; `over`: the session is over, and no attempt follows until `start`. */
  causeOf(error: unknown): Lost | "over";
  /** Frames that arrived together, in order. `welcome` is the first of each connection. */
  onEvents(events: readonly SocketEvent[]): void;
  onLost(reason: Lost): void;
  /** Close code 4401. */
  onSessionOver(): void;
}

export type CreateSocket = (protocols: string[]) => WebSocket;

/**
 * The one WebSocket of a tab.
 *
 * ```
 * idle ──start──▶ connecting ──welcome──▶ open ──silent, closed──▶ waiting ──timer, wake──▶ connecting
 *                     └──no token, refused, silent──▶ waiting      (4401: idle, 4409: replaced until wake)
 * ```
 */
export class Connection {
  private readonly listener: ConnectionListener;
  private readonly createSocket: CreateSocket;
  private phase: "idle" | "connecting" | "open" | "waiting" | "replaced" = "idle";
  private socket: WebSocket | null = null;
  private attempt = 0;
  private lastFrame = 0;
  private readonly next = new Timer();
  private readonly watch = new Timer();
  private readonly frames: FrameQueue;

  constructor(listener: ConnectionListener, createSocket: CreateSocket = openSocket) {
    this.listener = listener;
    this.createSocket = createSocket;
    this.frames = new FrameQueue((events) => this.listener.onEvents(events));
  }

  start(): void {
    if (this.phase === "idle") void this.connect();
  }

  stop(): void {
    this.phase = "idle";
    this.next.clear();
    this.drop();
  }

  /** The replay has ended: the next loss begins with the shortest wait again. */
  settle(): void {
    this.attempt = 0;
  }

  /** The server has refused to go on on this socket. */
  retry(): void {
    if (this.phase === "open") this.lose("network", this.nextWait());
  }

  /** Becoming visible, online, used: connects at once, or checks that the socket is still alive. */
  wake(): void {
    if (this.phase === "waiting" || this.phase === "replaced") {
      this.attempt = 0;
      void this.connect();
    } else if (this.phase === "open") {
      this.probe();
    }
  }

  /** The browser says that there is no network: the socket is dead, though nobody has closed it. */
  offline(): void {
    if (this.phase === "open" || this.phase === "connecting") this.lose("network", backoff(this.attempt));
  }

  /** False if there is no open socket. */
  send(command: object): boolean {
    // A socket that is closing takes no more; its end comes as an event of its own.
    if (this.phase !== "open" || this.socket?.readyState !== SOCKET_OPEN) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }

  private async connect(): Promise<void> {
    this.phase = "connecting";
    this.next.clear();
    this.drop();
    let token: string;
    try {
      token = await this.listener.token();
    } catch (error) {
      if (this.phase !== "connecting") return;
      const cause = this.listener.causeOf(error);
      if (cause === "over") this.phase = "idle";
      else this.lose(cause, this.nextWait());
      return;
    }
    if (this.phase === "connecting" && this.socket === null) this.open(token);
  }

  private open(token: string): void {
    const socket = this.createSocket(["bearer", token]);
    this.socket = socket;
    this.watch.set(FIRST_FRAME, () => this.lose("network", this.nextWait()));
    socket.addEventListener("message", (event: MessageEvent) => {
      if (this.socket === socket) this.receive(event.data);
    });
    socket.addEventListener("close", (event: CloseEvent) => {
      if (this.socket === socket) this.closed(event.code);
    });
  }

  private receive(data: unknown): void {
    this.lastFrame = Date.now();
    this.phase = "open";
    this.watch.set(SILENCE, () => this.checkSilence());
    const event = parse(data);
    if (event !== null) this.frames.push(event);
  }

  private closed(code: number): void {
    // What came before the close belongs to the log, and the cursor moves with it.
    this.frames.flush();
    if (code === SESSION_OVER) {
      this.stop();
      this.listener.onSessionOver();
    } else if (code === REPLACED) {
      this.lose("replaced", null);
    } else {
      this.lose("network", code === RESTART ? restartWait() : this.nextWait());
    }
  }

  /** Timers of hidden tabs come late: the time decides, not the timer. */
  private checkSilence(): void {
    const left = this.lastFrame + SILENCE - Date.now();
    if (left > 0) this.watch.set(left, () => this.checkSilence());
    else this.lose("network", 0);
  }

  private probe(): void {
    if (Date.now() - this.lastFrame >= SILENCE) {
      this.lose("network", 0);
      return;
    }
    this.send({ command: "ping" });
    this.watch.set(PROBE, () => this.lose("network", 0));
  }

  private nextWait(): number {
    const wait = backoff(this.attempt);
    this.attempt += 1;
    return wait;
  }

  /** Without a wait nothing happens until `wake`. */
  private lose(reason: Lost, wait: number | null): void {
    this.frames.flush();
    this.drop();
    this.phase = wait === null ? "replaced" : "waiting";
    if (wait !== null) this.next.set(wait, () => void this.connect());
    this.listener.onLost(reason);
  }

  private drop(): void {
    this.watch.clear();
    this.frames.clear();
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }
}

function openSocket(protocols: string[]): WebSocket {
  const { protocol, host } = globalThis.location;
  return new WebSocket(`${protocol === "https:" ? "wss" : "ws"}://${host}/ws/staff/`, protocols);
}

function parse(data: unknown): SocketEvent | null {
  if (typeof data !== "string") return null;
  try {
    // The shape is the contract's; events of unknown types are ignored where they are applied.
    const event = JSON.parse(data) as SocketEvent;
    return typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

/** Collects the frames that are already waiting, so that the page is painted once for all of them. */
class FrameQueue {
  private readonly deliver: (events: readonly SocketEvent[]) => void;
  /** Not a timer and no animation frame: hidden tabs delay the first and stop the second. */
  private readonly channel = new MessageChannel();
  private waiting: SocketEvent[] = [];

  constructor(deliver: (events: readonly SocketEvent[]) => void) {
    this.deliver = deliver;
    this.channel.port1.addEventListener("message", () => this.flush());
    this.channel.port1.start();
  }

  push(event: SocketEvent): void {
    if (this.waiting.length === 0) this.channel.port2.postMessage(null);
    this.waiting.push(event);
  }

  flush(): void {
    const events = this.waiting;
    this.waiting = [];
    if (events.length > 0) this.deliver(events);
  }

  clear(): void {
    this.waiting = [];
  }
}

class Timer {
  private id: ReturnType<typeof setTimeout> | undefined;

  set(wait: number, run: () => void): void {
    clearTimeout(this.id);
    this.id = setTimeout(run, wait);
  }

  clear(): void {
    clearTimeout(this.id);
  }
}
