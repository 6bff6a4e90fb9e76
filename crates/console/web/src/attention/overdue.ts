import type { Conversation } from "../api/types";
import type { Action } from "../store/actions";
import { isWaiting } from "../store/waiting";

/** Overdue conversations by id, with the time since which the guest waits. */
export type Overdue = ReadonlyMap<number, string>;

export const NONE_OVERDUE: Overdue = new Map();

/**
 * Adds the conversations that the actions show as overdue for an answer. The server announces each once; after a reload
 * the snapshot shows them.
 */
export function addOverdue(before: Overdue, actions: readonly Action[], now: number): Overdue {
  const found = actions.flatMap((action): (readonly [number, string])[] => {
    if (action.type === "inbox") return overdueOf(action.inbox.conversations, now);
    if (action.type !== "event" || action.event.type !== "response_overdue") return [];
    return [[action.event.conversation_id, action.event.waiting_since]];
  });
  return found.length === 0 ? before : new Map([...before, ...found]);
}

function overdueOf(conversations: readonly Conversation[], now: number): [number, string][] {
  return conversations.flatMap((conversation) => {
    const { id, waiting_since: since, response_due_at: due } = conversation;
    const isOverdue = isWaiting(conversation) && due !== null && Date.parse(due) <= now;
    return isOverdue && since !== null ? [[id, since]] : [];
  });
}
