const listeners = new Set<() => void>();

/** Opens the palette: search and commands. */
export function openPalette(): void {
  for (const listener of listeners) listener();
}

export function listenToPalette(open: () => void): () => void {
  listeners.add(open);
  return () => listeners.delete(open);
}
