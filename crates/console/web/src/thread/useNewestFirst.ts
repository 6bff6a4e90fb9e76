import { startTransition, useEffect, useState } from "react";

import type { ThreadItem } from "./items";

/** Number of messages in the first paint, enough to fill the tallest screen. */
const FIRST = 30;

interface NewestFirst {
  readonly shown: readonly ThreadItem[];
  /** `shown` contains all items. */
  readonly isWhole: boolean;
}

/**
 * Renders only the newest items in the first paint of a thread, and all items in a transition after it: the newest
 * messages appear at once, and key presses do not wait for those outside the viewport. In `column-reverse` this moves no
 * message.
 */
export function useNewestFirst(items: readonly ThreadItem[], isAtEnd: boolean): NewestFirst {
  const [isPainted, setPainted] = useState(false);
  const isEmpty = items.length === 0;
  useEffect(() => {
    if (!isEmpty) startTransition(() => setPainted(true));
  }, [isEmpty]);
  const isWhole = isPainted || !isAtEnd || items.length <= FIRST;
  return { shown: isWhole ? items : items.slice(-FIRST), isWhole };
}
