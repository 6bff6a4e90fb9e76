import type { ImportRow } from "../api/types";

export interface RowCounts {
  readonly all: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
}

/** Counts the rows of an import by result. */
export function countRows(rows: readonly ImportRow[]): RowCounts {
  const counts = { all: rows.length, created: 0, updated: 0, unchanged: 0, failed: 0 };
  for (const { result } of rows) counts[result] += 1;
  return counts;
}

/** Returns the errors of a failed row, each after the name of its field. */
export function faultsOf(row: ImportRow, nameOf: (field: string) => string): string {
  return Object.entries(row.errors ?? {})
    .flatMap(([field, sentences]) => sentences.map((sentence) => `${nameOf(field)}: ${sentence}`))
    .join(" ");
}
