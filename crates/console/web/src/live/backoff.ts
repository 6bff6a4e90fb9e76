/** Delays in milliseconds. */
const BASE_DELAY = 500;
const MAX_DELAY = 15_000;
const MAX_RESTART_DELAY = 5_000;

/** Exponential backoff: returns the delay before an attempt. Random, so that consoles do not all reconnect at once. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_DELAY, BASE_DELAY * 2 ** attempt);
}

/** Returns the random delay before a reconnect after a server restart (close code 1012). */
export function restartWait(random: () => number = Math.random): number {
  return random() * MAX_RESTART_DELAY;
}
