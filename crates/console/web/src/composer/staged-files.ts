import { useSyncExternalStore } from "react";

import { session } from "../session/session";

/** Files chosen but not sent, by conversation. They stay while the person reads another conversation. */
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

// Another staff member must not see them. They stay while the session is over.
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
