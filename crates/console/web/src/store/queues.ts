import type { Conversation, ConversationCard, InboxCounts, Me } from "../api/types";
import { COMPARISONS, dueTimeOf, type Order } from "./order";
import type { State } from "./state";
import { isSnoozed, isWaiting } from "./waiting";

export const QUEUES = ["mine", "unassigned", "with_us", "assistant", "snoozed", "done"] as const;

/** A list of the inbox. `with_us` includes `mine` and `unassigned`; a snoozed conversation is in no other queue. */
export type Queue = (typeof QUEUES)[number];

/** Returns the most specific queue of a conversation, for its URL. */
export function queueOf(conversation: ConversationCard, me: Me): Queue {
  if (conversation.status === "closed") return "done";
  if (isSnoozed(conversation)) return "snoozed";
  if (conversation.status !== "relay") return "assistant";
  if (conversation.assigned_to === null) return "unassigned";
  return conversation.assigned_to.id === me.id ? "mine" : "with_us";
}

/** The predicate of each queue, from which both rows and counts are computed. */
export function belongsTo(conversation: ConversationCard, queue: Queue, me: Me, department?: number): boolean {
  if (department !== undefined && conversation.department_id !== department) return false;
  const own = queueOf(conversation, me);
  return own === queue || (queue === "with_us" && isWithUs(own));
}

function isWithUs(queue: Queue): boolean {
  return queue === "with_us" || queue === "mine" || queue === "unassigned";
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
  const at = order === "window" ? now : 0;
  if (known?.conversations === state.conversations && known.me === state.me && known.now === at) return known.rows;
  const belongs = (conversation: Conversation) => belongsTo(conversation, queue, state.me, department);
  const found = collect(state.conversations, known?.rows ?? [], belongs);
  const compare = COMPARISONS[order];
  found.sort((a, b) => compare(a, b, at));
  const kept = known !== undefined && sameItems(known.rows, found) ? known.rows : found;
  rowCache.set(key, { conversations: state.conversations, me: state.me, now: at, rows: kept });
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

/** Returns the conversations of a queue, those of its last result first: sorting a nearly sorted array is cheap. */
function collect(
  conversations: State["conversations"],
  before: readonly Conversation[],
  belongs: (conversation: Conversation) => boolean,
): Conversation[] {
  const found: Conversation[] = [];
  const known = new Set<number>();
  for (const { id } of before) {
    const conversation = conversations.get(id);
    if (conversation === undefined || !belongs(conversation)) continue;
    found.push(conversation);
    known.add(id);
  }
  for (const [id, conversation] of conversations) if (!known.has(id) && belongs(conversation)) found.push(conversation);
  return found;
}

export interface Count {
  readonly rows: number;
  /** Conversations with unread messages of the guest. */
  readonly unread: number;
  /** Conversations whose guest waits for an answer. */
  readonly waiting: number;
  /** The earliest time at which an answer is due, in milliseconds since 1970; infinite if there is none. */
  readonly nextDue: number;
}

export interface Counts extends Readonly<Record<Queue, Count>> {
  /** Counts of `with_us` by department id, without departments that have no conversation. */
  readonly departments: ReadonlyMap<number, Count>;
}

export const NO_ROWS: Count = { rows: 0, unread: 0, waiting: 0, nextDue: Number.POSITIVE_INFINITY };

interface CachedCounts {
  readonly conversations: State["conversations"];
  readonly me: Me;
  readonly server: InboxCounts | null;
  readonly counts: Counts;
}

let countCache: CachedCounts | null = null;

/**
 * Counts the rows of each queue, by the same predicate as the lists. `done` contains only the loaded conversations. If the
 * server has more conversations than the lists, their numbers are the server's.
 */
export function counts(state: State): Counts {
  const server = state.serverCounts;
  const isSame = countCache?.conversations === state.conversations && countCache.me === state.me;
  if (countCache !== null && isSame && countCache.server === server) return countCache.counts;
  const queues: Record<Queue, Count> = { mine: NO_ROWS, unassigned: NO_ROWS, with_us: NO_ROWS, assistant: NO_ROWS, snoozed: NO_ROWS, done: NO_ROWS };
  const departments = new Map<number, Count>();
  for (const conversation of state.conversations.values()) {
    const own = queueOf(conversation, state.me);
    queues[own] = withOne(queues[own], conversation);
    if (!isWithUs(own)) continue;
    if (own !== "with_us") queues.with_us = withOne(queues.with_us, conversation);
    const id = conversation.department_id;
    if (id !== null) departments.set(id, withOne(departments.get(id) ?? NO_ROWS, conversation));
  }
  const loaded: Counts = { ...queues, departments };
  const counted = server === null ? loaded : withServerCounts(loaded, server);
  countCache = { conversations: state.conversations, me: state.me, server, counts: counted };
  return counted;
}

/**
 * Replaces the numbers of loaded conversations by those of all. What the server does not count by queue, unread and waiting
 * guests and due times, is that of the loaded ones. The waiting guests of a department include those of its closed
 * conversations.
 */
function withServerCounts(loaded: Counts, server: InboxCounts): Counts {
  const departments = new Map<number, Count>();
  for (const { id, open, unread, waiting } of server.departments) {
    const known = loaded.departments.get(id) ?? NO_ROWS;
    if (open + unread + waiting > 0) departments.set(id, { ...known, rows: open, unread, waiting });
  }
  const sum = (key: "rows" | "unread" | "waiting") => [...departments.values()].reduce((total, count) => total + count[key], 0);
  return {
    ...loaded,
    mine: { ...loaded.mine, rows: server.mine },
    unassigned: { ...loaded.unassigned, rows: server.unassigned },
    with_us: { ...loaded.with_us, rows: sum("rows"), unread: sum("unread"), waiting: sum("waiting") },
    assistant: { ...loaded.assistant, rows: server.unrouted },
    snoozed: { ...loaded.snoozed, rows: server.snoozed },
    departments,
  };
}

/** Returns whether a guest waits in any queue. As long as nobody does, no clock has to run. */
export function isAnyoneWaiting(state: State): boolean {
  const { with_us, assistant, done } = counts(state);
  return with_us.waiting + assistant.waiting + done.waiting > 0;
}

function withOne(count: Count, conversation: Conversation): Count {
  const waits = isWaiting(conversation);
  return {
    rows: count.rows + 1,
    unread: count.unread + (unreadOf(conversation) > 0 ? 1 : 0),
    waiting: count.waiting + (waits ? 1 : 0),
    nextDue: waits ? Math.min(count.nextDue, dueTimeOf(conversation)) : count.nextDue,
  };
}

function sameItems(a: readonly Conversation[], b: readonly Conversation[]): boolean {
  return a.length === b.length && a.every((conversation, at) => conversation === b[at]);
}
