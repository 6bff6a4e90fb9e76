/** A row of a list, whose order may be frozen. */
export interface ShownRow {
  readonly id: number;
  /** The conversation has left the list. Its row stays empty until the live order is applied. */
  readonly isGone: boolean;
}

/**
 * Returns the rows of a frozen list in the order shown. New and moved conversations wait for the button "3
 * conversations moved", so that a click always opens the guest under the pointer.
 */
export function freezeRows(shown: readonly number[], live: readonly number[]): readonly ShownRow[] {
  const present = new Set(live);
  return shown.map((id) => ({ id, isGone: !present.has(id) }));
}

/** Returns how many conversations would appear, leave or move if the live order were applied. */
export function countMoved(shown: readonly number[], live: readonly number[]): number {
  const places = new Map(shown.map((id, place) => [id, place]));
  const stayed = live.map((id) => places.get(id)).filter((place) => place !== undefined);
  const left = shown.length - stayed.length;
  return live.length - longestAscending(stayed) + left;
}

/** Returns the length of the longest ascending subsequence: the number of rows that keep their order. */
function longestAscending(places: readonly number[]): number {
  /** `ends[n]`: the smallest end of an ascending subsequence of length n + 1. */
  const ends: number[] = [];
  for (const place of places) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    ends[low] = place;
  }
  return ends.length;
}
