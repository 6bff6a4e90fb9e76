import { useCallback, useLayoutEffect, useRef, type RefObject } from "react";

type Edge = "start" | "end" | null;

/**
 * Scroll anchoring at the first and last loaded message, where the browser has none: messages inserted beyond the edge
 * must not move it. Returns the function that sets the edge at which the scroll position is.
 */
export function useEdgeAnchor(scrollerRef: RefObject<HTMLElement | null>): (edge: Edge) => void {
  const anchor = useRef<{ readonly message: Element; readonly top: number } | null>(null);

  // Without dependencies, because each render may insert messages. Away from the edges this costs nothing.
  useLayoutEffect(() => {
    const scroller = scrollerRef.current;
    if (scroller === null || anchor.current === null || !anchor.current.message.isConnected) return;
    const { message, top } = anchor.current;
    const moved = message.getBoundingClientRect().top - top;
    if (Math.abs(moved) > 1) scroller.scrollTop += moved;
  });

  return useCallback(
    (edge) => {
      const messages = edge === null ? [] : [...(scrollerRef.current?.querySelectorAll("[data-message]") ?? [])];
      const message = edge === "start" ? messages[0] : messages.at(-1);
      anchor.current = message === undefined ? null : { message, top: message.getBoundingClientRect().top };
    },
    [scrollerRef],
  );
}
