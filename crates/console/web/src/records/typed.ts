import { createContext, useContext } from "react";

export const TypedContext = createContext<() => void>(() => undefined);

/** Returns the function that tells the dialog of a form about a change without an `input` event: a choice, a move. */
export function useMarkTyped(): () => void {
  return useContext(TypedContext);
}
