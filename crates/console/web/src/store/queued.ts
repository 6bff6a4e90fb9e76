import type { QueuedMessage } from "../offline-queue/entry";
import { withEntry, withoutKey } from "./maps";
import type { State } from "./state";

export function setQueued(state: State, entries: readonly QueuedMessage[]): State {
  const queued = new Map<number, readonly QueuedMessage[]>();
  for (const entry of entries) {
    if (entry.staff_id !== state.me.id) continue;
    queued.set(entry.conversation_id, inOrder([...(queued.get(entry.conversation_id) ?? []), entry]));
  }
  return { ...state, queued };
}

export function putQueued(state: State, entry: QueuedMessage): State {
  if (entry.staff_id !== state.me.id) return state;
  const entries = state.queued.get(entry.conversation_id) ?? [];
  const others = entries.filter((other) => other.ref !== entry.ref);
  return { ...state, queued: withEntry(state.queued, entry.conversation_id, inOrder([...others, entry])) };
}

export function removeQueued(state: State, ref: string): State {
  for (const [id, entries] of state.queued) {
    const left = entries.filter((entry) => entry.ref !== ref);
    if (left.length === entries.length) continue;
    return { ...state, queued: left.length === 0 ? withoutKey(state.queued, id) : withEntry(state.queued, id, left) };
  }
  return state;
}

/** Sorts entries by the time of writing. */
export function inOrder(entries: readonly QueuedMessage[]): readonly QueuedMessage[] {
  return entries.toSorted((a, b) => a.at - b.at || (a.ref < b.ref ? -1 : 1));
}
