import { describe, expect, it } from "vitest";

import type { Delivery } from "../api/types";
import { conversationWith, entryWith, eventWith, inboxWith, MARIA, messageWith, stateWith } from "../testing/data";
import type { Action, MessagesPage } from "./actions";
import { apply } from "./apply";
import { unreadOf } from "./queues";
import type { State } from "./state";

const eventOf = (event: Parameters<typeof eventWith>[0]): Action => ({ type: "event", event: eventWith(event), at: 1_000 });

const run = (state: State, ...actions: Action[]): State => actions.reduce(apply, state);

const pageOf = (ids: number[], keys: Partial<MessagesPage> = {}): Action => ({
  type: "messages",
  page: { id: 1, messages: ids.map((id) => messageWith({ id })), seq: 100, position: "newest", hasOlder: false, hasNewer: false, ...keys },
});

const newMessage = (id: number, seq: number, keys: Parameters<typeof messageWith>[0] | object = {}): Action =>
  eventOf({ type: "new_message", seq, ...messageWith({ id, ...keys }) });

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

const idsOf = (state: State): readonly number[] => state.threads.get(1)?.ids ?? [];

describe("conversations", () => {
  it("keep read_guest_messages and has_draft when conversation_updated replaces them", () => {
    const state = stateWith([conversationWith({ guest_messages: 5, read_guest_messages: 4, has_draft: true })]);
    const { unread_count: _, read_guest_messages: __, has_draft: ___, ...card } = conversationWith({ guest_messages: 6 });
    const after = run(state, eventOf({ type: "conversation_updated", seq: 101, conversation_id: 1, conversation: card }));
    expect(after.conversations.get(1)).toMatchObject({ guest_messages: 6, read_guest_messages: 4, has_draft: true });
  });

  it("known only from an event are fetched; a guest's first message is shown before the fetch", () => {
    const first = run(
      stateWith([]),
      eventOf({ type: "conversation_updated", seq: 101, conversation_id: 1, conversation: conversationWith({ guest_messages: 1 }) }),
      eventOf({ type: "conversation_updated", seq: 102, conversation_id: 2, conversation: conversationWith({ id: 2, guest_messages: 9 }) }),
    );
    expect([...first.conversations.keys()]).toEqual([1]);
    expect([...first.missing]).toEqual([1, 2]);
    const fetched = conversationWith({ id: 2, guest_messages: 9, read_guest_messages: 9 });
    const then = run(first, { type: "conversations", conversations: [fetched], seq: 102 });
    expect(then.conversations.get(2)).toBe(fetched);
    expect([...then.missing]).toEqual([1]);
  });

  it("are not overwritten by a response older than the last event", () => {
    const state = run(
      stateWith([conversationWith()]),
      eventOf({ type: "conversation_updated", seq: 105, conversation_id: 1, conversation: conversationWith({ status: "closed" }) }),
      { type: "conversations", conversations: [conversationWith({ status: "relay", has_draft: true })], seq: 103 },
    );
    expect(state.conversations.get(1)).toMatchObject({ status: "closed", has_draft: true });
  });

  it("are not restored by a snapshot older than their removal", () => {
    const state = run(
      stateWith([conversationWith()]),
      eventOf({ type: "conversation_removed", seq: 105, conversation_id: 1 }),
      { type: "inbox", inbox: inboxWith([conversationWith()]), cursor: { epoch: "e1", seq: 104 } },
    );
    expect(state.conversations.size).toBe(0);
  });

  it("of a snapshot replace the open conversations; loaded closed ones stay", () => {
    const state = stateWith([conversationWith(), conversationWith({ id: 2, status: "closed" })]);
    const after = run(state, { type: "inbox", inbox: inboxWith([conversationWith({ id: 3 })]), cursor: { epoch: "e1", seq: 200 } });
    expect([...after.conversations.keys()].toSorted()).toEqual([2, 3]);
  });

  it("are dropped with their threads by a snapshot of another epoch", () => {
    const state = run(stateWith([conversationWith(), conversationWith({ id: 2, status: "closed" })]), pageOf([1, 2]));
    const after = run(state, { type: "inbox", inbox: inboxWith([conversationWith({ id: 3 })]), cursor: { epoch: "e2", seq: 5 } });
    expect([...after.conversations.keys()]).toEqual([3]);
    expect(after.threads.size).toBe(0);
  });

  it("that become invisible lock their thread; its messages stay readable", () => {
    const state = run(stateWith([conversationWith()]), pageOf([1, 2]), eventOf({ type: "unsubscribed", conversation_id: 1, reason: "routed_away" }));
    expect(state.conversations.has(1)).toBe(false);
    expect(state.threads.get(1)).toMatchObject({ phase: "gone", ids: [1, 2] });
  });
});

