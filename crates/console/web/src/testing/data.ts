import type { Conversation, Department, Inbox, InboxCounts, Me, Message, Problem, Scheduled, SocketEvent } from "../api/types";
import { ApiError } from "../api/problem";
import type { QueuedMessage } from "../offline-queue/entry";
import { NOTHING, type State } from "../store/state";

// Test data; each function takes the keys that matter to the test.

export const MARIA: Me = {
  id: 7,
  username: "maria",
  name: "Maria",
  role: "staff",
  hotel: { id: 1, name: "Seaside" },
  departments: [{ id: 1, name: "Reception" }],
};

const NOON = "2026-11-30T12:00:00Z";

export function conversationWith(keys: Partial<Conversation> = {}): Conversation {
  return {
    id: 1,
    stay_id: 10,
    guest_id: 100,
    guest_name: "Ana Rossi",
    room_number: "2037",
    status: "relay",
    department_id: 1,
    department_name: "Reception",
    last_message: null,
    updated_at: NOON,
    assigned_to: null,
    last_guest_message_at: null,
    window_expires_at: null,
    guest_messages: 0,
    waiting_since: null,
    response_due_at: null,
    snoozed_until: null,
    labels: [],
    unsent: { failed: 0, unknown: 0, held: 0 },
    unread_count: 0,
    read_guest_messages: 0,
    has_draft: false,
    ...keys,
  };
}

export function messageWith(keys: Partial<Message> & { id: number }): Message {
  return {
    conversation_id: 1,
    stay_id: 10,
    content: `message ${keys.id}`,
    sender_type: "guest",
    sender_id: null,
    sender_name: "Ana Rossi",
    timestamp: NOON,
    delivery: null,
    failure: null,
    attachments: [],
    internal: false,
    reply_to: null,
    reactions: [],
    send_at: null,
    ...keys,
  };
}

export function scheduledWith(keys: Partial<Scheduled> & { id: number }): Scheduled {
  return {
    conversation_id: 1,
    stay_id: 10,
    text: `later ${keys.id}`,
    template_id: null,
    variables: {},
    reply_to: null,
    hold: false,
    send_at: NOON,
    if_guest_writes: "review",
    status: "pending",
    review_reason: null,
    message_id: null,
    created_by: { id: 7, name: "Maria" },
    created_at: NOON,
    ...keys,
  };
}

/** An event about the stay of `conversationWith`. */
export function eventWith(event: WithoutStay<SocketEvent>): SocketEvent {
  // The spread adds the omitted key.
  return { stay_id: 10, ...event } as SocketEvent;
}

/** Omits the key from each member of a union. */
type WithoutStay<T> = T extends unknown ? Omit<T, "stay_id"> & { stay_id?: number | null } : never;

export const NO_COUNTS: InboxCounts = {
  mine: 0,
  unassigned: 0,
  waiting: 0,
  overdue: 0,
  unrouted: 0,
  unread: 0,
  needs_review: 0,
  snoozed: 0,
  departments: [],
};

export function inboxWith(conversations: Conversation[], keys: Partial<Inbox> = {}): Inbox {
  return {
    conversations,
    truncated: false,
    counts: NO_COUNTS,
    departments: [],
    staff: [],
    labels: [],
    hotel: { ...NOTHING.directory.hotel, id: 1, name: "Seaside", default_department_id: 1 },
    settings: {},
    drafts: [],
    ...keys,
  };
}

export function stateWith(conversations: Conversation[], keys: Partial<State> = {}): State {
  return {
    ...NOTHING,
    me: MARIA,
    cursor: { epoch: "e1", seq: 100 },
    connection: { phase: "live" },
    conversations: new Map(conversations.map((conversation) => [conversation.id, conversation])),
    directory: { ...NOTHING.directory, hotel: { ...NOTHING.directory.hotel, default_department_id: 1 } },
    ...keys,
  };
}

export function entryWith(keys: Partial<QueuedMessage> & { ref: string }): QueuedMessage {
  return {
    staff_id: MARIA.id,
    conversation_id: 1,
    content: { kind: "text", text: `text of ${keys.ref}` },
    seen_message_id: null,
    hold: false,
    reply_to: null,
    clears_draft: false,
    at: Date.now(),
    confirmed_at: null,
    state: { kind: "waiting" },
    ...keys,
  };
}

export function problemWith(keys: Partial<Problem> & { status: number; code: string }): ApiError {
  return new ApiError({ detail: `sentence for ${keys.code}`, requestId: null, retryAfter: null, ...keys });
}

export function departmentWith(keys: Partial<Department> = {}): Department {
  return {
    id: 1,
    name: "Reception",
    active: true,
    handles_stays: true,
    opening_hours: null,
    first_response_minutes: null,
    ...keys,
  };
}
