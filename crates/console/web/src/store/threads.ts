import type { Delivery, Message } from "../api/types";
import type { MessagesPage } from "./actions";
import { laterDelivery, mergeMessage } from "./delivery";
import { withEntry, withoutKey } from "./maps";
import type { Thread } from "./state";

/** At most so many messages of a thread are in memory and in the page. */
export const MOST_MESSAGES = 1000;

export const EMPTY_THREAD: Thread = {
  ids: [],
  messages: new Map(),
  seqs: new Map(),
  hasOlder: false,
  hasNewer: false,
  phase: "loading",
  newLineAfter: null,
  newLinePending: true,
};

/** Puts a message of an event or a response; one beyond a gap is left out, to be fetched with its neighbours. */
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

/** Merges a page by id, whatever events have brought meanwhile. `unread`: guest messages that the reader has not read. */
export function putPage(thread: Thread, page: MessagesPage, unread: number): Thread {
  const merged = mergePage(thread, page);
  const ready: Thread = { ...merged, phase: "ready" };
  return page.position === "newest" && thread.newLinePending ? placeNewLine(ready, unread) : ready;
}

/** The "new" line stays where it is put until the thread is opened again. */
export function placeNewLine(thread: Thread, unread: number): Thread {
  return { ...thread, newLinePending: false, newLineAfter: lastRead(thread, unread) };
}

/** The message above the oldest unread message of the guest; null if all are read. */
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

/** The number of guest messages after a message. */
export function guestMessagesAfter(thread: Thread, messageId: number): number {
  return thread.ids.filter((id) => id > messageId && thread.messages.get(id)?.sender_type === "guest").length;
}

/** Keeps the newest messages of a thread that nobody looks at. */
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

/** Of the loaded messages those that stay beside the page: not the ones that it shows to be removed or apart. */
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

/** Cuts the end that the reader is not moving to. */
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

/** Whether a message that is not loaded would stand inside the loaded part or at its open end. */
function canGrowBy(thread: Thread, id: number): boolean {
  const first = thread.ids[0];
  const last = thread.ids.at(-1);
  if (first === undefined || last === undefined) return !thread.hasNewer;
  return id > last ? !thread.hasNewer : id > first || !thread.hasOlder;
}

/** Whether an event after `seq` has changed or removed the message. */
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
