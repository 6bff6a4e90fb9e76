import type { Scheduled } from "../api/types";
import { withEntry } from "./maps";
import type { ScheduledList, State } from "./state";

const EMPTY: ScheduledList = { entries: new Map(), seqs: new Map() };
const NONE: readonly Scheduled[] = [];

/** Puts the scheduled message of an event. */
export function putScheduled(state: State, message: Scheduled, seq: number): State {
  const list = state.scheduled.get(message.conversation_id) ?? EMPTY;
  return withList(state, message.conversation_id, {
    entries: withEntry(list.entries, message.id, message),
    seqs: withEntry(list.seqs, message.id, seq),
  });
}

/** Puts the scheduled message of a response, unless it is known: while live, events show its changes in order. */
export function putNewScheduled(state: State, message: Scheduled): State {
  const list = state.scheduled.get(message.conversation_id) ?? EMPTY;
  if (list.entries.has(message.id) && state.connection.phase === "live") return state;
  return withList(state, message.conversation_id, { ...list, entries: withEntry(list.entries, message.id, message) });
}

/**
 * Replaces the list of a conversation by the fetched one. `seq` is the log position at the time of the request: what a
 * later event has changed stays.
 */
export function putScheduledList(state: State, id: number, fetched: readonly Scheduled[], seq: number): State {
  const list = state.scheduled.get(id) ?? EMPTY;
  const isNewer = (messageId: number) => (list.seqs.get(messageId) ?? 0) > seq;
  const kept = [...list.entries].filter(([messageId]) => isNewer(messageId));
  const entries = new Map(fetched.filter((message) => !isNewer(message.id)).map((message) => [message.id, message]));
  return withList(state, id, { entries: new Map([...entries, ...kept]), seqs: list.seqs });
}

/** Returns the messages that are pending or need a review, soonest first. */
export function openScheduled(list: ScheduledList | undefined): readonly Scheduled[] {
  if (list === undefined) return NONE;
  return [...list.entries.values()]
    .filter(({ status }) => status === "pending" || status === "needs_review")
    .toSorted((a, b) => Date.parse(a.send_at) - Date.parse(b.send_at) || a.id - b.id);
}

function withList(state: State, id: number, list: ScheduledList): State {
  return { ...state, scheduled: withEntry(state.scheduled, id, list) };
}
