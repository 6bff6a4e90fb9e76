const RELOADED = "mm.reloaded";
/** Maximum time in milliseconds that a reload waits for saving. */
const SAVE_TIMEOUT = 1_000;
/** Minimum time in milliseconds between automatic reloads, because a proxy may keep serving the old page. */
const MIN_RELOAD_INTERVAL = 10 * 60_000;

let save: () => Promise<void> = () => Promise.resolve();

/** Sets the function that saves typed text before a reload. */
export function beforeReload(saveAll: () => Promise<void>): void {
  save = saveAll;
}

export async function reload(): Promise<void> {
  await Promise.race([save(), new Promise((resolve) => setTimeout(resolve, SAVE_TIMEOUT))]);
  location.reload();
}

/** Reloads for a new build. Returns `false` without a reload if the last one was less than 10 minutes ago. */
export function reloadOnce(): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < MIN_RELOAD_INTERVAL) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  void reload();
  return true;
}
