import { getConversation, getMessages, type MessageWindow } from "../api/calls";
import type { Page } from "../api/http";
import { ApiError } from "../api/problem";
import type { Message } from "../api/types";
import type { MessagesPage } from "../store/actions";
import { dispatch, store } from "../store/store";
import type { Commands } from "./commands";
import { loadScheduled } from "./scheduled";

/** Number of messages per request. */
const WINDOW = 200;
/** Number of recent threads that stay in memory. */
const KEPT = 10;

/** Fetches threads and subscribes to the open ones. */
export class Threads {
  private readonly commands: Commands;
  private readonly isLive: () => boolean;
  private readonly opened = new Map<number, OpenThread>();
  private readonly loading = new Set<string>();
  /** The message of the last jump whose page has not arrived, by conversation. */
  private readonly jumps = new Map<number, number>();
  private recent: readonly number[] = [];

  constructor(commands: Commands, isLive: () => boolean) {
    this.commands = commands;
    this.isLive = isLive;
  }

  get openIds(): readonly number[] {
    return [...this.opened.keys()];
  }

  open(id: number): void {
    this.opened.set(id, { heldFrom: null, pageSeq: null, isComplete: false });
    this.recent = [id, ...this.recent.filter((other) => other !== id)];
    this.forgetOld();
    dispatch({ type: "thread_loading", id });
    if (this.isLive()) void this.subscribe(id);
    void this.fetchNewest(id);
    if (!store.getState().conversations.has(id)) void this.fetchConversation(id);
  }

  close(id: number): void {
    if (!this.opened.delete(id)) return;
    if (this.isLive()) this.commands.tell({ command: "unsubscribe_from_conversation", conversation_id: id });
    dispatch({ type: "thread_trimmed", id, keep: WINDOW });
  }

  /** Fetches a thread in advance. Opening it shows these messages at once and fetches again. */
  prefetch(id: number): void {
    if (store.getState().threads.has(id) || !store.getState().conversations.has(id)) return;
    this.recent = [...this.recent, id];
    dispatch({ type: "thread_loading", id });
    void this.fetchNewest(id);
  }

  /** Records that the next `resume` subscribes to the open threads and replays from `seq`. */
  resumeFrom(seq: number): void {
    for (const [id, thread] of this.opened) {
      if (!thread.isComplete) this.note(id, { heldFrom: seq });
    }
  }

  /** After a replay: repeats subscriptions and fetches that the lost connection interrupted. */
  resumed(): void {
    for (const [id, thread] of this.opened) {
      if (thread.heldFrom === null && !thread.isComplete) void this.subscribe(id);
      if (thread.pageSeq === null) void this.fetchNewest(id);
      void loadScheduled(id);
    }
  }

  /** After a resync: refetches the open threads and drops the others, because events are missing in all of them. */
  reload(): void {
    for (const id of this.opened.keys()) {
      this.opened.set(id, { heldFrom: null, pageSeq: null, isComplete: false });
      dispatch({ type: "thread_loading", id });
      void this.fetchNewest(id);
    }
    for (const id of store.getState().threads.keys()) {
      if (!this.opened.has(id)) dispatch({ type: "thread_dropped", id });
    }
  }

  /** Reopens threads whose conversation has become visible again. */
  reopenReturned(): void {
    const { threads, conversations } = store.getState();
    for (const id of this.opened.keys()) {
      if (threads.get(id)?.phase === "gone" && conversations.has(id)) this.open(id);
    }
  }

  async fetchNewest(id: number): Promise<void> {
    const key = `newest/${id}`;
    if (this.loading.has(key)) return;
    this.loading.add(key);
    const changedAt = changeOf(id);
    try {
      const page = await getMessages(id, { limit: WINDOW });
      dispatch({ type: "messages", page: toPage(id, "newest", page) });
      this.loading.delete(key);
      this.note(id, { pageSeq: page.cursor?.seq ?? 0 });
    } catch (error) {
      this.loading.delete(key);
      if (isGone(error, id, changedAt)) dispatch({ type: "conversation_gone", id });
      else dispatch({ type: "thread_failed", id, problem: error instanceof ApiError ? error.problem : null });
    }
  }

