import type { InboxCounts, NewMessageEvent, SocketEvent } from "../api/types";
import type { Action, MessagesPage } from "./actions";
import {
  changeConversation,
  markReadHere,
  markUnreadHere,
  putCard,
  putConversations,
  putDirectory,
  putInbox,
  removeConversation,
  setDraft,
} from "./conversations";
import { laterDelivery } from "./delivery";
import { withEntry, withMember, withoutKey } from "./maps";
import { expirePresence, setPresence, stopTyping } from "./presence";
import { unreadOf } from "./queues";
import { putQueued, removeQueued, setQueued } from "./queued";
import { putNewScheduled, putScheduled, putScheduledList } from "./scheduled";
import { NOTHING, type State, type Thread } from "./state";
import { EMPTY_THREAD, placeNewLine, putMessage, putPage, removeMessage, setDelivery, trimThread } from "./threads";

/** Applies one action. Pure; returns the same object if nothing changed. */
export function apply(state: State, action: Action): State {
  switch (action.type) {
    case "person":
      return action.me === null ? NOTHING : { ...NOTHING, me: action.me };
    case "me":
      return { ...state, me: action.me };
    case "inbox":
      return putInbox(state, action.inbox, action.cursor);
    case "counts":
      return putCounts(state, action.counts);
    case "inbox_refused":
      return { ...state, problem: action.problem };
    case "event":
      return moveCursor(applyEvent(state, action.event, action.at), action.event);
    case "connection":
      return { ...state, connection: action.connection };
    case "conversations":
      return putConversations(state, action.conversations, action.seq);
    case "conversation_changed":
      return changeConversation(state, action.id, action.change);
    case "conversation_gone":
      return removeConversation(state, action.id, null);
    case "thread_loading":
      return openThread(state, action.id);
    case "thread_left":
      return changeThread(state, action.id, (thread) => leaveThread(state, action.id, thread));
    case "thread_failed":
      return changeThread(state, action.id, (thread) => {
        return thread.phase === "loading" ? { ...thread, phase: "failed", problem: action.problem } : thread;
      });
    case "thread_trimmed":
      return changeThread(state, action.id, (thread) => trimThread(thread, action.keep));
    case "thread_dropped":
      return { ...state, threads: withoutKey(state.threads, action.id), scheduled: withoutKey(state.scheduled, action.id) };
    case "messages":
      return applyPage(state, action.page);
    case "message":
      return applyResponse(state, action);
    case "read":
      return markReadHere(state, action.id, action.messageId);
    case "unread":
      return markUnreadHere(state, action.id, action.messageId);
    case "viewers":
      return action.viewers.reduce((next, staff) => setPresence(next, action.id, staff, "viewing", true, action.at), state);
    case "presence_expired":
      return expirePresence(state, action.now);
    case "directory":
      return putDirectory(state, action.part);
    case "settings":
      return { ...state, settings: action.settings };
    case "draft":
      return setDraft(state, action.id, action.draft);
    case "scheduled_list":
      return putScheduledList(state, action.id, action.fetched, action.seq);
    case "scheduled":
      return putNewScheduled(state, action.message);
    case "queued":
      return setQueued(state, action.entries);
    case "queue_entry":
      return putQueued(state, action.entry);
    case "queue_entry_removed":
      return removeQueued(state, action.ref);
  }
}

function applyEvent(state: State, event: SocketEvent, at: number): State {
  switch (event.type) {
    case "new_message":
    case "new_note":
      return applyNewMessage(state, event);
    case "message_updated":
      return changeThread(state, event.conversation_id, (thread) => {
        return thread.messages.has(event.message.id) ? putMessage(thread, event.message, event.seq) : thread;
      });
    case "message_removed":
      return changeThread(state, event.conversation_id, (thread) => removeMessage(thread, event.message_id, event.seq));
    case "message_status":
      return applyStatus(state, event);
    case "conversation_updated":
      return putCard(state, event.conversation, event.seq);
    case "conversation_removed":
      return removeConversation(state, event.conversation_id, event.seq);
    case "unsubscribed":
      // The console subscribes by conversation id, so the event contains it.
      return event.conversation_id === null ? state : removeConversation(state, event.conversation_id, null);
    case "new_conversation":
      if (state.conversations.has(event.conversation_id)) return state;
      return { ...state, missing: withMember(state.missing, event.conversation_id) };
    case "read":
      return applyRead(state, event);
    case "typing":
      return setPresence(state, event.conversation_id, staffOf(event), "typing", event.typing, at);
    case "viewing": {
      const seen = setPresence(state, event.conversation_id, staffOf(event), "viewing", event.viewing, at);
      return event.viewing ? seen : stopTyping(seen, event.conversation_id, event.staff_id);
    }
    case "counts": {
      const { type: _type, ...numbers } = event;
      return putCounts(state, numbers);
    }
    case "draft_updated":
      return setDraft(state, event.conversation_id, event.draft);
    case "scheduled_updated":
      return putScheduled(state, event.scheduled, event.seq);
    case "resumed":
      return { ...state, connection: { phase: "live" } };
    default:
      return state;
  }
}

