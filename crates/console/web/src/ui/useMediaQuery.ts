import { useCallback, useSyncExternalStore } from "react";

/** From this width, list and thread are side by side. */
export const TWO_PANES = "(min-width: 760px)";
/** From this width, the guest card has its own column. */
export const FOUR_COLUMNS = "(min-width: 1100px)";
export const TOUCH = "(pointer: coarse)";

export function useMediaQuery(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}
