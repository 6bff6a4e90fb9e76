/** Placeholders with a value in every conversation. Others must be filled in by hand when a message is written. */
export const KNOWN_PLACEHOLDERS = ["guest_name", "room_number", "hotel_name", "staff_name", "department_name"] as const;

export type KnownPlaceholder = (typeof KNOWN_PLACEHOLDERS)[number];

/** Values by placeholder name; null if there is none. */
export type PlaceholderValues = Readonly<Record<string, string | null>>;

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  /** `value` is null if there is none. */
  | { readonly kind: "placeholder"; readonly name: string; readonly value: string | null };

const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/gu;

/** Splits a template by the same rules as on the server: an incomplete placeholder is text. */
export function partsOf(content: string, values: PlaceholderValues): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of content.matchAll(PLACEHOLDER)) {
    if (match.index > end) parts.push({ kind: "text", text: content.slice(end, match.index) });
    const name = match[1] ?? "";
    parts.push({ kind: "placeholder", name, value: values[name] ?? null });
    end = match.index + match[0].length;
  }
  if (end < content.length) parts.push({ kind: "text", text: content.slice(end) });
  return parts;
}

/** Returns the placeholder names without a value, in order of first use, each once. */
export function missingOf(parts: readonly TemplatePart[]): readonly string[] {
  const missing = parts.flatMap((part) => (part.kind === "placeholder" && part.value === null ? [part.name] : []));
  return [...new Set(missing)];
}

/** Replaces a selection by a placeholder. Returns the new text and the caret position behind the placeholder. */
export function insertPlaceholder(text: string, name: string, start: number, end: number): { text: string; caret: number } {
  const inserted = `{{${name}}}`;
  return { text: text.slice(0, start) + inserted + text.slice(end), caret: start + inserted.length };
}
