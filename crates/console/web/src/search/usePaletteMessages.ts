import { useEffect, useState } from "react";

import { searchMessages } from "../api/calls";
import type { SearchHit } from "../api/types";

/** Delay in milliseconds after the last key before the server is asked. */
const DEBOUNCE = 150;
/** The fewest characters that the server is asked for. */
const LEAST_CHARS = 2;
const MOST_HITS = 6;

export interface PaletteMessages {
  /** The text to which the hits belong. */
  readonly words: string;
  readonly hits: readonly SearchHit[];
  readonly count: number;
  readonly error: unknown;
}

const NONE: PaletteMessages = { words: "", hits: [], count: 0, error: null };

/** Searches for messages while a person types. The hits of the last text stay until the next ones are there. */
export function usePaletteMessages(text: string, isOffline: boolean): PaletteMessages & { readonly isSearching: boolean } {
  const words = text.trim();
  const isAsked = [...words].length >= LEAST_CHARS && !words.startsWith("/") && !isOffline;
  const [found, setFound] = useState<PaletteMessages>(NONE);

  useEffect(() => {
    if (!isAsked) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      searchMessages({ q: words, page_size: MOST_HITS }, controller.signal).then(
        ({ results, count }) => setFound({ words, hits: results, count, error: null }),
        (error: unknown) => {
          if (!controller.signal.aborted) setFound({ words, hits: [], count: 0, error });
        },
      );
    }, DEBOUNCE);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [words, isAsked]);

  return isAsked ? { ...found, isSearching: found.words !== words } : { ...NONE, isSearching: false };
}
