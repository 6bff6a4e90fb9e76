/** A row of the form. */
export interface Row {
  /** Stays the same while the row is edited. */
  readonly id: number;
  readonly name: string;
  readonly text: string;
}

/** Returns the rows of a form, in the order of the names. */
export function rowsOf(variables: Readonly<Record<string, string>>): readonly Row[] {
  const sorted = Object.entries(variables).toSorted(([a], [b]) => a.localeCompare(b));
  return sorted.map(([name, text], index) => ({ id: index + 1, name, text }));
}

/** Returns the variables of a form; rows without name and text are left out. Braces around a name are no part of it. */
export function variablesOf(rows: readonly Row[]): Record<string, string> {
  const filled = rows.map(({ name, text }) => [name.replaceAll(/[{}\s]/gu, ""), text.trim()] as const);
  return Object.fromEntries(filled.filter(([name, text]) => name !== "" || text !== ""));
}
