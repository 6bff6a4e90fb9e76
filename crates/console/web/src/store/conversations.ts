import type { Conversation, ConversationCard, Draft, Inbox } from "../api/types";
import type { DirectoryUpdate } from "./actions";
import { withEntry, withMember, withoutKey, withoutMember } from "./maps";
import type { Cursor, State } from "./state";
import { guestMessagesAfter } from "./threads";

/** Replaces all open conversations by those of the snapshot, except those changed by newer events. */
export function putInbox(state: State, inbox: Inbox, cursor: Cursor): State {
  const base = state.cursor === null || state.cursor.epoch === cursor.epoch ? state : forgetHistory(state);
  const conversations = new Map<number, Conversation>();
  for (const conversation of inbox.conversations) {
    if (!isOutdated(base, conversation.id, cursor.seq)) conversations.set(conversation.id, conversation);
  }
  for (const [id, known] of base.conversations) {
    const stays = known.status === "closed" || inbox.truncated || isOutdated(base, id, cursor.seq);
    if (stays && !conversations.has(id)) conversations.set(id, known);
  }
  return {
    ...base,
    problem: null,
    cursor: state.connection.phase === "live" && base === state && state.cursor !== null ? state.cursor : cursor,
    conversations,
    truncated: inbox.truncated,
    serverCounts: inbox.truncated ? inbox.counts : null,
    directory: { departments: inbox.departments, staff: inbox.staff, labels: inbox.labels, hotel: inbox.hotel },
    settings: inbox.settings,
    drafts: new Map(inbox.drafts.map((draft) => [draft.conversation_id, draft])),
    missing: new Set([...base.missing].filter((id) => !conversations.has(id))),
  };
}

/**
 * Replaces a part of the directory. After a rename of a department or label no event updates the names inside the
 * conversations, so they are updated here.
 */
export function putDirectory(state: State, part: DirectoryUpdate): State {
  const directory = { ...state.directory, ...part };
  if (!("labels" in part) && !("departments" in part)) return { ...state, directory };
  const departments = new Map(directory.departments.map(({ id, name }) => [id, name]));
  const labels = new Map(directory.labels.map((label) => [label.id, label]));
  const conversations = new Map<number, Conversation>();
  for (const [id, conversation] of state.conversations) {
    conversations.set(id, {
      ...conversation,
      department_name: departments.get(conversation.department_id ?? 0) ?? conversation.department_name,
      labels: (conversation.labels ?? []).flatMap((label) => labels.get(label.id) ?? []),
    });
  }
  return { ...state, directory, conversations };
}

/** Drops the data of the old epoch: a restored backup may not contain it. */
function forgetHistory(state: State): State {
  return {
    ...state,
    conversations: new Map(),
    conversationSeqs: new Map(),
    missing: new Set(),
    readUpTo: new Map(),
    threads: new Map(),
    scheduled: new Map(),
    presence: new Map(),
  };
}

/**
 * Puts the list item of an event. Events lack the reader's own keys (`read_guest_messages`, `has_draft`): they are
 * kept, or fetched if the conversation is unknown.
 */
export function putCard(state: State, card: ConversationCard, seq: number): State {
  const conversationSeqs = withEntry(state.conversationSeqs, card.id, seq);
  const known = state.conversations.get(card.id);
  if (known !== undefined) {
    const { read_guest_messages, has_draft } = known;
    const changed = keepRead(state, { ...known, ...card, read_guest_messages, has_draft });
    return { ...state, conversationSeqs, conversations: withEntry(state.conversations, card.id, changed) };
  }
  const missing = withMember(state.missing, card.id);
  if (card.guest_messages > 1) return { ...state, conversationSeqs, missing };
  // The first message of a guest: no staff member can have read it.
  const begun = { ...card, unread_count: card.guest_messages, read_guest_messages: 0, has_draft: false };
  return { ...state, conversationSeqs, missing, conversations: withEntry(state.conversations, card.id, begun) };
}

/**
 * Puts the conversations of a response. If a newer event has changed one, only the reader's own keys are taken from the
 * response.
 */
