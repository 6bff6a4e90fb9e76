import { useSyncExternalStore } from "react";

import { isSoundBlocked, subscribeSound, unlockSound as unlock } from "./sound";
import { play, unlockOnGesture, Watch } from "./watch";

let watch: Watch | null = null;
let onScreen: number | null = null;
let screenTitle = "";

/** Watches for this person; `openConversation` is called when a notification is pressed. */
export function startAttention(staffId: number, openConversation: (conversationId: number) => void): void {
  stopAttention();
  unlockOnGesture();
  watch = new Watch(staffId, { play, openConversation, isFocused });
  watch.setScreenTitle(screenTitle === "" ? document.title : screenTitle);
  watch.setOnScreen(onScreen);
  globalThis.addEventListener("focus", tellTabs);
  globalThis.addEventListener("blur", tellTabs);
}

export function stopAttention(): void {
  globalThis.removeEventListener("focus", tellTabs);
  globalThis.removeEventListener("blur", tellTabs);
  watch?.stop();
  watch = null;
}

/** The title of the tab while nobody waits. */
export function setScreenTitle(title: string): void {
  screenTitle = title;
  if (watch === null) document.title = title;
  else watch.setScreenTitle(title);
}

/** "Sound is off, click here": the browser waits for a gesture. */
export function useSoundBlocked(): boolean {
  return useSyncExternalStore(subscribeSound, isSoundBlocked);
}

/** Call from the handler of a click or key. */
export function unlockSound(): void {
  void unlock();
}

/** For the settings: how loud it is. In percent. */
export function testSound(volume: number): void {
  play(volume / 100);
}

/** The conversation that is on screen, for which nothing rings while the tab has the focus. */
export function setOnScreen(conversationId: number | null): void {
  onScreen = conversationId;
  watch?.setOnScreen(conversationId);
}

function isFocused(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function tellTabs(): void {
  watch?.tellTabs();
}
