/**
 * Returns the keys of `after` whose values differ from `before`, so that a request contains only the person's changes.
 */
export function changesOf<T extends object>(before: T, after: Partial<T>): Partial<T> {
  const changed = Object.entries(after).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof T]),
  );
  return Object.fromEntries(changed) as Partial<T>;
}

/** Moves an entry of a list by one place. Returns the list itself at its ends. */
export function moved<T>(list: readonly T[], index: number, step: 1 | -1): readonly T[] {
  const to = index + step;
  if (to < 0 || to >= list.length) return list;
  return list.toSpliced(index, 1).toSpliced(to, 0, ...list.slice(index, index + 1));
}
