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
  /** Empties the box after a send; the server deletes its draft with the message (`clearsDraft`). */
  readonly clear: () => void;
  /** Puts a text that was not sent back into the box, above newer text. */
  readonly putBack: (text: string, internal: boolean) => void;
  /** Sets whether the box has the focus. A newer draft from another device is then offered, never put in. */
  readonly setFocused: (focused: boolean) => void;
  /** A newer draft from another device, which the person can use or dismiss. */
  readonly offer: Draft | null;
  readonly useOffer: () => void;
  readonly dismissOffer: () => void;
}

let keeper: DraftKeeper | null = null;
let endListening: () => void = () => {};

/** Starts the drafts of a staff member with those left in IndexedDB and those of the server. */
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

/** After a replay: saves the drafts that could not be saved without a connection. */
export async function flushDrafts(): Promise<void> {
  await keeper?.flushAll();
}

/** After a sign-out: deletes the local copies of drafts that are on the server. */
export async function forgetSavedDrafts(): Promise<void> {
  await keeper?.forgetSaved();
}

/** The offline queue has sent a message with which the server deleted the draft. */
export function noteDraftCleared(conversationId: number): void {
  keeper?.noteStored(conversationId);
}

/** Turns a text that could not be sent into a draft. */
export function keepAsDraft(conversationId: number, text: string, internal: boolean): void {
  keeper?.change(conversationId, (box) => putBack(box, text, internal));
}

/**
 * The composer box of one conversation. Its text survives reloads, the end of the session and drafts of other devices.
 */
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
