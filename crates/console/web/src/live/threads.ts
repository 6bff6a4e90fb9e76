import { getConversation, getMessages, type MessageWindow } from "../api/calls";
import type { Page } from "../api/http";
import { ApiError } from "../api/problem";
import type { Message } from "../api/types";
import type { MessagesPage } from "../store/actions";
import { dispatch, store } from "../store/store";
import type { Commands } from "./commands";

/** Messages that one request fetches. */
const WINDOW = 200;
/** Threads that stay in memory after they were closed. */
const KEPT = 10;

/** Fetches threads and subscribes to the open ones. */
export class Threads {
  private readonly commands: Commands;
  private readonly isLive: () => boolean;
  private readonly opened = new Map<number, OpenThread>();
  private readonly loading = new Set<string>();
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

  /** In advance: shown if the conversation is opened, and fetched again then. */
  prefetch(id: number): void {
    if (store.getState().threads.has(id) || !store.getState().conversations.has(id)) return;
    this.recent = [...this.recent, id];
    dispatch({ type: "thread_loading", id });
    void this.fetchNewest(id);
  }

  /** The next `resume` subscribes to the open threads and replays from there. */
  resumeFrom(seq: number): void {
    for (const [id, thread] of this.opened) {
      if (!thread.isComplete) this.note(id, { heldFrom: seq });
    }
  }

  /** The replay has ended: what a lost connection has left unfinished is done now. */
  resumed(): void {
    for (const [id, thread] of this.opened) {
      if (thread.heldFrom === null && !thread.isComplete) void this.subscribe(id);
      if (thread.pageSeq === null) void this.fetchNewest(id);
    }
  }

  /** After a resync: nothing that was loaded is known to be complete. */
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

  /** A conversation that had left is visible again. */
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
      else dispatch({ type: "thread_failed", id });
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
      // A jump or the limit of the page has moved the edge meanwhile: the page would not touch it.
      if (edgeOf(id, direction) === edge) dispatch({ type: "messages", page: toPage(id, direction, page) });
    } finally {
      this.loading.delete(key);
    }
  }

  async fetchAround(id: number, messageId: number): Promise<void> {
    const page = await getMessages(id, { around: messageId, limit: WINDOW });
    dispatch({ type: "messages", page: toPage(id, "window", page) });
  }

  /** False if no answer came that says anything. */
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
    } catch {
      // Not visible any more, which the fetch finds out; or lost, and the next resume subscribes.
    }
  }

  /** A page from before the subscription may lack messages of between: it is fetched again. */
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
  /** The `seq` from which the subscription holds. */
  readonly heldFrom: number | null;
  /** The `seq` of the newest page. */
  readonly pageSeq: number | null;
  /** Page and subscription meet: from now on events keep the thread complete. */
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

/** The `seq` of the last event about a conversation. */
function changeOf(id: number): number | undefined {
  return store.getState().conversationSeqs.get(id);
}

/** Whether it is no longer visible. An event of meanwhile knows better than the answer: it may have come back. */
function isGone(error: unknown, id: number, changedAt: number | undefined): boolean {
  return error instanceof ApiError && error.problem.status === 404 && changeOf(id) === changedAt;
}
