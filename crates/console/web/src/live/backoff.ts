/** In milliseconds. */
const FIRST = 500;
const LONGEST = 15_000;
const RESTART = 5_000;

/** The wait before the next attempt: random, so that not all consoles come back in the same moment. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST, FIRST * 2 ** attempt);
}

/** The wait after a server has announced its restart (1012). */
export function restartWait(random: () => number = Math.random): number {
  return random() * RESTART;
}
