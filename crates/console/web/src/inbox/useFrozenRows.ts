import { useCallback, useMemo, useState } from "react";

import { countMoved, freezeRows, type ShownRow } from "./frozen-order";

interface FrozenRows {
  readonly rows: readonly ShownRow[];
  /** 0 while the list follows the live order. */
  readonly moved: number;
  /** Shows the live order now. */
  readonly applyOrder: () => void;
}

/** The rows of a list in the live order, or, while it is frozen, in the order that was shown when it froze. */
export function useFrozenRows(live: readonly number[], isFrozen: boolean): FrozenRows {
  const [shown, setShown] = useState(live);
  // Adjusting state during rendering: React renders again at once, before anything is painted.
  if (!isFrozen && shown !== live) setShown(live);
  const rows = useMemo(() => freezeRows(isFrozen ? shown : live, live), [isFrozen, shown, live]);
  const moved = useMemo(() => (isFrozen ? countMoved(shown, live) : 0), [isFrozen, shown, live]);
  const applyOrder = useCallback(() => setShown(live), [live]);
  return { rows, moved, applyOrder };
}
