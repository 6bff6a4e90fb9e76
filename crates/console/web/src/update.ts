import { isNewVersionKnown } from "./live/version";
import { unsentCount } from "./offline-queue/queue";
import { reload, reloadOnce } from "./reload";

/** In milliseconds. */
const IDLE = 5 * 60_000;
const LOOK = 10_000;

let lastUse = Date.now();

/** A newer server: the page is loaded anew when nobody looks at it or works with it. Text is in drafts and queue. */
export function loadNewVersionWhenIdle(): void {
  globalThis.addEventListener("pointerdown", noteUse);
  globalThis.addEventListener("keydown", noteUse);
  setInterval(() => {
    const isIdle = document.visibilityState === "hidden" || (Date.now() - lastUse > IDLE && !isWriting());
    if (isNewVersionKnown() && isIdle && unsentCount() === 0) reloadOnce();
  }, LOOK);
}

/** For the button "Load now". */
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
