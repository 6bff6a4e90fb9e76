import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

import { loadAround } from "../live/sync";
import type { Thread } from "../store/state";
import { keepOverReload, takeKept } from "../ui/reload-memory";

const NAME = "thread";
/** Time in milliseconds after a reload during which the position is restored again after each page of messages. */
const SETTLING = 5_000;
/** Maximum number of fetches around the message until it is loaded. */
const MOST_TRIES = 3;

/** Distance from the top at which a thread opens at a message, in pixels. */
const TOP_OF_HIT = 160;

interface ReadingPlace {
  readonly conversation: number;
  /** Id of the first message in the viewport. */
  readonly message: number;
  /** Distance of the message from the top of the thread, in pixels. */
  readonly top: number;
}

interface ReadingPlaceInput {
  id: number;
  thread: Thread;
  /** The message at which the thread opens; null for the end, or the place before a reload. */
  around: number | null;
  scrollerRef: RefObject<HTMLDivElement | null>;
  isAtEnd: boolean;
  /** All loaded messages are rendered. */
  isWhole: boolean;
}

let left = asPlace(takeKept(NAME));

/** Returns whether a reload left the thread scrolled up, so that it must not open at its end. */
export function isLeftInMiddle(id: number): boolean {
  return left?.conversation === id;
}

/**
 * Restores the scroll position of a thread after a reload, or opens it at a message. A thread that was at its end opens at
 * its end. Returns the function that ends the restoring, for each scroll that the user asked for outside the scroller.
 */
export function useReadingPlace({ id, thread, around, scrollerRef, isAtEnd, isWhole }: ReadingPlaceInput): () => void {
  const [wanted, setWanted] = useState(() => (left?.conversation === id ? left : placeAround(id, around)));
  const tries = useRef(0);
  const stopRestoring = useCallback(() => setWanted(null), []);

  useEffect(() => {
    left = null;
    return keepOverReload(NAME, () => (isAtEnd ? null : placeIn(scrollerRef.current, id)));
  }, [id, isAtEnd, scrollerRef]);

  // The first wheel, pointer or key event ends the restoring.
  useEffect(() => {
    const scroller = scrollerRef.current;
    if (wanted === null || scroller === null) return;
    const end = () => {
      setWanted(null);
      // Makes the scroller read its position, which may still be the end.
      scroller.dispatchEvent(new Event("scroll"));
    };
    const timer = setTimeout(end, SETTLING);
    for (const use of ["wheel", "pointerdown", "keydown"]) scroller.addEventListener(use, end, { passive: true });
    return () => {
      clearTimeout(timer);
      for (const use of ["wheel", "pointerdown", "keydown"]) scroller.removeEventListener(use, end);
    };
  }, [wanted, scrollerRef]);

  useLayoutEffect(() => {
    const scroller = scrollerRef.current;
    if (wanted === null || scroller === null || thread.phase !== "ready" || !isWhole) return;
    const message = scroller.querySelector(`[data-message="${wanted.message}"]`);
    if (message !== null) {
      scroller.scrollTop += topIn(scroller, message) - wanted.top;
    } else if (tries.current < MOST_TRIES) {
      tries.current += 1;
      // Without a connection the thread stays at its end.
      loadAround(id, wanted.message).catch(() => undefined);
    }
  }, [wanted, thread, id, scrollerRef, isWhole]);
  return stopRestoring;
}

function placeAround(conversation: number, message: number | null): ReadingPlace | null {
  return message === null ? null : { conversation, message, top: TOP_OF_HIT };
}

function placeIn(scroller: HTMLElement | null, conversation: number): ReadingPlace | null {
  if (scroller === null) return null;
  const edge = scroller.getBoundingClientRect().top;
  const messages = [...scroller.querySelectorAll<HTMLElement>("[data-message]")];
  const first = messages.find((message) => message.getBoundingClientRect().bottom > edge);
  if (first === undefined) return null;
  return { conversation, message: Number(first.dataset["message"]), top: Math.round(topIn(scroller, first)) };
}

function topIn(scroller: Element, message: Element): number {
  return message.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}

function asPlace(value: unknown): ReadingPlace | null {
  if (typeof value !== "object" || value === null) return null;
  const { conversation, message, top } = value as Partial<Record<keyof ReadingPlace, unknown>>;
  const isPlace = Number.isSafeInteger(conversation) && Number.isSafeInteger(message) && typeof top === "number";
  return isPlace ? (value as ReadingPlace) : null;
}
