import * as calls from "../api/calls";
import { ApiError, codeOf } from "../api/problem";
import type { Conversation, ConversationDetails, Message } from "../api/types";
import { dispatch, store } from "../store/store";
import { keepUnread } from "./sync";

// Actions of staff on a conversation: an optimistic update, rolled back if the server refuses. Each rejects with the
// `ApiError` or `NetworkError` for a toast. Whatever hands a conversation to somebody ends its snooze.

/**
 * Assigns the conversation to this staff member. On 409 `already_assigned` the store shows the colleague who was
 * faster.
 */
export async function takeConversation(id: number): Promise<void> {
  const { me } = store.getState();
  try {
    await change(id, { assigned_to: { id: me.id, name: me.name }, snoozed_until: null }, () => calls.assign(id, me.id, true));
  } catch (error) {
    if (error instanceof ApiError && codeOf(error) === "already_assigned" && error.problem.assigned_to) {
      dispatch({ type: "conversation_changed", id, change: { assigned_to: error.problem.assigned_to } });
    }
    throw error;
  }
}

export async function assignConversation(id: number, staffId: number | null): Promise<void> {
  const { directory } = store.getState();
  const member = directory.staff.find((entry) => entry.id === staffId);
  const assignee = member === undefined ? null : { id: member.id, name: member.name };
  await change(id, { assigned_to: assignee, snoozed_until: null }, () => calls.assign(id, staffId));
}

export async function transferConversation(id: number, departmentId: number, note?: string): Promise<void> {
  const { directory } = store.getState();
  const department = directory.departments.find((entry) => entry.id === departmentId);
  const shown: Partial<Conversation> = {
    status: "relay",
    department_id: departmentId,
    snoozed_until: null,
    ...(department && { department_name: department.name }),
  };
  await change(id, shown, () => calls.startRelay(id, departmentId, note));
}

export async function handBackConversation(id: number): Promise<void> {
  const shown: Partial<Conversation> = {
    status: "active",
    department_id: null,
    department_name: null,
    assigned_to: null,
    snoozed_until: null,
  };
  await change(id, shown, () => calls.endRelay(id));
}

export async function finishConversation(id: number): Promise<void> {
  await change(id, { status: "closed", waiting_since: null, snoozed_until: null }, () => calls.closeConversation(id));
}

export async function reopenConversation(id: number): Promise<void> {
  const isRouted = store.getState().conversations.get(id)?.department_id !== null;
  await change(id, { status: isRouted ? "relay" : "active" }, () => calls.reopen(id));
}

export async function markHandled(id: number): Promise<void> {
  await change(id, { waiting_since: null }, () => calls.handled(id));
}

/** Hides the conversation for everybody until a time, RFC 3339. */
export async function snoozeConversation(id: number, until: string): Promise<void> {
  await change(id, { snoozed_until: until }, () => calls.snooze(id, until));
}

export async function wakeConversation(id: number): Promise<void> {
  await change(id, { snoozed_until: null }, () => calls.unsnooze(id));
}

export async function setLabels(id: number, add: readonly number[], remove: readonly number[]): Promise<void> {
  const { directory, conversations } = store.getState();
  const before = conversations.get(id)?.labels ?? [];
  const kept = before.filter((label) => !remove.includes(label.id));
  const added = directory.labels.filter((label) => add.includes(label.id) && !kept.some((other) => other.id === label.id));
  await change(id, { labels: [...kept, ...added] }, () => calls.changeLabels(id, { add: [...add], remove: [...remove] }));
}

/** Retries a `failed` or `unknown` message. */
export async function tryAgain(message: Message): Promise<void> {
  dispatch({ type: "message", message: await calls.retryMessage(message.conversation_id, message.id) });
}

/** Deletes a `held` or `queued` message before it goes out to the guest. */
export async function takeBack(message: Message): Promise<void> {
  await calls.takeBackMessage(message.conversation_id, message.id);
  dispatch({ type: "message", message: { ...message, delivery: "removed" } });
}

/** Changes the text of a `held` message. */
export async function editHeldMessage(message: Message, text: string): Promise<void> {
  dispatch({ type: "message", message: await calls.editHeldMessage(message.conversation_id, message.id, text) });
}

/** Sets this staff member's reaction. An empty emoji removes it. */
export async function reactTo(message: Message, emoji: string): Promise<void> {
  dispatch({ type: "message", message: await calls.react(message.conversation_id, message.id, emoji) });
}

/** Marks the conversation as unread from this message on, on all devices of this staff member. */
export async function markUnread(message: Message): Promise<void> {
  const id = message.conversation_id;
  keepUnread(id);
  await calls.markUnreadFrom(id, message.id);
  dispatch({ type: "unread", id, messageId: message.id });
}

async function change(
  id: number,
  shown: Partial<Conversation>,
  call: () => Promise<ConversationDetails | { status: string }>,
): Promise<void> {
  const before = store.getState().conversations.get(id);
  dispatch({ type: "conversation_changed", id, change: shown });
  try {
    const answer = await call();
    // While live, the result arrives as an event, in order with the changes of colleagues.
    const isLive = store.getState().connection.phase === "live";
    if ("id" in answer && !isLive) dispatch({ type: "conversations", conversations: [answer], seq: null });
  } catch (error) {
    if (before !== undefined) dispatch({ type: "conversation_changed", id, change: undo(before, shown) });
    throw error;
  }
}

/** Rollback: returns the old values of the changed keys, except of keys that an event has changed since. */
function undo(before: Conversation, shown: Partial<Conversation>): Partial<Conversation> {
  const now = store.getState().conversations.get(before.id);
  const undone = Object.keys(shown).filter((key) => valueOf(now, key) === valueOf(shown, key));
  return Object.fromEntries(undone.map((key) => [key, valueOf(before, key)]));
}

function valueOf(conversation: Partial<Conversation> | undefined, key: string): unknown {
  return new Map<string, unknown>(Object.entries(conversation ?? {})).get(key);
}
