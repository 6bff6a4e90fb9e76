import { useState } from "react";

interface Opened<T> {
  readonly isOpen: boolean;
  /**
   * The newest version of the open record; null for a new one. A record that leaves the list stays open, with the typed
   * input.
   */
  readonly record: T | null;
  /** The `key` for the dialog, different for each record. */
  readonly key: number | "new";
  readonly open: (record: T) => void;
  readonly add: () => void;
  readonly close: () => void;
}

/** State of the dialog that shows one record of a list. */
export function useOpened<T extends { readonly id: number }>(records: readonly T[]): Opened<T> {
  const [opened, setOpened] = useState<T | "new" | null>(null);
  const isRecord = opened !== null && opened !== "new";
  return {
    isOpen: opened !== null,
    record: isRecord ? (records.find(({ id }) => id === opened.id) ?? opened) : null,
    key: isRecord ? opened.id : "new",
    open: setOpened,
    add: () => setOpened("new"),
    close: () => setOpened(null),
  };
}
