import type { Delivery, Message } from "../api/types";
import type { MessagesPage } from "./actions";
import { laterDelivery, mergeMessage } from "./delivery";
import { withEntry, withoutKey } from "./maps";
import type { Thread } from "./state";

/** Maximum number of messages of one thread in memory and in the page. */
export const MOST_MESSAGES = 1000;

export const EMPTY_THREAD: Thread = {
  ids: [],
  messages: new Map(),
  seqs: new Map(),
  hasOlder: false,
  hasNewer: false,
  phase: "loading",
  problem: null,
  newLineAfter: null,
  newLinePending: true,
};

/** Puts a message of an event or a response. A message beyond a gap is skipped, because a later page brings it. */
export function putMessage(thread: Thread, message: Message, seq: number | null): Thread {
  const known = thread.messages.get(message.id);
  if (known === undefined && (!canGrowBy(thread, message.id) || isOutdated(thread, message.id, seq))) return thread;
  const messages = withEntry(thread.messages, message.id, mergeMessage(known, message));
  const ids = known === undefined ? insertId(thread.ids, message.id) : thread.ids;
  return trimOldest({ ...thread, ids, messages, seqs: noteSeq(thread.seqs, message.id, seq) });
}

export function removeMessage(thread: Thread, id: number, seq: number): Thread {
  return {
    ...thread,
    ids: thread.ids.filter((other) => other !== id),
    messages: withoutKey(thread.messages, id),
    seqs: noteSeq(thread.seqs, id, seq),
  };
}

export function setDelivery(thread: Thread, id: number, reported: Delivery, failure: string | null, seq: number): Thread {
  const message = thread.messages.get(id);
  if (message === undefined) return thread;
  const seqs = noteSeq(thread.seqs, id, seq);
  if (laterDelivery(message.delivery, reported) !== reported) return { ...thread, seqs };
  return { ...thread, seqs, messages: withEntry(thread.messages, id, { ...message, delivery: reported, failure }) };
}

/** Merges a page by id with the messages of events. `unread` is the number of unread guest messages. */
export function putPage(thread: Thread, page: MessagesPage, unread: number): Thread {
  const merged = mergePage(thread, page);
  const ready: Thread = { ...merged, phase: "ready" };
  return page.position === "newest" && thread.newLinePending ? placeNewLine(ready, unread) : ready;
}

/** Places the "new" line above the oldest unread guest message. */
export function placeNewLine(thread: Thread, unread: number): Thread {
  return { ...thread, newLinePending: false, newLineAfter: lastRead(thread, unread) };
}

/** Returns the message above the oldest unread guest message; 0 if it is not loaded; null if all are read. */
function lastRead(thread: Thread, unread: number): number | null {
  if (unread <= 0) return null;
  let left = unread;
  for (let at = thread.ids.length - 1; at >= 0; at -= 1) {
    if (messageAt(thread, at)?.sender_type === "guest") left -= 1;
    if (left === 0) return thread.ids[at - 1] ?? 0;
  }
  return 0;
}

export function messageAt(thread: Thread, at: number): Message | undefined {
  const id = thread.ids[at];
  return id === undefined ? undefined : thread.messages.get(id);
}

/** Returns the number of loaded guest messages after a message. */
export function guestMessagesAfter(thread: Thread, messageId: number): number {
  return thread.ids.filter((id) => id > messageId && thread.messages.get(id)?.sender_type === "guest").length;
}

/** Keeps only the newest messages of a closed thread. */
export function trimThread(thread: Thread, keep: number): Thread {
  if (thread.ids.length <= keep || thread.hasNewer) return thread;
  return { ...withIds(thread, thread.ids.slice(-keep)), hasOlder: true };
}

