/**
 * Runs a job while no other tab of this browser runs one under the same name. Pages that are not secure have no Web
 * Locks: there the job runs at once, and the idempotency keys of what it sends keep it from being done twice.
 */
export function withLock<T>(name: string, job: () => Promise<T>): Promise<T> {
  if (!hasLocks()) return job();
  return navigator.locks.request(name, job) as Promise<T>;
}

/** Holds a lock until the returned function is called; `onHeld` runs when this tab has got it. */
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

/** TypeScript believes that every page has them. */
function hasLocks(): boolean {
  return typeof navigator !== "undefined" && "locks" in navigator;
}
