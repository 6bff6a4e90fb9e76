/** A part of an excerpt as plain text. */
export interface ExcerptPart {
  readonly text: string;
  /** The part is one of the words that were searched for. */
  readonly isHit: boolean;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/**
 * Splits the excerpt of a search at `<mark>` and unescapes the parts. They are rendered as text, so that nothing in a
 * message can become markup.
 */
export function parseExcerpt(excerpt: string): readonly ExcerptPart[] {
  return excerpt
    .split(/(<mark>.*?<\/mark>)/su)
    .filter((part) => part !== "")
    .map((part) => {
      const hit = /^<mark>(.*)<\/mark>$/su.exec(part);
      return { text: unescape(hit?.[1] ?? part), isHit: hit !== null };
    });
}

function unescape(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|#39);/gu, (entity, name: string) => ENTITIES[name] ?? entity);
}
