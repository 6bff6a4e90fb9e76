import { unreadOf } from "../store/queues";
import type { State } from "../store/state";
import { isSnoozed } from "../store/waiting";
import { concerns } from "./rules";

/** Maximum length of the message text in the title of a tab. */
const MAX_LENGTH = 40;

export interface Unseen {
  /** Number of conversations that concern this staff member and have unread messages. */
  readonly count: number;
  /** Guest and text of the newest one: "Ana: Towels…". */
  readonly words: string | null;
}

export function unseenOf(state: State): Unseen {
  const unread = [...state.conversations.values()].filter((each) => unreadOf(each) > 0 && !isSnoozed(each) && concerns(each, state));
  const newest = unread.reduce((latest, each) => {
    const [a, b] = [latest?.last_guest_message_at ?? "", each.last_guest_message_at ?? ""];
    return latest === undefined || b > a ? each : latest;
  }, unread[0]);
  return { count: unread.length, words: newest === undefined ? null : wordsOf(newest.guest_name, newest.last_message?.content) };
}

/** Returns the title of the tab: the screen's own title if no guest waits. */
export function titleOf({ count, words }: Unseen, screen: string): string {
  if (count === 0) return screen;
  return words === null ? `(${count}) ${screen}` : `(${count}) ${words}`;
}

function wordsOf(name: string, content: string | undefined): string {
  const line = (content ?? "").replaceAll(/\s+/g, " ").trim();
  const characters = [...line];
  const cut = characters.length > MAX_LENGTH ? `${characters.slice(0, MAX_LENGTH).join("")}…` : line;
  return cut === "" ? name : `${name}: ${cut}`;
}
