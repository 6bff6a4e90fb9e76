import { freshToken } from "../api/access";
import { refresh } from "../api/auth";
import { getInbox } from "../api/calls";
import { ApiError, NetworkError } from "../api/problem";
import type { SocketEvent } from "../api/types";
import type { Action } from "../store/actions";
import type { Cursor } from "../store/state";
import { dispatch, store } from "../store/store";
import { backoff } from "./backoff";
import { CommandError, Commands } from "./commands";
import { Connection, type CreateSocket, type Lost } from "./connection";
import { followCounts } from "./counts";
import { refetchDirectory } from "./directory";
import { Threads } from "./threads";

/** A replay is applied in batches of about this many events. */
const LARGEST_BATCH = 2_000;
/**
 * Delay in milliseconds before fetching a conversation known only from `new_conversation`: its list item usually
 * follows as an event.
 */
const NEW_CONVERSATION_WAIT = 500;
const FETCH_AGAIN_WAIT = 5_000;

export interface FollowerListener {
  onSessionOver(): void;
  /** Called after each replay. */
  onLive(): void;
  onVersion(version: string): void;
  /** Called after an event was applied to the store. */
  onEvent(event: SocketEvent): void;
}

/**
 * Keeps the store up to date for one staff member: snapshot → socket → `welcome` → `resume` → `resumed`. A lost socket
 * repeats this from the socket on; `resync_required` takes a new snapshot first.
 */
export class Follower {
  readonly commands: Commands;
  readonly threads: Threads;
  private readonly listener: FollowerListener;
  private readonly connection: Connection;
  /** Events of the current replay, until `resumed`; null while live. */
  private replay: SocketEvent[] | null = null;
  /** Number of `resume` commands without `resumed`. The replay is complete after the last one. */
  private resumes = 0;
  private isWelcome = false;
  /** The last socket was closed before its `welcome`, for example because of an invalid token. */
  private wasRefused = false;
  private isStopped = false;
  private isLoadingInbox = false;
  private fetching = new Set<number>();
  private endWait: () => void = () => {};

  constructor(listener: FollowerListener, createSocket?: CreateSocket) {
    this.listener = listener;
    const callbacks = {
      // Browsers hide why a WebSocket was refused: only a token refresh distinguishes an invalid token from a dead
      // network.
      token: async () => (this.wasRefused ? null : freshToken()) ?? (await refresh()).access,
      causeOf,
      onEvents: (events: readonly SocketEvent[]) => this.receive(events),
      onLost: (reason: Lost) => this.lost(reason),
      onSessionOver: () => listener.onSessionOver(),
    };
    this.connection = createSocket === undefined ? new Connection(callbacks) : new Connection(callbacks, createSocket);
    this.commands = new Commands((command) => this.connection.send(command));
    this.threads = new Threads(this.commands, () => this.isLive);
  }

  get isLive(): boolean {
    return store.getState().connection.phase === "live";
  }

  start(): void {
    this.connection.start();
    // After a sign-in in the dialog over the page, the state and its cursor are still valid.
    if (store.getState().cursor === null) void this.loadInbox();
  }

  stop(): void {
    this.isStopped = true;
    this.connection.stop();
    this.commands.lose();
  }

  /** Ends the current waits and retries at once. */
  wake(): void {
    this.endWait();
    this.connection.wake();
  }

  offline(): void {
    this.connection.offline();
  }

  private receive(events: readonly SocketEvent[]): void {
    for (const event of events) {
      this.commands.receive(event);
      if (event.type === "welcome") this.welcome(event);
    }
    if (this.replay === null) this.apply(events);
    else this.collect(events);
  }

  private welcome(event: Extract<SocketEvent, { type: "welcome" }>): void {
    this.isWelcome = true;
    this.wasRefused = false;
    this.listener.onVersion(event.version);
    const { cursor } = store.getState();
    if (cursor !== null) void this.resume(cursor);
  }

  /** Buffers a replay until it is complete, so that the page renders and rings once. */
  private collect(events: readonly SocketEvent[]): void {
    this.replay = [...(this.replay ?? []), ...events];
    this.resumes -= events.filter(({ type }) => type === "resumed").length;
    const isResumed = this.resumes <= 0;
    if (!isResumed && this.replay.length < LARGEST_BATCH) return;
    const collected = this.replay;
    this.replay = isResumed ? null : [];
    this.apply(collected);
    if (isResumed) this.resumed();
  }

