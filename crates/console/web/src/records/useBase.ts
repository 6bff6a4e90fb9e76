import { useState } from "react";

interface Base<T> {
  /** What the form began with: a newer version does not replace what is being typed. */
  readonly base: T;
  /** A colleague has changed it meanwhile. */
  readonly isStale: boolean;
  /** Changes with `show`: the key of the form. */
  readonly version: number;
  /** Begins again with this version. */
  readonly show: (next: T) => void;
  /** This version was just saved from the form, which stays as it is. */
  readonly accept: (next: T) => void;
}

/** Keeps the version of a record with which a form was opened. `contentOf` returns what the form is about. */
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
