import type { MessageKey } from "../i18n/i18n";
import { QUEUES } from "../store/queues";
import { openKeySheet } from "../ui/keySheet";
import { pressKey, type KeyAction, KEYS } from "../ui/keys";

/** A command of the palette: goes to a screen, or does what a key does. */
export interface Command {
  readonly id: string;
  readonly label: MessageKey;
  /** The key of the same effect. */
  readonly key?: KeyAction;
  /** The address of a screen. */
  readonly href?: string;
}

const FOR_CONVERSATION: readonly KeyAction[] = ["take", "assign", "transfer", "done", "toggleNote"];
const FOR_LIST: readonly KeyAction[] = ["nextConversation", "previousConversation"];

const SCREENS: readonly Command[] = [
  ...QUEUES.map((queue) => screen(`/inbox/${queue}`, `frame.queue.${queue}`)),
  screen("/search", "frame.search"),
  screen("/stays", "frame.stays"),
  screen("/me", "frame.me"),
];
const SCREENS_OF_MANAGERS: readonly Command[] = [
  screen("/reports", "frame.reports"),
  screen("/audit", "frame.audit"),
  screen("/hotel/templates", "frame.templates"),
  screen("/hotel/people", "frame.people"),
  screen("/hotel", "frame.hotel"),
];

/** Returns the commands that have an effect now. */
export function commandsFor({ isOpen, isManager }: { isOpen: boolean; isManager: boolean }): readonly Command[] {
  return [
    ...(isOpen ? [...FOR_CONVERSATION, ...FOR_LIST].map(ofKey) : []),
    ...SCREENS,
    ...(isManager ? SCREENS_OF_MANAGERS : []),
    ofKey("showKeys"),
  ];
}

/** Runs a command after the palette is closed. */
export function run(command: Command, navigate: (href: string) => void): void {
  if (command.href !== undefined) navigate(command.href);
  else if (command.key === "showKeys") openKeySheet();
  // The handler of the key ignores it while the palette is open.
  else if (command.key !== undefined) setTimeout(pressKey, 0, command.key);
}

function screen(href: string, label: MessageKey): Command {
  return { id: href, label, href };
}

function ofKey(key: KeyAction): Command {
  return { id: key, label: KEYS[key].label, key };
}
