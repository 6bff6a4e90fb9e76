import { useCallback, useMemo, useState } from "react";

import { countMoved, freezeRows, type ShownRow } from "./frozen-order";

interface FrozenRows {
  readonly rows: readonly ShownRow[];
  /** Number of conversations that `applyOrder` would move; 0 while not frozen. */
  readonly moved: number;
  /** Applies the live order once. */
  readonly applyOrder: () => void;
}

/** Returns the rows of a list in the live order or, while it is frozen, in the order shown when it froze. */
export function useFrozenRows(live: readonly number[], isFrozen: boolean): FrozenRows {
  const [shown, setShown] = useState(live);
  // State set during rendering: React renders again at once, before painting.
  if (!isFrozen && shown !== live) setShown(live);
  const rows = useMemo(() => freezeRows(isFrozen ? shown : live, live), [isFrozen, shown, live]);
  const moved = useMemo(() => (isFrozen ? countMoved(shown, live) : 0), [isFrozen, shown, live]);
  const applyOrder = useCallback(() => setShown(live), [live]);
  return { rows, moved, applyOrder };
}
