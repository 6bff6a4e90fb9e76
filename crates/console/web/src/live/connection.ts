import type { SocketEvent } from "../api/types";
import { backoff, restartWait } from "./backoff";

/** Timeouts in milliseconds: for any frame, for the first frame, and for a frame after a ping. */
const SILENCE_TIMEOUT = 60_000;
const WELCOME_TIMEOUT = 10_000;
const PING_TIMEOUT = 5_000;

const SESSION_OVER = 4401;
const REPLACED = 4409;
const RESTART = 1012;
/** `WebSocket.OPEN`, because unit tests run without the global `WebSocket`. */
const SOCKET_OPEN = 1;

export type Lost = "network" | "bad_origin" | "replaced";

export interface ConnectionListener {
  /** Returns an access token for the socket. Rejects if there is no session or no network. */
  token(): Promise<string>;
  /** Maps an error of `token` to a reason. `over`: the session is over, and no attempt follows until `start`. */
  causeOf(error: unknown): Lost | "over";
  /** Frames that arrived together, in order. The first frame of each connection is `welcome`. */
  onEvents(events: readonly SocketEvent[]): void;
  onLost(reason: Lost): void;
  /** The server closed the socket with code 4401. */
  onSessionOver(): void;
}

export type CreateSocket = (protocols: string[]) => WebSocket;

/**
 * The only WebSocket of a tab. It reconnects with backoff and without a last attempt.
 *
 * ```
 * idle ──start──▶ connecting ──first frame──▶ open ──closed, no frame for 60 s──▶ waiting
 * connecting ──no token, closed, no frame for 10 s──▶ waiting ──timer, wake──▶ connecting
 * connecting, open ──close code 4409──▶ replaced ──wake──▶ connecting
 * connecting, open ──close code 4401, session over──▶ idle
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

  /** Resets the backoff after a complete replay. */
  settle(): void {
    this.attempt = 0;
  }

  /** Reconnects with backoff after the server has refused `resume` on this socket. */
  retry(): void {
    if (this.phase === "open") this.lose("network", this.nextWait());
  }

  /**
   * Reconnects at once, or pings the open socket. Call when the tab becomes visible or is used, or the browser is
   * online.
   */
  wake(): void {
    if (this.phase === "waiting" || this.phase === "replaced") {
      this.attempt = 0;
      void this.connect();
    } else if (this.phase === "open") {
      this.probe();
    }
  }

  /** Drops the socket without waiting for a close event, because the browser reports that there is no network. */
  offline(): void {
    if (this.phase === "open" || this.phase === "connecting") this.lose("network", backoff(this.attempt));
  }

  /** Returns `false` if there is no open socket. */
  send(command: object): boolean {
    // A closing socket discards frames; its close event follows.
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
    this.watch.set(WELCOME_TIMEOUT, () => this.lose("network", this.nextWait()));
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
    this.watch.set(SILENCE_TIMEOUT, () => this.checkSilence());
    const event = parse(data);
    if (event !== null) this.frames.push(event);
  }

  private closed(code: number): void {
    // Frames that arrived before the close are part of the log and move the cursor.
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

  /** Timers of hidden tabs fire late, so the time of the last frame decides. */
  private checkSilence(): void {
    const left = this.lastFrame + SILENCE_TIMEOUT - Date.now();
    if (left > 0) this.watch.set(left, () => this.checkSilence());
    else this.lose("network", 0);
  }

  private probe(): void {
    if (Date.now() - this.lastFrame >= SILENCE_TIMEOUT) {
      this.lose("network", 0);
      return;
    }
    this.send({ command: "ping" });
    this.watch.set(PING_TIMEOUT, () => this.lose("network", 0));
  }

  private nextWait(): number {
    const wait = backoff(this.attempt);
    this.attempt += 1;
    return wait;
  }

  /** Drops the socket. Reconnects after `wait` milliseconds, or not before `wake` if `wait` is null. */
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
    // The contract defines the shape; unknown event types are ignored when they are applied.
    const event = JSON.parse(data) as SocketEvent;
    return typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

/** Batches the frames that have already arrived, so that the page renders once for all of them. */
class FrameQueue {
  private readonly deliver: (events: readonly SocketEvent[]) => void;
  /** A `MessageChannel`, because hidden tabs throttle timers and stop animation frames. */
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
