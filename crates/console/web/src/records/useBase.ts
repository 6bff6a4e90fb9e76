import { useState } from "react";

interface Base<T> {
  /** The version with which the form was opened. A newer version does not replace typed input. */
  readonly base: T;
  /** A colleague has changed the record since. */
  readonly isStale: boolean;
  /** Counts calls of `show`; use it as the form's `key`. */
  readonly version: number;
  /** Restarts the form with a newer version. */
  readonly show: (next: T) => void;
  /** Takes over the version just saved from the form, without restarting it. */
  readonly accept: (next: T) => void;
}

/** Keeps the version of a record with which a form was opened. `contentOf` selects the part that the form edits. */
export function useBase<T>(current: T, contentOf: (record: T) => unknown = (record) => record): Base<T> {
  const [{ base, version }, setBase] = useState({ base: current, version: 0 });
  return {
    base,
    version,
    isStale: JSON.stringify(contentOf(base)) !== JSON.stringify(contentOf(current)),
    show: (next) => setBase({ base: next, version: version + 1 }),
    accept: (next) => setBase({ base: next, version }),
  };
}