describe("the unread count", () => {
  it("stays 0 after reading if conversation_updated with the new message arrives later", () => {
    const state = run(
      stateWith([conversationWith({ guest_messages: 1, read_guest_messages: 1 })]),
      pageOf([5]),
      newMessage(6, 101),
      { type: "read", id: 1, messageId: 6 },
      eventOf({
        type: "conversation_updated",
        seq: 102,
        conversation_id: 1,
        conversation: conversationWith({
          guest_messages: 2,
          last_message: { id: 6, content: "", timestamp: "", sender_type: "guest", sender_name: "", delivery: null, reactions: [] },
        }),
      }),
    );
    const conversation = state.conversations.get(1);
    expect(conversation && unreadOf(conversation)).toBe(0);
  });

  it("becomes 0 after a reply from the reader's other device", () => {
    const last = { id: 9, content: "", timestamp: "", sender_type: "staff" as const, delivery: null };
    const answeredBy = (sender_name: string) =>
      run(
        stateWith([conversationWith({ guest_messages: 2, read_guest_messages: 1 })]),
        eventOf({
          type: "conversation_updated",
          seq: 102,
          conversation_id: 1,
          conversation: conversationWith({ guest_messages: 2, last_message: { ...last, sender_name, reactions: [] } }),
        }),
      ).conversations.get(1)?.read_guest_messages;
    expect(answeredBy(MARIA.name)).toBe(2);
    expect(answeredBy("Tom")).toBe(1);
  });

  it("counts the guest messages below the marked message", () => {
    const state = run(
      stateWith([conversationWith({ guest_messages: 3, read_guest_messages: 0 })]),
      pageOf([5, 6, 7]),
      { type: "read", id: 1, messageId: 6 },
    );
    expect(state.conversations.get(1)?.read_guest_messages).toBe(2);
    const unread = run(state, { type: "unread", id: 1, messageId: 5 });
    expect(unread.conversations.get(1)?.read_guest_messages).toBe(0);
  });

  it("follows the read position of the reader's other devices, also backwards", () => {
    const state = run(
      stateWith([conversationWith({ guest_messages: 3, read_guest_messages: 3 })]),
      eventOf({ type: "read", conversation_id: 1, staff_id: MARIA.id, staff_name: "Maria", message_id: 4, read_guest_messages: 1 }),
      eventOf({ type: "read", conversation_id: 1, staff_id: 99, staff_name: "Tom", message_id: 9, read_guest_messages: 3 }),
    );
    expect(state.conversations.get(1)?.read_guest_messages).toBe(1);
  });
});

describe("threads", () => {
  it("merge a page and events by id, in any order", () => {
    const eventFirst = run(stateWith([]), { type: "thread_loading", id: 1 }, newMessage(6, 101), pageOf([4, 5, 6]));
    const pageFirst = run(stateWith([]), { type: "thread_loading", id: 1 }, pageOf([4, 5, 6]), newMessage(6, 101));
    expect(idsOf(eventFirst)).toEqual([4, 5, 6]);
    expect(idsOf(pageFirst)).toEqual([4, 5, 6]);
  });

  it("keep a message of an event that is missing in an older page", () => {
    const state = run(stateWith([]), { type: "thread_loading", id: 1 }, newMessage(6, 101), pageOf([4, 5]));
    expect(idsOf(state)).toEqual([4, 5, 6]);
  });

  it("do not restore a removed message from an older page", () => {
    const state = run(
      stateWith([]),
      pageOf([4, 5]),
      eventOf({ type: "message_removed", seq: 101, conversation_id: 1, message_id: 5 }),
      pageOf([4, 5]),
    );
    expect(idsOf(state)).toEqual([4]);
  });

  it("drop loaded messages that do not touch the newest page, so that there is no gap", () => {
    const state = run(stateWith([]), pageOf([1, 2, 3]), pageOf([8, 9], { hasOlder: true }));
    expect(idsOf(state)).toEqual([8, 9]);
    expect(state.threads.get(1)?.hasOlder).toBe(true);
  });

  it("keep older messages that touch the newest page", () => {
    const state = run(stateWith([]), pageOf([1, 2, 3]), pageOf([3, 4], { hasOlder: true, seq: 110 }));
    expect(idsOf(state)).toEqual([1, 2, 3, 4]);
    expect(state.threads.get(1)?.hasOlder).toBe(false);
  });

  it("hold at most 1,000 messages and record at which end messages are missing", () => {
    const state = run(stateWith([]), pageOf(range(1000, 1900), { hasOlder: true }), pageOf(range(800, 1000), { position: "older", hasOlder: true }));
    expect(idsOf(state).length).toBe(1000);
    expect(idsOf(state)[0]).toBe(800);
    expect(state.threads.get(1)).toMatchObject({ hasOlder: true, hasNewer: true });
    // A message after the cut would leave a gap before it.
    expect(idsOf(run(state, newMessage(1901, 120))).at(-1)).toBe(1799);
  });

  it("place the 'new' line above the oldest unread guest message", () => {
    const conversation = conversationWith({ guest_messages: 4, read_guest_messages: 2 });
    const state = run(stateWith([conversation]), { type: "thread_loading", id: 1 }, pageOf([4, 5, 6, 7]));
    expect(state.threads.get(1)?.newLineAfter).toBe(5);
    const read = run(state, { type: "read", id: 1, messageId: 7 }, newMessage(8, 120));
    expect(read.threads.get(1)?.newLineAfter).toBe(5);
  });
});

