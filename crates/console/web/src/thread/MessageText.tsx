import type { Message } from "../api/types";

const URL_PATTERN = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/gu;

/** The text of a message. URLs become links with `noreferrer`, which hides the address of the console. */
export function MessageText({ text }: { text: string }) {
  const parts: React.ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
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

/** Returns whether the content is only a generated "[kind] name" of an attachment, which shows its name itself. */
export function hasOnlyFileName({ content, attachments }: Message): boolean {
  return attachments.some(({ name }) => /^\[[^\]]*\]/u.test(content) && (content.endsWith(name) || content.endsWith("]")));
}
