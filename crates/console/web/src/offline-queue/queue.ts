import { newKey } from "../api/key";
import { store } from "../store/store";
import { broadcast, listenToTabs } from "../tabs/channel";
import { withLock } from "../tabs/locks";
import type { QueuedContent, QueuedMessage } from "./entry";
import { post } from "./post";
import { indexedDbStorage } from "./storage";
import { QueueWorker } from "./worker";

export interface SendOptions {
  /** The newest message on screen; null in an empty thread. */
  readonly seenMessageId: number | null;
  /** Outside WhatsApp's window: keep the text and send the opener. */
  readonly hold?: boolean;
  readonly replyTo?: number | null;
  /** True if the content came out of the box, whose draft is then finished. */
  readonly clearsDraft?: boolean;
}

interface QueueListener {
  readonly onStored: (entry: QueuedMessage) => void;
  readonly onGone: (entry: QueuedMessage) => void;
}

let worker: QueueWorker | null = null;
let endListening: () => void = () => {};
let lastAt = 0;

/** Begins with what this person left on disk. */
export async function startQueue(staffId: number, listener: QueueListener): Promise<void> {
  stopQueue();
  const started = new QueueWorker(staffId, {
    storage: indexedDbStorage,
    post,
    lock: withLock,
    tellTabs: () => broadcast({ type: "queue", staffId }),
    ...listener,
  });
  worker = started;
  endListening = listenToTabs((message) => {
    if (message.type === "queue" && message.staffId === staffId) void started.load();
  });
  await started.load();
  started.drainAll();
}

export function stopQueue(): void {
  endListening();
  worker?.stop();
  worker = null;
}

/** After a replay and after a sign-in. */
export function flushQueue(): void {
  worker?.drainAll();
}

/** Sends now or when there is a connection. Shown at once in `state.queued`; returns the reference of the entry. */
export function send(conversationId: number, content: QueuedContent, options: SendOptions): string {
  lastAt = Math.max(Date.now(), lastAt + 1);
  const entry: QueuedMessage = {
    ref: newKey(),
    staff_id: store.getState().me.id,
    conversation_id: conversationId,
    content,
    seen_message_id: options.seenMessageId,
    hold: options.hold ?? false,
    reply_to: options.replyTo ?? null,
    clears_draft: options.clearsDraft ?? false,
    at: lastAt,
    confirmed_at: null,
    state: { kind: "waiting" },
  };
  void worker?.add(entry);
  return entry.ref;
}

/** `stale`: sends it in spite of the newer messages, which count as seen. */
export function sendAnyway(ref: string): void {
  again(ref, (entry) => {
    const newer = entry.state.kind === "stale" ? entry.state.newer.map(({ id }) => id) : [];
    const shown = store.getState().threads.get(entry.conversation_id)?.ids.at(-1) ?? 0;
    return { ...entry, seen_message_id: Math.max(entry.seen_message_id ?? 0, shown, ...newer) };
  });
}

/** `blocked` by `window_closed`: keeps the text and sends the opener. */
export function sendHeld(ref: string): void {
  again(ref, (entry) => ({ ...entry, hold: true }));
}

/** `blocked` by `conversation_closed`, after reopening; or `refused`: the same again. */
export function sendAgain(ref: string): void {
  again(ref, (entry) => entry);
}

/** `old`: it is still right. */
export function confirmOld(ref: string): void {
  again(ref, (entry) => entry);
}

export function discard(ref: string): void {
  if (worker?.isSending(ref) !== true) void worker?.remove(ref);
}

/** Edit: takes the entry out of the queue. Null if it has left for the server meanwhile. */
export function takeBack(ref: string): QueuedContent | null {
  const entry = worker?.get(ref);
  if (entry === undefined || worker?.isSending(ref) === true) return null;
  void worker?.remove(ref);
  return entry.content;
}

/** Entries that have not reached the server; signing out asks first if there are any. */
export function unsentCount(): number {
  return worker?.count ?? 0;
}

/** After the person's decision: it counts as written now. */
function again(ref: string, change: (entry: QueuedMessage) => QueuedMessage): void {
  const entry = worker?.get(ref);
  if (entry === undefined || entry.state.kind === "waiting") return;
  void worker?.change({ ...change(entry), confirmed_at: Date.now(), state: { kind: "waiting" } });
}
