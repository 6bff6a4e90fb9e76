import { useEffect, useRef, useState, type PointerEvent as ReactPointerEvent, type RefObject } from "react";

interface DragOrder {
  /** The entry that is dragged; null while none is. */
  readonly dragged: number | null;
  /** Begins a drag. Call from `onPointerDown` of the handle of an entry. */
  readonly start: (id: number, event: ReactPointerEvent) => void;
}

/**
 * Orders a list by dragging, with a mouse or a finger. The list changes its order while the pointer moves; Esc restores
 * the order from before. `list` contains one child per entry, in the order of `ids`.
 */
export function useDragOrder(list: RefObject<HTMLElement | null>, ids: readonly number[], onChange: (ids: readonly number[]) => void): DragOrder {
  const [dragged, setDragged] = useState<number | null>(null);
  const before = useRef(ids);
  const latest = useRef({ ids, onChange });
  useEffect(() => {
    latest.current = { ids, onChange };
  });

  useEffect(() => {
    if (dragged === null) return;
    const abort = new AbortController();
    const { signal } = abort;
    function handleMove({ clientY }: PointerEvent) {
      const { ids: order } = latest.current;
      const place = placeAt(list.current, clientY);
      if (dragged !== null && place !== -1) latest.current.onChange(movedTo(order, dragged, place));
    }
    function handleKey(event: KeyboardEvent) {
      if (event.key !== "Escape") return;
      // The dialog around the list stays open.
      event.preventDefault();
      event.stopPropagation();
      latest.current.onChange(before.current);
      setDragged(null);
    }
    // On the window, because an entry that changes its place loses a captured pointer.
    globalThis.addEventListener("pointermove", handleMove, { signal });
    globalThis.addEventListener("pointerup", () => setDragged(null), { signal });
    globalThis.addEventListener("pointercancel", () => setDragged(null), { signal });
    globalThis.addEventListener("keydown", handleKey, { signal, capture: true });
    return () => abort.abort();
  }, [dragged, list]);

  return {
    dragged,
    start(id, event) {
      if (event.button !== 0) return;
      event.preventDefault();
      before.current = ids;
      setDragged(id);
    },
  };
}

/** Moves an entry to a place. Returns the list itself if it is there already. */
export function movedTo(ids: readonly number[], id: number, place: number): readonly number[] {
  if (ids[place] === id) return ids;
  return ids.filter((each) => each !== id).toSpliced(place, 0, id);
}

/** Returns the place of the entry at a vertical position; above the list the first, below it the last. */
function placeAt(list: HTMLElement | null, y: number): number {
  const ends = [...(list?.children ?? [])].map((entry) => entry.getBoundingClientRect().bottom);
  const place = ends.findIndex((end) => y < end);
  return place === -1 ? ends.length - 1 : place;
}