/** Takes the server's numbers, unless the store contains the whole inbox and counts it itself. */
function putCounts(state: State, numbers: InboxCounts): State {
  return state.truncated ? { ...state, serverCounts: numbers } : state;
}

type EventOf<T extends SocketEvent["type"]> = Extract<SocketEvent, { type: T }>;

/** Adds the message to a loaded thread. The list item arrives separately, as `conversation_updated`. */
function applyNewMessage(state: State, event: NewMessageEvent): State {
  const { type: _type, seq, client_ref, ...message } = event;
  const shown = changeThread(state, message.conversation_id, (thread) => putMessage(thread, message, seq));
  const sent = client_ref === undefined ? shown : removeQueued(shown, client_ref);
  const quiet = stopTyping(sent, message.conversation_id, message.sender_id);
  // On the server, a send also moves the sender's read position.
  const isOwn = message.sender_type === "staff" && message.sender_id === state.me.id;
  return isOwn && !message.internal ? markReadHere(quiet, message.conversation_id, message.id) : quiet;
}

function applyStatus(state: State, event: EventOf<"message_status">): State {
  const { conversation_id: id, message_id: messageId, delivery, failure } = event;
  const shown = changeThread(state, id, (thread) => setDelivery(thread, messageId, delivery, failure, event.seq));
  const last = shown.conversations.get(id)?.last_message;
  if (!last || last.id !== messageId || laterDelivery(last.delivery, delivery) !== delivery) return shown;
  return changeConversation(shown, id, { last_message: { ...last, delivery } });
}

/** The reader's own read position, moved on another device. It can move back ("unread from here"). */
function applyRead(state: State, event: EventOf<"read">): State {
  if (event.staff_id !== state.me.id || event.read_guest_messages === undefined) return state;
  const marked = { ...state, readUpTo: withEntry(state.readUpTo, event.conversation_id, event.message_id ?? 0) };
  return changeConversation(marked, event.conversation_id, { read_guest_messages: event.read_guest_messages });
}

/** Applies the message in the response of a send or another write. */
function applyResponse(state: State, action: Extract<Action, { type: "message" }>): State {
  const { message, ref } = action;
  const id = message.conversation_id;
  const sent = ref === undefined ? state : removeQueued(state, ref);
  if (message.delivery === "removed") {
    return changeThread(sent, id, (thread) => removeMessage(thread, message.id, thread.seqs.get(message.id) ?? 0));
  }
  const shown = changeThread(sent, id, (thread) => putMessage(thread, message, null));
  return ref === undefined || message.internal ? shown : markReadHere(shown, id, message.id);
}

function applyPage(state: State, page: MessagesPage): State {
  const conversation = state.conversations.get(page.id);
  const unread = conversation === undefined ? 0 : unreadOf(conversation);
  const thread = state.threads.get(page.id) ?? EMPTY_THREAD;
  return { ...state, threads: withEntry(state.threads, page.id, putPage(thread, page, unread)) };
}

function openThread(state: State, id: number): State {
  const known = state.threads.get(id);
  const isShown = known !== undefined && known.ids.length > 0;
  const thread: Thread = { ...(known ?? EMPTY_THREAD), phase: isShown ? "ready" : "loading", newLinePending: true };
  const conversation = state.conversations.get(id);
  const hasLast = (conversation?.last_message?.id ?? Number.POSITIVE_INFINITY) <= (thread.ids.at(-1) ?? 0);
  const opened = conversation !== undefined && hasLast ? placeNewLine(thread, unreadOf(conversation)) : thread;
  return { ...state, threads: withEntry(state.threads, id, opened) };
}

function leaveThread(state: State, id: number, thread: Thread): Thread {
  const conversation = state.conversations.get(id);
  const last = thread.ids.at(-1);
  if (conversation === undefined || last === undefined || unreadOf(conversation) > 0) return thread;
  return { ...thread, newLineAfter: last };
}

function changeThread(state: State, id: number, change: (thread: Thread) => Thread): State {
  const thread = state.threads.get(id);
  if (thread === undefined) return state;
  const changed = change(thread);
  return changed === thread ? state : { ...state, threads: withEntry(state.threads, id, changed) };
}

/** The cursor moves only while live. `resumed` makes the state live and carries the position after the replay. */
function moveCursor(state: State, event: SocketEvent): State {
  if (state.connection.phase !== "live" || state.cursor === null || !("seq" in event)) return state;
  const isPosition = event.type !== "welcome" && event.type !== "ack" && event.type !== "resync_required";
  if (!isPosition || event.seq === undefined || event.seq <= state.cursor.seq) return state;
  return { ...state, cursor: { ...state.cursor, seq: event.seq } };
}

function staffOf(event: { staff_id: number; staff_name: string }): { id: number; name: string } {
  return { id: event.staff_id, name: event.staff_name };
}
