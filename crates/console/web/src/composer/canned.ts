import type { Template } from "../api/types";

/** "/wif" at the start of a line, before the caret. */
export interface CannedQuery {
  readonly start: number;
  readonly end: number;
  readonly words: string;
}

/** Finds the query of a canned reply; null if the caret is not behind one. */
export function findQuery(text: string, caret: number): CannedQuery | null {
  const start = text.lastIndexOf("\n", caret - 1) + 1;
  const match = /^\/([\p{L}\p{N}_-]*)$/u.exec(text.slice(start, caret));
  return match === null ? null : { start, end: caret, words: match[1] ?? "" };
}

/** The replies that fit: shortcuts that begin so first, then those whose name or text contains the words. */
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

/** The names of placeholders that still stand in a text. */
export function missingNames(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([\w.]+)\s*\}\}/gu)].map((match) => match[1] ?? ""))];
}

/** Fills in what the console knows, for a server that cannot be reached. */
export function fillKnown(text: string, values: Readonly<Record<string, string | null>>): string {
  return text.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/gu, (place, name: string) => values[name] ?? place);
}

function rankOf({ shortcut, name, content }: Template, wanted: string): number {
  if (shortcut?.startsWith(wanted)) return 0;
  if (name.toLocaleLowerCase().includes(wanted)) return 1;
  return content.toLocaleLowerCase().includes(wanted) ? 2 : 3;
}
