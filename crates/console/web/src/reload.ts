const RELOADED = "mm.reloaded";
/** In milliseconds: what is saved before a reload does not hold it up for longer. */
const SAVING = 1_000;
/** In milliseconds: a proxy that goes on serving the old page must not make it reload for ever. */
const GAP = 10 * 60_000;

let save: () => Promise<void> = () => Promise.resolve();

/** What the person has just typed is saved first. */
export function beforeReload(saveAll: () => Promise<void>): void {
  save = saveAll;
}

export async function reload(): Promise<void> {
  await Promise.race([save(), new Promise((resolve) => setTimeout(resolve, SAVING))]);
  location.reload();
}

/** A chunk of an older build is gone (`vite:preloadError`), or a newer one waits. False if that was tried just now. */
export function reloadOnce(): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < GAP) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  void reload();
  return true;
}
