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
  /** If the 24-hour window is closed: the server holds the text and sends the opener template. */
  readonly hold?: boolean;
  readonly replyTo?: number | null;
  /** The content comes from the composer box, so the server deletes the draft with it. */
  readonly clearsDraft?: boolean;
}

interface QueueListener {
  readonly onStored: (entry: QueuedMessage) => void;
  readonly onGone: (entry: QueuedMessage) => void;
}

let worker: QueueWorker | null = null;
let endListening: () => void = () => {};
let lastAt = 0;

/** Starts the queue of a staff member with the entries left in IndexedDB. */
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

/** Retries all waiting entries at once, after a replay or a sign-in. */
export function flushQueue(): void {
  worker?.drainAll();
}

/** Adds a message to the offline queue, which sends it once there is a connection. Returns its idempotency key. */
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

/** Sends a `stale` entry in spite of the newer messages, which now count as seen. */
export function sendAnyway(ref: string): void {
  again(ref, (entry) => {
    const newer = entry.state.kind === "stale" ? entry.state.newer.map(({ id }) => id) : [];
    const shown = store.getState().threads.get(entry.conversation_id)?.ids.at(-1) ?? 0;
    return { ...entry, seen_message_id: Math.max(entry.seen_message_id ?? 0, shown, ...newer) };
  });
}

/** Sends an entry `blocked` by `window_closed` with `hold`: the server keeps the text and sends the opener template. */
export function sendHeld(ref: string): void {
  again(ref, (entry) => ({ ...entry, hold: true }));
}

/** Sends an entry again unchanged: one `blocked` by `conversation_closed` after reopening, or a `refused` one. */
export function sendAgain(ref: string): void {
  again(ref, (entry) => entry);
}

/** Sends an `old` entry after the person has confirmed it. */
export function confirmOld(ref: string): void {
  again(ref, (entry) => entry);
}

export function discard(ref: string): void {
  if (worker?.isSending(ref) !== true) void worker?.remove(ref);
}

/**
 * Removes an entry from the queue, to edit it, and returns its content. Returns null if it is being sent or was sent.
 */
export function takeBack(ref: string): QueuedContent | null {
  const entry = worker?.get(ref);
  if (entry === undefined || worker?.isSending(ref) === true) return null;
  void worker?.remove(ref);
  return entry.content;
}

/** Number of entries in the queue. Signing out asks first if there are any. */
export function unsentCount(): number {
  return worker?.count ?? 0;
}

/** Sends an entry after a decision of the person; it counts as written now. */
function again(ref: string, change: (entry: QueuedMessage) => QueuedMessage): void {
  const entry = worker?.get(ref);
  if (entry === undefined || entry.state.kind === "waiting") return;
  void worker?.change({ ...change(entry), confirmed_at: Date.now(), state: { kind: "waiting" } });
}
