import type { Message } from "../api/types";

const ADDRESS = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/gu;

/** The text of a message; addresses are links that do not tell where they were found. */
export function MessageText({ text }: { text: string }) {
  const parts: React.ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    parts.push(text.slice(end, match.index));
    parts.push(
      <a key={match.index} href={match[0]} target="_blank" rel="noopener noreferrer nofollow">
        {match[0]}
      </a>,
    );
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** A file without text has its kind and name as content, which the file itself shows already. */
export function hasOnlyFileName({ content, attachments }: Message): boolean {
  return attachments.some(({ name }) => /^\[[^\]]*\]/u.test(content) && (content.endsWith(name) || content.endsWith("]")));
}
