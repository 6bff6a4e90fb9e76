import { useMemo, useSyncExternalStore } from "react";

import { putDraft } from "../api/calls";
import type { Draft } from "../api/types";
import { broadcast, listenToTabs } from "../tabs/channel";
import { editBox, EMPTY_BOX, keepOwn, putBack, takeDraft, type Box } from "./box";
import { DraftKeeper } from "./keeper";
import { indexedDbDrafts } from "./storage";

export interface DraftBox {
  readonly text: string;
  readonly internal: boolean;
  readonly replyTo: number | null;
  readonly setText: (text: string) => void;
  readonly setInternal: (internal: boolean) => void;
  readonly setReplyTo: (messageId: number | null) => void;
  /** After a send: the box is empty, the draft on the server goes with the message (`clearsDraft`). */
  readonly clear: () => void;
  /** Puts back a text that was not sent, above newer text. */
  readonly putBack: (text: string, internal: boolean) => void;
  /** The box has the focus: a newer draft of another device is then offered, never put in. */
  readonly setFocused: (focused: boolean) => void;
  /** "Newer draft from another device [Use it]". */
  readonly offer: Draft | null;
  readonly useOffer: () => void;
  readonly dismissOffer: () => void;
}

let keeper: DraftKeeper | null = null;
let endListening: () => void = () => {};

/** Begins with what this person left on disk and on the server. */
export async function startDrafts(staffId: number): Promise<void> {
  stopDrafts();
  const started = new DraftKeeper(staffId, { storage: indexedDbDrafts, putDraft, tellTabs: broadcast });
  keeper = started;
  const flush = () => void started.flushAll();
  const flushHidden = () => document.visibilityState === "hidden" && flush();
  document.addEventListener("visibilitychange", flushHidden);
  globalThis.addEventListener("pagehide", flush);
  const endTabs = listenToTabs((message) => {
    if (message.type === "draft" && message.staffId === staffId) started.receiveFromTab(message);
  });
  endListening = () => {
    endTabs();
    document.removeEventListener("visibilitychange", flushHidden);
    globalThis.removeEventListener("pagehide", flush);
  };
  await started.load();
}

export function stopDrafts(): void {
  endListening();
  keeper?.stop();
  keeper = null;
}

/** After a replay: what the server could not be given before. */
export async function flushDrafts(): Promise<void> {
  await keeper?.flushAll();
}

/** After a sign-out. */
export async function forgetSavedDrafts(): Promise<void> {
  await keeper?.forgetSaved();
}

/** The offline queue has delivered a message that deleted the draft. */
export function noteDraftCleared(conversationId: number): void {
  keeper?.noteStored(conversationId);
}

/** A text that could not be sent becomes a draft. */
export function keepAsDraft(conversationId: number, text: string, internal: boolean): void {
  keeper?.change(conversationId, (box) => putBack(box, text, internal));
}

/** The text of the box of one conversation; survives reloads, ends of sessions and other devices. */
export function useDraft(conversationId: number): DraftBox {
  const box = useSyncExternalStore(
    useMemo(() => (listener: () => void) => keeper?.subscribe(conversationId, listener) ?? (() => {}), [conversationId]),
    () => keeper?.box(conversationId) ?? EMPTY_BOX,
  );
  const handlers = useMemo(() => handlersOf(conversationId), [conversationId]);
  const { text, internal, replyTo, offer } = box;
  return { text, internal, replyTo, offer, ...handlers };
}

function handlersOf(id: number): Omit<DraftBox, "text" | "internal" | "replyTo" | "offer"> {
  const change = (next: (box: Box) => Box) => keeper?.change(id, next);
  return {
    setText: (text) => change((box) => (box.text === text ? box : editBox(box, { text }))),
    setInternal: (internal) => change((box) => (box.internal === internal ? box : editBox(box, { internal }))),
    setReplyTo: (replyTo) => change((box) => (box.replyTo === replyTo ? box : editBox(box, { replyTo }))),
    clear: () => change((box) => editBox(box, { text: "", replyTo: null })),
    putBack: (text, internal) => change((box) => putBack(box, text, internal)),
    setFocused: (focused) => change((box) => (box.focused === focused ? box : { ...box, focused })),
    useOffer: () => change((box) => (box.offer === null ? box : takeDraft(box, box.offer))),
    dismissOffer: () => change(keepOwn),
  };
}
