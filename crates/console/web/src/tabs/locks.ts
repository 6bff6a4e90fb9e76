/**
 * Runs a job under a Web Lock, so that no other tab of this browser runs one with the same name. Without Web Locks
 * (pages without HTTPS) the job runs at once; idempotency keys then prevent duplicates.
 */
export function withLock<T>(name: string, job: () => Promise<T>): Promise<T> {
  if (!hasLocks()) return job();
  return navigator.locks.request(name, job) as Promise<T>;
}

/** Holds a Web Lock until the returned function is called. Calls `onHeld` when this tab acquires the lock. */
export function holdLock(name: string, onHeld: () => void): () => void {
  if (!hasLocks()) {
    onHeld();
    return () => {};
  }
  const abort = new AbortController();
  let release = () => abort.abort();
  const held = () => {
    onHeld();
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  navigator.locks.request(name, { signal: abort.signal }, held).catch(ignoreAbort);
  return () => release();
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
}

/** Needed because TypeScript declares `navigator.locks` for all pages, also for those without HTTPS. */
function hasLocks(): boolean {
  return typeof navigator !== "undefined" && "locks" in navigator;
}
