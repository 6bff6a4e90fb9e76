import type { Template } from "../api/types";

/** The query of a canned reply: `/wif` from the start of the line to the caret. `words` is the part after `/`. */
export interface CannedQuery {
  readonly start: number;
  readonly end: number;
  readonly words: string;
}

/** Finds the query of a canned reply. Returns null if the caret is not behind one. */
export function findQuery(text: string, caret: number): CannedQuery | null {
  const start = text.lastIndexOf("\n", caret - 1) + 1;
  const match = /^\/([\p{L}\p{N}_-]*)$/u.exec(text.slice(start, caret));
  return match === null ? null : { start, end: caret, words: match[1] ?? "" };
}

/**
 * Returns the matching templates: shortcuts with this prefix first, then names, then contents that contain the words.
 */
export function matchTemplates(templates: readonly Template[], words: string, department: number | null): readonly Template[] {
  const wanted = words.toLocaleLowerCase();
  return templates
    .filter((template) => template.template_type === "text")
    .filter(({ department_id: own }) => own === null || own === department)
    .map((template) => ({ template, rank: rankOf(template, wanted) }))
    .filter(({ rank }) => rank < 3)
    .toSorted((a, b) => a.rank - b.rank || a.template.name.localeCompare(b.template.name))
    .map(({ template }) => template)
    .slice(0, 8);
}

/** Returns the names of the placeholders in a text. */
export function missingNames(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([\w.]+)\s*\}\}/gu)].map((match) => match[1] ?? ""))];
}

/** Replaces the placeholders that have a value and keeps the others. */
export function fillKnown(text: string, values: Readonly<Record<string, string | null>>): string {
  return text.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/gu, (place, name: string) => values[name] ?? place);
}

function rankOf({ shortcut, name, content }: Template, wanted: string): number {
  if (shortcut?.startsWith(wanted)) return 0;
  if (name.toLocaleLowerCase().includes(wanted)) return 1;
  return content.toLocaleLowerCase().includes(wanted) ? 2 : 3;
}
