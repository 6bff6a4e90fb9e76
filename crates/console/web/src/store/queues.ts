import type { Conversation, ConversationCard, Me } from "../api/types";
import type { State } from "./state";

export const QUEUES = ["mine", "unassigned", "with_us", "assistant", "done"] as const;

/** A list of the inbox. `with_us` includes `mine` and `unassigned`. */
export type Queue = (typeof QUEUES)[number];

export type Order = "newest" | "window";

/** Returns the most specific queue of a conversation, for its URL. */
export function queueOf(conversation: ConversationCard, me: Me): Queue {
  if (conversation.status === "closed") return "done";
  if (conversation.status !== "relay") return "assistant";
  if (conversation.assigned_to === null) return "unassigned";
  return conversation.assigned_to.id === me.id ? "mine" : "with_us";
}

/** The predicate of each queue, from which both rows and counts are computed. */
export function belongsTo(conversation: ConversationCard, queue: Queue, me: Me, department?: number): boolean {
  if (department !== undefined && conversation.department_id !== department) return false;
  const own = queueOf(conversation, me);
  if (queue === "with_us") return own === "with_us" || own === "mine" || own === "unassigned";
  return own === queue;
}

export function unreadOf(conversation: Conversation): number {
  return Math.max(0, conversation.guest_messages - conversation.read_guest_messages);
}

/** Returns the conversations of a queue in order; the same array as before if no row has changed. */
export function rows(
  state: State,
  queue: Queue,
  department?: number,
  order: Order = "newest",
  /** Current time, for the order `window`: conversations with an expired window come last. */
  now = 0,
): readonly Conversation[] {
  const key = `${queue}/${department ?? ""}/${order}`;
  const known = rowCache.get(key);
  const isSame = known?.conversations === state.conversations && known.me === state.me && (order === "newest" || known.now === now);
  if (known !== undefined && isSame) return known.rows;
  const newest = newestFirst(state.conversations).filter((conversation) => belongsTo(conversation, queue, state.me, department));
  const found = order === "newest" ? newest : newest.toSorted(byWindow(now));
  const kept = known !== undefined && sameItems(known.rows, found) ? known.rows : found;
  rowCache.set(key, { conversations: state.conversations, me: state.me, now, rows: kept });
  return kept;
}

interface CachedRows {
  readonly conversations: State["conversations"];
  readonly me: Me;
  readonly now: number;
  readonly rows: readonly Conversation[];
}

/** The last result per queue and order, because screens call `rows` after each event. */
const rowCache = new Map<string, CachedRows>();

let newestCache: { readonly conversations: State["conversations"]; readonly rows: readonly Conversation[] } | null = null;

/** Returns all conversations, newest first. Starts from the last result: sorting a nearly sorted array is cheap. */
function newestFirst(conversations: State["conversations"]): readonly Conversation[] {
  if (newestCache?.conversations === conversations) return newestCache.rows;
  const all: Conversation[] = [];
  const known = new Set<number>();
  for (const { id } of newestCache?.rows ?? []) {
    const conversation = conversations.get(id);
    if (conversation === undefined) continue;
    all.push(conversation);
    known.add(id);
  }
  for (const [id, conversation] of conversations) if (!known.has(id)) all.push(conversation);
  all.sort(byNewest);
  newestCache = { conversations, rows: all };
  return all;
}

export interface Count {
  readonly rows: number;
  /** Conversations with unread messages of the guest. */
  readonly unread: number;
}

export interface Counts {
  readonly mine: Count;
  readonly unassigned: Count;
  readonly with_us: Count;
  readonly assistant: Count;
  /** Counts of `with_us` by department id, without departments that have no conversation. */
  readonly departments: ReadonlyMap<number, Count>;
}

let countCache: { readonly conversations: State["conversations"]; readonly me: Me; readonly counts: Counts } | null = null;

/** Counts the rows of each queue, so that counts and lists never differ. */
export function counts(state: State): Counts {
  if (countCache?.conversations === state.conversations && countCache.me === state.me) return countCache.counts;
  const departments = new Map<number, Count>();
  for (const conversation of rows(state, "with_us")) {
    const id = conversation.department_id;
    if (id !== null) departments.set(id, count([conversation], departments.get(id)));
  }
  const counted: Counts = {
    mine: count(rows(state, "mine")),
    unassigned: count(rows(state, "unassigned")),
    with_us: count(rows(state, "with_us")),
    assistant: count(rows(state, "assistant")),
    departments,
  };
  countCache = { conversations: state.conversations, me: state.me, counts: counted };
  return counted;
}

function count(conversations: readonly Conversation[], before: Count = { rows: 0, unread: 0 }): Count {
  const unread = conversations.filter((conversation) => unreadOf(conversation) > 0).length;
  return { rows: before.rows + conversations.length, unread: before.unread + unread };
}

function byNewest(a: Conversation, b: Conversation): number {
  return timeOf(b) - timeOf(a) || compareTimes(b.updated_at, a.updated_at) || b.id - a.id;
}

/** Parsed `updated_at` per list item: lists are sorted after each event. */
const times = new WeakMap<Conversation, number>();

function timeOf(conversation: Conversation): number {
  const known = times.get(conversation);
  if (known !== undefined) return known;
  const time = Date.parse(conversation.updated_at);
  times.set(conversation, time);
  return time;
}

function byWindow(now: number): (a: Conversation, b: Conversation) => number {
  const endOf = ({ window_expires_at }: Conversation) => {
    const end = window_expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(window_expires_at);
    return end < now ? Number.POSITIVE_INFINITY : end;
  };
  const ends = new Map<Conversation, number>();
  const cached = (conversation: Conversation) => {
    const end = ends.get(conversation) ?? endOf(conversation);
    ends.set(conversation, end);
    return end;
  };
  return (a, b) => {
    const [endA, endB] = [cached(a), cached(b)];
    return endA === endB ? byNewest(a, b) : endA - endB;
  };
}

/**
 * Compares times within one millisecond, where `Date.parse` sees no difference. The fractions of the API differ in
 * length; without the `Z` they sort as text.
 */
function compareTimes(a: string, b: string): number {
  const [left, right] = [a.slice(0, -1), b.slice(0, -1)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function sameItems(a: readonly Conversation[], b: readonly Conversation[]): boolean {
  return a.length === b.length && a.every((conversation, at) => conversation === b[at]);
}
