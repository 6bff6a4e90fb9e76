import type { ConversationCard } from "../api/types";
import { defaultDepartmentOf } from "./departments";
import type { Directory } from "./state";

/** How soon a waiting guest needs an answer. `due_soon`: the last quarter of the department's target has begun. */
export type Urgency = "waiting" | "due_soon" | "overdue";

/** Share of the target that is `due_soon`. */
const LAST_PART = 1 / 4;
const MINUTE = 60_000;

/** Returns whether the conversation is hidden for a while. The server clears `snoozed_until` at the end. */
export function isSnoozed({ snoozed_until, status }: ConversationCard): boolean {
  return snoozed_until !== null && status !== "closed";
}

/** Returns whether the guest waits for an answer. A snooze hides that until its end. */
export function isWaiting(conversation: ConversationCard): boolean {
  return conversation.waiting_since !== null && !isSnoozed(conversation);
}

/** Returns how soon a waiting guest needs an answer; null if no guest waits. */
export function urgencyOf(conversation: ConversationCard, directory: Directory, now: number): Urgency | null {
  if (!isWaiting(conversation)) return null;
  const { waiting_since: since, response_due_at: due } = conversation;
  if (since === null || due === null) return "waiting";
  const dueAt = Date.parse(due);
  if (now >= dueAt) return "overdue";
  return now >= dueAt - lastPartOf(conversation, directory, dueAt - Date.parse(since)) ? "due_soon" : "waiting";
}

/**
 * Returns the length of the last quarter in milliseconds. It is taken of the target, because the time until the answer
 * is due also contains the hours in which the department is closed.
 */
function lastPartOf({ department_id }: ConversationCard, directory: Directory, wait: number): number {
  const id = department_id ?? defaultDepartmentOf(directory.hotel, directory.departments);
  const minutes = directory.departments.find((each) => each.id === id)?.first_response_minutes ?? null;
  return LAST_PART * (minutes === null ? wait : Math.min(wait, minutes * MINUTE));
}
