import type { MessageKey } from "../i18n/i18n";

/**
 * All keys of the console. Handlers, tooltips and the key sheet use this table.
 * Ctrl Shift N, T, W, P and Q belong to the browser. No single key changes data.
 */
export const KEYS = {
  previousRow: { combos: ["ArrowUp", "k"], scope: "list", label: "keys.previous_row" },
  nextRow: { combos: ["ArrowDown", "j"], scope: "list", label: "keys.next_row" },
  firstRow: { combos: ["Home"], scope: "list", label: "keys.first_row" },
  lastRow: { combos: ["End"], scope: "list", label: "keys.last_row" },
  openRow: { combos: ["Enter"], scope: "list", label: "keys.open_row" },
  showKeys: { combos: ["?"], scope: "list", label: "keys.show_keys" },
  previousConversation: { combos: ["Alt+ArrowUp"], scope: "everywhere", label: "keys.previous_conversation" },
  nextConversation: { combos: ["Alt+ArrowDown"], scope: "everywhere", label: "keys.next_conversation" },
  search: { combos: ["Ctrl+k"], scope: "everywhere", label: "keys.search" },
  nextRegion: { combos: ["F6"], scope: "everywhere", label: "keys.next_region" },
  previousRegion: { combos: ["Shift+F6"], scope: "everywhere", label: "keys.previous_region" },
  toggleNote: { combos: ["Ctrl+Shift+L"], scope: "everywhere", label: "keys.toggle_note" },
  assign: { combos: ["Ctrl+Shift+A"], scope: "everywhere", label: "keys.assign" },
  take: { combos: ["Ctrl+Shift+M"], scope: "everywhere", label: "keys.take" },
  transfer: { combos: ["Ctrl+Shift+F"], scope: "everywhere", label: "keys.transfer" },
  done: { combos: ["Ctrl+Shift+E"], scope: "everywhere", label: "keys.done" },
  send: { combos: ["Enter", "Ctrl+Enter"], scope: "composer", label: "keys.send" },
  newLine: { combos: ["Shift+Enter"], scope: "composer", label: "keys.new_line" },
  cannedReplies: { combos: ["/"], scope: "composer", label: "keys.canned_replies" },
  leave: { combos: ["Escape"], scope: "composer", label: "keys.leave" },
} as const satisfies Record<string, KeyEntry>;

export type KeyAction = keyof typeof KEYS;
export type KeyScope = "everywhere" | "list" | "composer";

interface KeyEntry {
  readonly combos: readonly string[];
  readonly scope: KeyScope;
  readonly label: MessageKey;
}

/** The fields of a keyboard event that are compared with the table. */
export interface PressedKey {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly isComposing: boolean;
  readonly keyCode: number;
  getModifierState(key: "AltGraph"): boolean;
}

/** Returns whether the key triggers the action. Never during composition or with AltGr. */
export function isKey(event: PressedKey, action: KeyAction, mac: boolean = isMac()): boolean {
  if (isComposing(event) || event.getModifierState("AltGraph")) return false;
  return KEYS[action].combos.some((combo) => isCombo(event, combo, mac));
}

/**
 * Returns whether an input method is composing. Safari ends the composition before the key event, which has the code
 * 229.
 */
export function isComposing(event: Pick<PressedKey, "isComposing" | "keyCode">): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Returns whether the key types a character that can start a message. */
export function isCharacter(event: PressedKey): boolean {
  if (isComposing(event)) return false;
  const withCommand = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  return [...event.key].length === 1 && event.key !== " " && !withCommand;
}

/** Returns the keys of an action as text: "Ctrl Shift E", on a Mac "⌘ ⇧ E". */
export function keyNames(action: KeyAction, mac: boolean = isMac()): string[] {
  return KEYS[action].combos.map((combo) => nameCombo(combo, mac));
}

/** Returns the value of `aria-keyshortcuts` for an action. */
export function keyShortcuts(action: KeyAction, mac: boolean = isMac()): string {
  return KEYS[action].combos.map((combo) => combo.replace("Ctrl", mac ? "Meta" : "Control")).join(" ");
}

/** Does what the first key of an action does. */
export function pressKey(action: KeyAction, mac: boolean = isMac()): void {
  const parts = KEYS[action].combos[0].split("+");
  const command = parts.includes("Ctrl");
  document.dispatchEvent(
    new KeyboardEvent("keydown", {
      key: parts.at(-1) ?? "",
      ctrlKey: command && !mac,
      metaKey: command && mac,
      altKey: parts.includes("Alt"),
      shiftKey: parts.includes("Shift"),
      cancelable: true,
    }),
  );
}

export function isMac(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}

function isCombo(event: PressedKey, combo: string, mac: boolean): boolean {
  const parts = combo.split("+");
  const key = parts.at(-1) ?? "";
  const command = mac ? event.metaKey : event.ctrlKey;
  const otherCommand = mac ? event.ctrlKey : event.metaKey;
  if (otherCommand) return false;
  if (command !== parts.includes("Ctrl") || event.altKey !== parts.includes("Alt")) return false;
  // `?` is typed with Shift on most keyboards.
  if (key !== "?" && event.shiftKey !== parts.includes("Shift")) return false;
  return event.key.toLowerCase() === key.toLowerCase();
}

const NAMES: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
};

const MAC_NAMES: Record<string, string> = { Ctrl: "⌘", Shift: "⇧", Alt: "⌥" };

function nameCombo(combo: string, mac: boolean): string {
  return combo
    .split("+")
    .map((part) => (mac ? MAC_NAMES[part] : undefined) ?? NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" ");
}
