import type { Draft } from "../api/types";

/** What is in the box of one conversation. Changed only by the functions below; all are pure. */
export interface Box {
  readonly text: string;
  readonly internal: boolean;
  readonly replyTo: number | null;
  /** `updated_at` of the draft on the server from which the text was made; null if there was none. */
  readonly base: string | null;
  /** Whether the text differs from what the server has. */
  readonly changed: boolean;
  /** The caret is in the box: nothing but the person's own keys changes it. */
  readonly focused: boolean;
  /** A newer draft of another device. */
  readonly offer: Draft | null;
}

export const EMPTY_BOX: Box = {
  text: "",
  internal: false,
  replyTo: null,
  base: null,
  changed: false,
  focused: false,
  offer: null,
};

export function editBox(box: Box, change: Partial<Pick<Box, "text" | "internal" | "replyTo">>): Box {
  return { ...box, ...change, changed: true };
}

/** The server has another draft than before, or none. A box with focus or with newer text is never replaced. */
export function receiveDraft(box: Box, draft: Draft | null): Box {
  if (draft === null || draft.text === "") {
    if (box.changed || box.focused) return { ...box, base: null, offer: null };
    return { ...EMPTY_BOX, internal: box.internal };
  }
  if (draft.updated_at === box.base) return box;
  if (isSameText(box, draft)) return { ...box, base: draft.updated_at, changed: false, offer: null };
  const mayReplace = !box.changed && (!box.focused || box.text === "");
  return mayReplace ? takeDraft(box, draft) : { ...box, offer: draft };
}

/** The person chose the newer draft, or the box was untouched. */
export function takeDraft(box: Box, draft: Draft): Box {
  return {
    ...box,
    text: draft.text,
    internal: draft.internal,
    replyTo: draft.reply_to,
    base: draft.updated_at,
    changed: false,
    offer: null,
  };
}

/** The person stays with the own text: it replaces the offered one at the next save. */
export function keepOwn(box: Box): Box {
  return box.offer === null ? box : { ...box, base: box.offer.updated_at, offer: null, changed: true };
}

/** The server has stored `saved`; meanwhile the person may have written on. */
export function noteSaved(box: Box, saved: Box, draft: Draft): Box {
  const isSame = box.text === saved.text && box.internal === saved.internal && box.replyTo === saved.replyTo;
  return { ...box, base: draft.updated_at, changed: !isSame };
}

/** A message that cleared the draft was stored: what is in the box now is a new one. */
export function noteCleared(box: Box): Box {
  return { ...box, base: null, changed: box.text !== "" };
}

/** Puts back a text that could not be sent, above newer text. */
export function putBack(box: Box, text: string, internal: boolean): Box {
  return editBox(box, { text: box.text === "" ? text : `${text}\n\n${box.text}`, internal });
}

function isSameText(box: Box, draft: Draft): boolean {
  return box.text === draft.text && box.internal === draft.internal && box.replyTo === draft.reply_to;
}
