import { unreadOf } from "../store/queues";
import type { State } from "../store/state";
import { concerns } from "./rules";

/** Longer words are cut in the title of a tab. */
const LONGEST = 40;

export interface Unseen {
  /** Conversations that concern this person and have unread messages. */
  readonly count: number;
  /** Of the newest one: "Ana: Towels…". */
  readonly words: string | null;
}

export function unseenOf(state: State): Unseen {
  const unread = [...state.conversations.values()].filter((each) => unreadOf(each) > 0 && concerns(each, state));
  const newest = unread.reduce((latest, each) => {
    const [a, b] = [latest?.last_guest_message_at ?? "", each.last_guest_message_at ?? ""];
    return latest === undefined || b > a ? each : latest;
  }, unread[0]);
  return { count: unread.length, words: newest === undefined ? null : wordsOf(newest.guest_name, newest.last_message?.content) };
}

/** The title of the tab: the screen's own, unless somebody waits. */
export function titleOf({ count, words }: Unseen, screen: string): string {
  if (count === 0) return screen;
  return words === null ? `(${count}) ${screen}` : `(${count}) ${words}`;
}

function wordsOf(name: string, content: string | undefined): string {
  const line = (content ?? "").replaceAll(/\s+/g, " ").trim();
  const characters = [...line];
  const cut = characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : line;
  return cut === "" ? name : `${name}: ${cut}`;
}
