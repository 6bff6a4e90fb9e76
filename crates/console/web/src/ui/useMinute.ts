import { useSyncExternalStore } from "react";

const OFTEN = clockWith(20_000);
/** For days and other times that change rarely. */
const RARELY = clockWith(15 * 60_000);

/**
 * Returns the current time in milliseconds since 1970, updated every 20 seconds by one timer for all components; every
 * 15 minutes while `isNeeded` is false, for example because nobody waits.
 */
export function useMinute(isNeeded = true): number {
  const clock = isNeeded ? OFTEN : RARELY;
  return useSyncExternalStore(clock.subscribe, clock.now);
}

interface Clock {
  readonly subscribe: (listener: () => void) => () => void;
  readonly now: () => number;
}

/** A clock whose timer runs while it has listeners. */
function clockWith(interval: number): Clock {
  const listeners = new Set<() => void>();
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | null = null;
  return {
    now: () => now,
    subscribe(listener) {
      listeners.add(listener);
      if (timer === null) {
        now = Date.now();
        timer = setInterval(() => {
          now = Date.now();
          for (const each of listeners) each();
        }, interval);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
      };
    },
  };
}