describe("delivery", () => {
  it.each<[Delivery, Exclude<Delivery, "removed">, Delivery]>([
    ["queued", "sent", "sent"],
    ["read", "delivered", "read"],
    ["failed", "queued", "queued"],
    ["unknown", "queued", "queued"],
    ["sent", "queued", "sent"],
    ["held", "queued", "queued"],
    ["unknown", "delivered", "delivered"],
    ["delivered", "failed", "delivered"],
  ])("%s with the report %s becomes %s", (before, reported, expected) => {
    const message = messageWith({ id: 5, sender_type: "staff", delivery: before });
    const state = run(
      stateWith([]),
      { type: "messages", page: { id: 1, messages: [message], seq: 1, position: "newest", hasOlder: false, hasNewer: false } },
      eventOf({ type: "message_status", seq: 102, conversation_id: 1, message_id: 5, delivery: reported, failure: null }),
    );
    expect(state.threads.get(1)?.messages.get(5)?.delivery).toBe(expected);
  });
});

describe("the offline queue", () => {
  it("removes an entry by the event or the response, in any order, and shows one message", () => {
    const entry = entryWith({ ref: "r1" });
    const message = messageWith({ id: 6, sender_type: "staff", sender_id: MARIA.id });
    const event = eventOf({ type: "new_message", seq: 101, client_ref: "r1", ...message });
    const response: Action = { type: "message", message, ref: "r1" };
    for (const order of [[event, response], [response, event]]) {
      const state = run(stateWith([conversationWith()]), pageOf([5]), { type: "queue_entry", entry }, ...order);
      expect(state.queued.size).toBe(0);
      expect(idsOf(state)).toEqual([5, 6]);
    }
  });

  it("shows no bubble for a message that was deleted before the retry", () => {
    const message = messageWith({ id: 6, sender_type: "staff", delivery: "removed" });
    const state = run(stateWith([]), pageOf([5]), { type: "queue_entry", entry: entryWith({ ref: "r1" }) }, { type: "message", message, ref: "r1" });
    expect(state.queued.size).toBe(0);
    expect(idsOf(state)).toEqual([5]);
  });

  it("of another staff member is not shown", () => {
    const state = run(stateWith([]), { type: "queued", entries: [entryWith({ ref: "r1", staff_id: 99 })] });
    expect(state.queued.size).toBe(0);
  });
});

describe("presence", () => {
  it("expires, and typing ends when the message arrives", () => {
    const typing = eventOf({ type: "typing", conversation_id: 1, staff_id: 9, staff_name: "Tom", typing: true });
    const viewing = eventOf({ type: "viewing", conversation_id: 1, staff_id: 9, staff_name: "Tom", viewing: true });
    const state = run(stateWith([]), typing, viewing);
    expect(state.presence.get(1)?.map(({ kind }) => kind)).toEqual(["typing", "viewing"]);
    const sent = run(state, newMessage(6, 101, { sender_type: "staff", sender_id: 9 }));
    expect(sent.presence.get(1)?.map(({ kind }) => kind)).toEqual(["viewing"]);
    expect(run(state, { type: "presence_expired", now: 7_001 }).presence.get(1)?.map(({ kind }) => kind)).toEqual(["viewing"]);
    expect(run(state, { type: "presence_expired", now: 91_001 }).presence.size).toBe(0);
  });

  it("of the reader's own other tab is not shown", () => {
    const own = eventOf({ type: "viewing", conversation_id: 1, staff_id: MARIA.id, staff_name: "Maria", viewing: true });
    expect(run(stateWith([]), own).presence.size).toBe(0);
  });
});

describe("the cursor", () => {
  it("moves only while live", () => {
    const state = stateWith([], { connection: { phase: "replaying", since: 0 } });
    expect(run(state, newMessage(6, 150)).cursor?.seq).toBe(100);
    const live = run(state, newMessage(6, 150), eventOf({ type: "resumed", seq: 160, replayed: 1 }));
    expect(live.cursor?.seq).toBe(160);
    expect(live.connection.phase).toBe("live");
    expect(run(live, eventOf({ type: "heartbeat", seq: 170 })).cursor?.seq).toBe(170);
    expect(run(live, eventOf({ type: "heartbeat", seq: 160 }))).toBe(live);
  });
});
