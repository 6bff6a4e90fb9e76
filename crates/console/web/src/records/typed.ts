import { createContext, useContext } from "react";

export const TypedContext = createContext<() => void>(() => undefined);

/** Returns the function that marks the form as changed, for changes without an `input` event: a choice, a move. */
export function useMarkTyped(): () => void {
  return useContext(TypedContext);
}
