import { useStore as useZustand } from "zustand";
import { createStore } from "zustand/vanilla";

import type { Action } from "./actions";
import { apply } from "./apply";
import { NOTHING, type State } from "./state";

/** The live state of this tab, readable without React. */
export const store = createStore<State>(() => NOTHING);

/** Selects from the live state. The selector must return the same object while its part of the state is unchanged. */
export function useStore<T>(selector: (state: State) => T): T {
  return useZustand(store, selector);
}

/** One state change and the actions that caused it. */
export interface Change {
  readonly before: State;
  readonly after: State;
  readonly actions: readonly Action[];
}

const observers = new Set<(change: Change) => void>();

/** Calls `handle` after each dispatch, also if the state is unchanged. Returns the function that unsubscribes. */
export function observe(handle: (change: Change) => void): () => void {
  observers.add(handle);
  return () => observers.delete(handle);
}

/** Applies several actions as one change: store subscribers see only the last state. */
export function dispatch(...actions: readonly Action[]): void {
  const before = store.getState();
  const after = actions.reduce(apply, before);
  if (after !== before) store.setState(after, true);
  for (const handle of observers) handle({ before, after, actions });
}
