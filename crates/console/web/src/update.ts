import { isNewVersionKnown } from "./live/version";
import { unsentCount } from "./offline-queue/queue";
import { reload, reloadOnce } from "./reload";

/** Times in milliseconds. */
const IDLE_TIME = 5 * 60_000;
const CHECK_INTERVAL = 10_000;

let lastUse = Date.now();

/**
 * Reloads the page for a new version when the tab is hidden or idle for 5 minutes, and neither box nor queue has text.
 */
export function loadNewVersionWhenIdle(): void {
  globalThis.addEventListener("pointerdown", noteUse);
  globalThis.addEventListener("keydown", noteUse);
  setInterval(() => {
    const isIdle = document.visibilityState === "hidden" || (Date.now() - lastUse > IDLE_TIME && !isWriting());
    if (isNewVersionKnown() && isIdle && unsentCount() === 0) reloadOnce();
  }, CHECK_INTERVAL);
}

/** Reloads the page for a new version, for the button "Load now". */
export function loadNewVersion(): void {
  void reload();
}

function noteUse(): void {
  lastUse = Date.now();
}

function isWriting(): boolean {
  const { activeElement } = document;
  return activeElement instanceof HTMLTextAreaElement && activeElement.value !== "";
}