export function putConversations(state: State, fetched: readonly Conversation[], seq: number | null): State {
  const conversations = new Map(state.conversations);
  const missing = new Set(state.missing);
  for (const conversation of fetched) {
    missing.delete(conversation.id);
    const known = conversations.get(conversation.id);
    if (seq === null || !isOutdated(state, conversation.id, seq)) {
      conversations.set(conversation.id, keepRead(state, conversation));
    } else if (known !== undefined) {
      const { read_guest_messages, has_draft } = conversation;
      conversations.set(conversation.id, keepRead(state, { ...known, read_guest_messages, has_draft }));
    } else if (state.missing.has(conversation.id)) {
      // A newer event has changed it, but its list item is unknown: show the response, and fetch again.
      conversations.set(conversation.id, conversation);
      missing.add(conversation.id);
    }
  }
  return { ...state, conversations, missing };
}

/** Removes a conversation that is no longer visible. Its thread stays readable but is locked. */
export function removeConversation(state: State, id: number, seq: number | null): State {
  const thread = state.threads.get(id);
  return {
    ...state,
    conversations: withoutKey(state.conversations, id),
    conversationSeqs: seq === null ? state.conversationSeqs : withEntry(state.conversationSeqs, id, seq),
    missing: withoutMember(state.missing, id),
    presence: withoutKey(state.presence, id),
    scheduled: withoutKey(state.scheduled, id),
    threads: thread === undefined ? state.threads : withEntry(state.threads, id, { ...thread, phase: "gone" }),
  };
}

export function changeConversation(state: State, id: number, change: Partial<Conversation>): State {
  const known = state.conversations.get(id);
  if (known === undefined) return state;
  return { ...state, conversations: withEntry(state.conversations, id, { ...known, ...change }) };
}

/** Moves this tab's read position to a message and recomputes `read_guest_messages`. */
export function markReadHere(state: State, id: number, messageId: number): State {
  if ((state.readUpTo.get(id) ?? 0) >= messageId) return state;
  const marked = { ...state, readUpTo: withEntry(state.readUpTo, id, messageId) };
  const known = state.conversations.get(id);
  const thread = state.threads.get(id);
  if (known === undefined || thread === undefined || thread.hasNewer) return marked;
  const read = known.guest_messages - guestMessagesAfter(thread, messageId);
  return changeConversation(marked, id, { read_guest_messages: Math.max(known.read_guest_messages, read) });
}

/** Moves this tab's read position back, to before a message ("unread from here"). */
export function markUnreadHere(state: State, id: number, messageId: number): State {
  const known = state.conversations.get(id);
  const thread = state.threads.get(id);
  const marked = { ...state, readUpTo: withEntry(state.readUpTo, id, messageId - 1) };
  if (known === undefined || thread === undefined) return marked;
  const read = known.guest_messages - guestMessagesAfter(thread, messageId - 1);
  return changeConversation(marked, id, { read_guest_messages: Math.max(0, read) });
}

export function setDraft(state: State, id: number, draft: Draft | null): State {
  const drafts = draft === null || draft.text === "" ? withoutKey(state.drafts, id) : withEntry(state.drafts, id, draft);
  return changeConversation({ ...state, drafts }, id, { has_draft: drafts.has(id) });
}

/**
 * Counts all guest messages as read in two cases. First, this tab marked the last message as read before the event with
 * the new `guest_messages` arrived. Second, the last message is a reply of this staff member from another device, since
 * a send moves the read position. The reply is recognized by the sender's name, because `last_message` has no sender
 * id.
 */
function keepRead(state: State, conversation: Conversation): Conversation {
  const last = conversation.last_message;
  if (last === null || conversation.read_guest_messages === conversation.guest_messages) return conversation;
  const isMarked = last.id <= (state.readUpTo.get(conversation.id) ?? 0);
  const isAnswered = last.sender_type === "staff" && last.sender_name === state.me.name;
  return isMarked || isAnswered ? { ...conversation, read_guest_messages: conversation.guest_messages } : conversation;
}

function isOutdated(state: State, id: number, seq: number): boolean {
  return (state.conversationSeqs.get(id) ?? 0) > seq;
}