function mergePage(thread: Thread, page: MessagesPage): Thread {
  const current = page.messages.filter((message) => {
    return thread.messages.has(message.id) || !isOutdated(thread, message.id, page.seq);
  });
  const first = page.messages[0]?.id ?? Number.POSITIVE_INFINITY;
  const last = page.messages.at(-1)?.id ?? Number.NEGATIVE_INFINITY;
  const kept = keptIds(thread, page, first, last);
  const messages = new Map<number, Message>();
  for (const id of kept) {
    const message = thread.messages.get(id);
    if (message !== undefined) messages.set(id, message);
  }
  for (const message of current) {
    const known = thread.messages.get(message.id);
    const isNewer = known !== undefined && isOutdated(thread, message.id, page.seq);
    messages.set(message.id, isNewer ? known : mergeMessage(known, message));
  }
  const ids = [...messages.keys()].toSorted((a, b) => a - b);
  return limit({ ...thread, ids, messages, ...ends(thread, page, first, kept) }, page.position);
}

/**
 * Returns the loaded messages that stay beside a page. Dropped are messages in its range that it lacks (removed ones),
 * and messages separated from it by a gap. Messages with newer events stay.
 */
function keptIds(thread: Thread, page: MessagesPage, first: number, last: number): readonly number[] {
  if (page.position === "window") return [];
  const touches = page.position !== "newest" || !page.hasOlder || (!thread.hasNewer && (thread.ids.at(-1) ?? 0) >= first);
  if (!touches) return thread.ids.filter((id) => id > last && isOutdated(thread, id, page.seq));
  const end = page.position === "newest" ? Number.POSITIVE_INFINITY : last;
  return thread.ids.filter((id) => id < first || id > end || isOutdated(thread, id, page.seq));
}

function ends(thread: Thread, page: MessagesPage, first: number, kept: readonly number[]): Pick<Thread, "hasOlder" | "hasNewer"> {
  switch (page.position) {
    case "older":
      return { hasOlder: page.hasOlder, hasNewer: thread.hasNewer };
    case "newer":
      return { hasOlder: thread.hasOlder, hasNewer: page.hasNewer };
    case "window":
      return { hasOlder: page.hasOlder, hasNewer: page.hasNewer };
    case "newest": {
      const reachesBack = (kept[0] ?? Number.POSITIVE_INFINITY) < first;
      return { hasOlder: page.hasOlder && (reachesBack ? thread.hasOlder : true), hasNewer: false };
    }
  }
}

/** Limits the thread to `MOST_MESSAGES`: cuts the end that the reader scrolls away from. */
function limit(thread: Thread, position: MessagesPage["position"]): Thread {
  if (thread.ids.length <= MOST_MESSAGES) return thread;
  if (position !== "older") return trimOldest(thread);
  return { ...withIds(thread, thread.ids.slice(0, MOST_MESSAGES)), hasNewer: true };
}

function trimOldest(thread: Thread): Thread {
  if (thread.ids.length <= MOST_MESSAGES) return thread;
  return { ...withIds(thread, thread.ids.slice(-MOST_MESSAGES)), hasOlder: true };
}

function withIds(thread: Thread, ids: readonly number[]): Thread {
  const messages = new Map<number, Message>();
  for (const id of ids) {
    const message = thread.messages.get(id);
    if (message !== undefined) messages.set(id, message);
  }
  return { ...thread, ids, messages };
}

/**
 * Returns whether an unknown message can be added without a gap: between loaded ids, or at an end with no message
 * missing.
 */
function canGrowBy(thread: Thread, id: number): boolean {
  const first = thread.ids[0];
  const last = thread.ids.at(-1);
  if (first === undefined || last === undefined) return !thread.hasNewer;
  return id > last ? !thread.hasNewer : id > first || !thread.hasOlder;
}

/** Returns whether an event after `seq` has changed or removed the message. */
function isOutdated(thread: Thread, id: number, seq: number | null): boolean {
  return seq !== null && (thread.seqs.get(id) ?? 0) > seq;
}

function noteSeq(seqs: ReadonlyMap<number, number>, id: number, seq: number | null): ReadonlyMap<number, number> {
  return seq === null || seq <= (seqs.get(id) ?? 0) ? seqs : withEntry(seqs, id, seq);
}

function insertId(ids: readonly number[], id: number): readonly number[] {
  const last = ids.at(-1);
  if (last === undefined || id > last) return [...ids, id];
  return [...ids, id].toSorted((a, b) => a - b);
}
