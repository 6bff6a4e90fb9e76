import type { Conversation } from "../api/types";
import { rows } from "../store/queues";
import { dispatch, store } from "../store/store";

/** Delay in milliseconds after the end of a snooze. The server announces the end within 5 s. */
const GRACE = 10_000;
/** The longest delay of a browser timer. */
const MAX_DELAY = 2_147_483_647;

/**
 * Ends snoozes without the server, so that no guest stays hidden while there is no connection. Returns the function that
 * stops this. No timer runs while nothing is snoozed.
 */
export function endSnoozesInTime(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let snoozed: readonly Conversation[] = [];

  function look() {
    const found = rows(store.getState(), "snoozed", undefined, "wakes");
    if (found === snoozed) return;
    snoozed = found;
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    const [first] = snoozed;
    if (first !== undefined) timer = setTimeout(wake, Math.min(MAX_DELAY, Math.max(0, endOf(first) - Date.now())));
  }

  function wake() {
    const ended = snoozed.filter((conversation) => endOf(conversation) <= Date.now());
    if (ended.length === 0) schedule();
    else dispatch(...ended.map(({ id }) => ({ type: "conversation_changed", id, change: { snoozed_until: null } }) as const));
  }

  const unsubscribe = store.subscribe(look);
  look();
  return () => {
    unsubscribe();
    clearTimeout(timer);
  };
}

function endOf({ snoozed_until }: Conversation): number {
  return Date.parse(snoozed_until ?? "") + GRACE;
}
