import type { IdAndName } from "../api/types";
import { withEntry, withoutKey } from "./maps";
import type { Presence, State } from "./state";

/** Lifetime of a typing or viewing signal that is not repeated, in milliseconds. */
const LIFETIME = { typing: 6_000, viewing: 90_000 };

export function setPresence(state: State, id: number, staff: IdAndName, kind: Presence["kind"], on: boolean, at: number): State {
  if (staff.id === state.me.id) return state;
  const others = (state.presence.get(id) ?? []).filter((entry) => entry.staff.id !== staff.id || entry.kind !== kind);
  const entry: Presence = { staff, kind, expiresAt: at + LIFETIME[kind] };
  return setEntries(state, id, on ? [...others, entry] : others);
}

/** Ends the typing signal of a staff member who has sent a message or left the conversation. */
export function stopTyping(state: State, id: number, staffId: number | null): State {
  const entries = state.presence.get(id) ?? [];
  const left = entries.filter((entry) => entry.staff.id !== staffId || entry.kind !== "typing");
  return left.length === entries.length ? state : setEntries(state, id, left);
}

export function expirePresence(state: State, now: number): State {
  let next = state;
  for (const [id, entries] of state.presence) {
    const left = entries.filter((entry) => entry.expiresAt > now);
    if (left.length !== entries.length) next = setEntries(next, id, left);
  }
  return next;
}

function setEntries(state: State, id: number, entries: readonly Presence[]): State {
  const presence = entries.length === 0 ? withoutKey(state.presence, id) : withEntry(state.presence, id, entries);
  return presence === state.presence ? state : { ...state, presence };
}