  private apply(events: readonly SocketEvent[]): void {
    const at = Date.now();
    dispatch(...events.map((event): Action => ({ type: "event", event, at })));
    this.fetchMissing();
    this.threads.reopenReturned();
    for (const event of events) {
      if (event.type === "directory_updated") this.refetch(event.what);
      this.listener.onEvent(event);
    }
  }

  private async resume(cursor: Cursor): Promise<void> {
    this.replay ??= [];
    this.resumes += 1;
    this.threads.resumeFrom(cursor.seq);
    if (store.getState().connection.phase !== "starting") {
      dispatch({ type: "connection", connection: { phase: "replaying", since: Date.now() } });
    }
    const command = { command: "resume", epoch: cursor.epoch, after_seq: cursor.seq, inbox: true };
    try {
      await this.commands.request({ ...command, conversation_ids: this.threads.openIds });
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === "lost") return;
      this.resumes -= 1;
      if (error.code === "resync_required") await this.resync();
      else this.connection.retry();
    }
  }

  private resumed(): void {
    this.connection.settle();
    this.threads.resumed();
    void followCounts(this.commands);
    this.listener.onLive();
  }

  /** Loads everything again, because the log does not reach back to the cursor or the database was restored. */
  private async resync(): Promise<void> {
    const epoch = store.getState().cursor?.epoch;
    await this.loadInbox();
    if (this.isStopped) return;
    this.threads.reload();
    if (epoch !== store.getState().cursor?.epoch) this.fetching = new Set();
  }

  /** Fetches the snapshot, and resumes from its cursor if the socket is open. */
  private async loadInbox(attempt = 0): Promise<void> {
    if (this.isLoadingInbox && attempt === 0) return;
    this.isLoadingInbox = true;
    try {
      const { data, cursor } = await getInbox();
      if (this.isStopped) return;
      this.isLoadingInbox = false;
      if (cursor !== null) {
        dispatch({ type: "inbox", inbox: data, cursor });
        if (this.isWelcome) void this.resume(cursor);
      }
    } catch (error) {
      if (this.isStopped) return;
      if (error instanceof ApiError) dispatch({ type: "inbox_refused", problem: error.problem });
      await new Promise<void>((resolve) => {
        this.endWait = resolve;
        setTimeout(resolve, waitAfter(error, attempt));
      });
      if (!this.isStopped) await this.loadInbox(attempt + 1);
    }
  }

  private lost(reason: Lost): void {
    this.wasRefused = !this.isWelcome;
    this.isWelcome = false;
    this.replay = null;
    this.resumes = 0;
    this.commands.lose();
    const { connection } = store.getState();
    const since = connection.phase === "offline" || connection.phase === "replaying" ? connection.since : Date.now();
    dispatch({ type: "connection", connection: { phase: "offline", since, reason } });
  }

  private refetch(what: Extract<SocketEvent, { type: "directory_updated" }>["what"]): void {
    if (store.getState().cursor === null) return;
    if (what === "reach") void this.loadInbox();
    else void refetchDirectory(what);
  }

  private fetchMissing(): void {
    const { missing, conversationSeqs } = store.getState();
    for (const id of missing) {
      if (this.fetching.has(id)) continue;
      this.fetching.add(id);
      const load = async () => {
        const isAnswered = await this.threads.fetchConversation(id);
        if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, FETCH_AGAIN_WAIT));
        this.fetching.delete(id);
        // An event can be newer than the response. Without a connection, the next replay calls this again.
        if (this.isLive && !this.isStopped) this.fetchMissing();
      };
      setTimeout(() => void load(), conversationSeqs.has(id) ? 0 : NEW_CONVERSATION_WAIT);
    }
  }
}

function causeOf(error: unknown): Lost | "over" {
  if (!(error instanceof ApiError)) return "network";
  if (error.problem.status === 401) return "over";
  return error.problem.code === "bad_origin" ? "bad_origin" : "network";
}

function waitAfter(error: unknown, attempt: number): number {
  const asked = error instanceof ApiError ? error.problem.retryAfter : null;
  if (asked !== null) return asked * 1000;
  // A refusal below 500 rarely passes soon, so it starts with a longer backoff.
  const isLasting = !(error instanceof NetworkError) && !(error instanceof ApiError && error.problem.status >= 500);
  return backoff(isLasting ? attempt + 4 : attempt) + 200;
}