  async fetchMore(id: number, direction: "older" | "newer"): Promise<void> {
    const edge = edgeOf(id, direction);
    const key = `${direction}/${id}`;
    if (edge === undefined || this.loading.has(key)) return;
    this.loading.add(key);
    try {
      const window: MessageWindow = direction === "older" ? { before: edge, limit: WINDOW } : { after: edge, limit: WINDOW };
      const page = await getMessages(id, window);
      // If a jump or the message limit has moved the edge meanwhile, the page would leave a gap.
      if (edgeOf(id, direction) === edge) dispatch({ type: "messages", page: toPage(id, direction, page) });
    } finally {
      this.loading.delete(key);
    }
  }

  /** Fetches the end of the thread. A page around another message that arrives later is dropped. */
  async jumpToNewest(id: number): Promise<void> {
    this.jumps.delete(id);
    await this.fetchNewest(id);
  }

  /** Fetches the messages around a message. The page is dropped if there was another jump meanwhile. */
  async fetchAround(id: number, messageId: number): Promise<void> {
    this.jumps.set(id, messageId);
    const page = await getMessages(id, { around: messageId, limit: WINDOW });
    if (this.jumps.get(id) !== messageId) return;
    this.jumps.delete(id);
    dispatch({ type: "messages", page: toPage(id, "window", page) });
  }

  /** Returns `false` if the request has to be repeated. A 404 is final. */
  async fetchConversation(id: number): Promise<boolean> {
    const changedAt = changeOf(id);
    try {
      const page = await getConversation(id);
      dispatch({ type: "conversations", conversations: [page.data], seq: page.cursor?.seq ?? null });
      return true;
    } catch (error) {
      if (isGone(error, id, changedAt)) dispatch({ type: "conversation_gone", id });
      return error instanceof ApiError && error.problem.status === 404;
    }
  }

  private async subscribe(id: number): Promise<void> {
    try {
      const ack = await this.commands.request({ command: "subscribe_to_conversation", conversation_id: id });
      dispatch({ type: "viewers", id, viewers: ack.viewers ?? [], at: Date.now() });
      this.note(id, { heldFrom: ack.seq ?? 0 });
      // After the subscription, so that no change is missed between list and events.
      void loadScheduled(id);
    } catch {
      // If the conversation is not visible, the fetch returns 404. If the connection was lost, the next resume
      // subscribes.
    }
  }

  /** Updates the state of an open thread. A page older than the subscription may lack messages, so it is refetched. */
  private note(id: number, known: Partial<OpenThread>): void {
    const thread = this.opened.get(id);
    if (thread === undefined) return;
    const { heldFrom, pageSeq } = { ...thread, ...known };
    const isComplete = heldFrom !== null && pageSeq !== null && pageSeq >= heldFrom;
    this.opened.set(id, { heldFrom, pageSeq, isComplete: thread.isComplete || isComplete });
    if (heldFrom !== null && pageSeq !== null && pageSeq < heldFrom && !thread.isComplete) void this.fetchNewest(id);
  }

  private forgetOld(): void {
    for (const id of this.recent.slice(KEPT)) {
      if (!this.opened.has(id)) dispatch({ type: "thread_dropped", id });
    }
    this.recent = this.recent.slice(0, KEPT);
  }
}

interface OpenThread {
  /** `seq` from which the subscription delivers events; null while not subscribed. */
  readonly heldFrom: number | null;
  /** `seq` of the newest page; null before the first one. */
  readonly pageSeq: number | null;
  /** The page is not older than the subscription: from now on events keep the thread complete. */
  readonly isComplete: boolean;
}

function toPage(id: number, position: MessagesPage["position"], page: Page<Message[]>): MessagesPage {
  const { data, cursor, links } = page;
  return { id, position, messages: data, seq: cursor?.seq ?? null, hasOlder: links.prev, hasNewer: links.next };
}

function edgeOf(id: number, direction: "older" | "newer"): number | undefined {
  const thread = store.getState().threads.get(id);
  return direction === "older" ? thread?.ids[0] : thread?.ids.at(-1);
}

/** Returns the `seq` of the last event about a conversation. */
function changeOf(id: number): number | undefined {
  return store.getState().conversationSeqs.get(id);
}

/**
 * Returns whether a 404 means that the conversation is no longer visible. If an event has arrived since the request,
 * the event decides.
 */
function isGone(error: unknown, id: number, changedAt: number | undefined): boolean {
  return error instanceof ApiError && error.problem.status === 404 && changeOf(id) === changedAt;
}
