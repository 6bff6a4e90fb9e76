import { useStore as useZustand } from "zustand";
import { createStore } from "zustand/vanilla";

import type { Action } from "./actions";
import { apply } from "./apply";
import { NOTHING, type State } from "./state";

/** The live state of this tab, readable without React. */
export const store = createStore<State>(() => NOTHING);

/** Selects from the live state; the selector must return the same object while nothing of it has changed. */
export function useStore<T>(selector: (state: State) => T): T {
  return useZustand(store, selector);
}

/** One change of the live state, with what caused it. */
export interface Change {
  readonly before: State;
  readonly after: State;
  readonly actions: readonly Action[];
}

const observers = new Set<(change: Change) => void>();

/** Hears of changes with their causes, also of those without effect. Returns the function that ends it. */
export function observe(handle: (change: Change) => void): () => void {
  observers.add(handle);
  return () => observers.delete(handle);
}

/** Applies actions as one change: subscribers hear of the last state only. */
export function dispatch(...actions: readonly Action[]): void {
  const before = store.getState();
  const after = actions.reduce(apply, before);
  if (after !== before) store.setState(after, true);
  for (const handle of observers) handle({ before, after, actions });
}
