import { useSyncExternalStore } from "react";

import { isSoundBlocked, subscribeSound, unlockSound as unlock } from "./sound";
import { play, unlockOnGesture, Watch } from "./watch";

let watch: Watch | null = null;
let onScreen: number | null = null;
let screenTitle = "";

/** Starts the alarms of a staff member. `openConversation` is called when a notification is clicked. */
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

/** Sets the title of the tab, shown while no guest waits. */
export function setScreenTitle(title: string): void {
  screenTitle = title;
  if (watch === null) document.title = title;
  else watch.setScreenTitle(title);
}

/** Returns whether the browser blocks sound until a gesture, which "Sound is off, click here" asks for. */
export function useSoundBlocked(): boolean {
  return useSyncExternalStore(subscribeSound, isSoundBlocked);
}

/** Unlocks sound. Call from the handler of a click or key. */
export function unlockSound(): void {
  void unlock();
}

/** Plays the sound once, as a test in the settings. `volume` is in percent. */
export function testSound(volume: number): void {
  play(volume / 100);
}

/** Sets the conversation on screen, which does not ring while the tab has the focus. */
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
