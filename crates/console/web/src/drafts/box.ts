import type { Draft } from "../api/types";

/** The content of the composer box of one conversation. Immutable: the pure functions below derive new ones. */
export interface Box {
  readonly text: string;
  readonly internal: boolean;
  readonly replyTo: number | null;
  /** `updated_at` of the server draft on which the text is based; null if there was none. */
  readonly base: string | null;
  /** The text differs from the draft on the server. */
  readonly changed: boolean;
  /** The box has the focus: only the keys of the person who types may change its text. */
  readonly focused: boolean;
  /** A newer draft from another device, offered to the person who types. */
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

/**
 * Takes over a changed or deleted server draft. Unsaved text, and text in a focused box, is never replaced: the draft
 * is offered instead.
 */
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

/** Replaces the content of the box by a server draft. */
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

/** Declines the offered draft: the text in the box overwrites it at the next save. */
export function keepOwn(box: Box): Box {
  return box.offer === null ? box : { ...box, base: box.offer.updated_at, offer: null, changed: true };
}

/** Applies a successful save. The box stays `changed` if the text was edited during the request. */
export function noteSaved(box: Box, saved: Box, draft: Draft): Box {
  const isSame = box.text === saved.text && box.internal === saved.internal && box.replyTo === saved.replyTo;
  return { ...box, base: draft.updated_at, changed: !isSame };
}

/** Applies a send that deleted the server draft: text in the box belongs to a new draft. */
export function noteCleared(box: Box): Box {
  return { ...box, base: null, changed: box.text !== "" };
}

/** Puts a text that could not be sent back into the box, above newer text. */
export function putBack(box: Box, text: string, internal: boolean): Box {
  return editBox(box, { text: box.text === "" ? text : `${text}\n\n${box.text}`, internal });
}

function isSameText(box: Box, draft: Draft): boolean {
  return box.text === draft.text && box.internal === draft.internal && box.replyTo === draft.reply_to;
}
