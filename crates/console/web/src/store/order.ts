import type { Conversation } from "../api/types";
import { isWaiting } from "./waiting";

/**
 * The order of a list. `waiting`: the guest who waits longest first, then all others. `window`: the end of WhatsApp's
 * 24 hours that comes next first. `wakes`: the end of a snooze that comes next first. Equal ones newest first.
 */
export type Order = "newest" | "waiting" | "window" | "wakes";

type Compare = (a: Conversation, b: Conversation, now: number) => number;

export const COMPARISONS: Readonly<Record<Order, Compare>> = {
  newest: byNewest,
  waiting: (a, b) => firstOf(waitOf(a), waitOf(b)) || byNewest(a, b),
  window: (a, b, now) => firstOf(windowOf(a, now), windowOf(b, now)) || byNewest(a, b),
  wakes: (a, b) => firstOf(timesOf(a).wakes, timesOf(b).wakes) || byNewest(a, b),
};

/** Returns the time at which an answer is due, in milliseconds since 1970; infinite if there is no target. */
export function dueTimeOf(conversation: Conversation): number {
  return timesOf(conversation).due;
}

function byNewest(a: Conversation, b: Conversation): number {
  return timesOf(b).updated - timesOf(a).updated || compareTimes(b.updated_at, a.updated_at) || b.id - a.id;
}

function waitOf(conversation: Conversation): number {
  return isWaiting(conversation) ? timesOf(conversation).waiting : Number.POSITIVE_INFINITY;
}

function windowOf(conversation: Conversation, now: number): number {
  const { window } = timesOf(conversation);
  return window < now ? Number.POSITIVE_INFINITY : window;
}

/** Compares two times, of which the difference is no number if both are infinite. */
function firstOf(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** Times of a list item in milliseconds since 1970; infinite if there is none. */
interface Times {
  readonly updated: number;
  readonly waiting: number;
  readonly due: number;
  readonly window: number;
  readonly wakes: number;
}

/** Parsed once per list item, because lists are sorted after each event. */
const known = new WeakMap<Conversation, Times>();

function timesOf(conversation: Conversation): Times {
  const parsed = known.get(conversation);
  if (parsed !== undefined) return parsed;
  const times: Times = {
    updated: Date.parse(conversation.updated_at),
    waiting: parse(conversation.waiting_since),
    due: parse(conversation.response_due_at),
    window: parse(conversation.window_expires_at),
    wakes: parse(conversation.snoozed_until),
  };
  known.set(conversation, times);
  return times;
}

function parse(at: string | null): number {
  return at === null ? Number.POSITIVE_INFINITY : Date.parse(at);
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
