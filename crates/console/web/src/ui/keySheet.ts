const listeners = new Set<() => void>();

/** Opens the sheet with all keys. */
export function openKeySheet(): void {
  for (const listener of listeners) listener();
}

export function listenToKeySheet(open: () => void): () => void {
  listeners.add(open);
  return () => listeners.delete(open);
}
