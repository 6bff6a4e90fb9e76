import type { Conversation } from "../api/types";

/** Removes case and accents, as the server does for its searches. */
export function fold(text: string): string {
  return text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** Splits a text into folded words. */
export function wordsOf(text: string): readonly string[] {
  return fold(text).split(/\s+/u).filter((word) => word !== "");
}

/** Returns whether a text contains all words. */
export function hasWords(text: string, words: readonly string[]): boolean {
  const folded = fold(text);
  return words.every((word) => folded.includes(word));
}

/**
 * Returns the loaded conversations that fit, the best first: the room itself, rooms that begin with the text, names that
 * begin with it, then all with these words in name or room. `/204` finds rooms only.
 */
export function matchConversations(conversations: Iterable<Conversation>, text: string, most: number): readonly Conversation[] {
  const wanted = text.trim();
  const onlyRooms = wanted.startsWith("/");
  const words = wordsOf(onlyRooms ? wanted.slice(1) : wanted);
  if (words.length === 0) return [];
  const found: { conversation: Conversation; rank: number }[] = [];
  for (const conversation of conversations) {
    const rank = rankOf(conversation, words, onlyRooms);
    if (rank !== null) found.push({ conversation, rank });
  }
  return found
    .toSorted((a, b) => a.rank - b.rank || compareOpen(a.conversation, b.conversation))
    .slice(0, most)
    .map(({ conversation }) => conversation);
}

function rankOf({ room_number, guest_name }: Conversation, words: readonly string[], onlyRooms: boolean): number | null {
  const room = fold(room_number ?? "");
  const [first = ""] = words;
  if (words.length === 1 && room !== "") {
    if (room === first) return 0;
    if (room.startsWith(first)) return 1;
  }
  if (onlyRooms) return null;
  if (fold(guest_name).startsWith(words.join(" "))) return 2;
  return hasWords(`${guest_name} ${room}`, words) ? 3 : null;
}

/** Open conversations precede closed ones, newest change first. */
function compareOpen(a: Conversation, b: Conversation): number {
  const closed = Number(a.status === "closed") - Number(b.status === "closed");
  return closed || (a.updated_at < b.updated_at ? 1 : -1);
}
