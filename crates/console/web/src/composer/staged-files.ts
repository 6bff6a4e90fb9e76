import { useSyncExternalStore } from "react";

import { session } from "../session/session";

/** Files that were chosen and not sent yet, by conversation: they stay while the person reads another one. */
const staged = new Map<number, readonly File[]>();
const listeners = new Set<() => void>();
const NONE: readonly File[] = [];

export function useStagedFiles(conversationId: number): readonly File[] {
  return useSyncExternalStore(subscribe, () => staged.get(conversationId) ?? NONE);
}

export function stageFiles(conversationId: number, files: readonly File[]): void {
  setFiles(conversationId, [...(staged.get(conversationId) ?? NONE), ...files]);
}

export function removeFile(conversationId: number, file: File): void {
  setFiles(conversationId, (staged.get(conversationId) ?? NONE).filter((each) => each !== file));
}

export function clearFiles(conversationId: number): void {
  setFiles(conversationId, NONE);
}

// For another person nothing of the former one stays; while the session is over everything does.
let person = personNow();
session.subscribe(() => {
  const next = personNow();
  if (next !== person) staged.clear();
  person = next;
});

function personNow(): number | null {
  const state = session.getState();
  return "me" in state ? state.me.id : null;
}

function setFiles(conversationId: number, files: readonly File[]): void {
  if (files.length === 0) staged.delete(conversationId);
  else staged.set(conversationId, files);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
