import { useState } from "react";

interface Opened<T> {
  readonly isOpen: boolean;
  /** The record in its newest version; null for a new one. It stays if it leaves the list, with what is typed about it. */
  readonly record: T | null;
  /** Another one for each record. */
  readonly key: number | "new";
  readonly open: (record: T) => void;
  readonly add: () => void;
  readonly close: () => void;
}

/** Which record of a list is open in a dialog. */
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
