import { describe, expect, it } from "vitest";

import type { Conversation, LastMessage } from "../api/types";
import { isWithin } from "../store/preferences";
import { conversationWith, eventWith, inboxWith, MARIA, stateWith } from "../testing/data";
import { addOverdue, NONE_OVERDUE } from "./overdue";
import { alarmsOf, isSettled, joinAlarms, loudness, overdueAlarms, type Alarm } from "./rules";
import { titleOf, unseenOf } from "./title";

const SELF = { id: MARIA.id, name: MARIA.name };
const OTHER = { id: 9, name: "Tom" };

const lastOf = (sender_type: LastMessage["sender_type"], id = 50): LastMessage => ({
  id,
  content: "Towels, please",
  timestamp: "2026-11-30T12:00:00Z",
  sender_type,
  sender_name: "",
  delivery: null,
  reactions: [],
});

const WAITING = { last_message: lastOf("guest"), waiting_since: "2026-11-30T12:00:00Z", guest_messages: 1 };

function kindsOf(before: Conversation | null, after: Conversation): string[] {
  return alarmsOf(stateWith(before === null ? [] : [before]), stateWith([after]), 5).map(({ kind }) => kind);
}

describe("the alarm rules", () => {
  it.each<[string, Partial<Conversation>, Partial<Conversation>, string[]]>([
    ["a guest writes in my conversation", { assigned_to: SELF }, { assigned_to: SELF, ...WAITING }, ["guest_wrote"]],
    ["a guest writes in an unassigned conversation of my department", {}, WAITING, ["guest_wrote"]],
    ["a guest writes to the assistant, and my department is the default one", { status: "active", department_id: null }, { status: "active", department_id: null, ...WAITING }, ["guest_wrote"]],
    ["a guest writes in a colleague's conversation", { assigned_to: OTHER }, { assigned_to: OTHER, ...WAITING }, []],
    ["a guest writes to another department", { department_id: 2 }, { department_id: 2, ...WAITING }, []],
    ["a colleague replies", WAITING, { ...WAITING, last_message: lastOf("staff", 51) }, []],
    ["a conversation is assigned to me", { assigned_to: OTHER }, { assigned_to: SELF }, ["handed_over"]],
    ["a conversation is transferred to my department", { department_id: 2 }, { department_id: 1 }, ["handed_over"]],
    ["my reply takes a conversation over", { status: "active", department_id: null, ...WAITING }, { ...WAITING, assigned_to: SELF, last_message: lastOf("staff", 51) }, []],
    ["a conversation is closed", {}, { status: "closed", ...WAITING }, []],
  ])("ring or stay silent: %s", (_, before, after, expected) => {
    expect(kindsOf(conversationWith(before), conversationWith(after))).toEqual(expected);
  });

  it("ring for a new conversation, and for one that becomes visible", () => {
    expect(kindsOf(null, conversationWith(WAITING))).toEqual(["guest_wrote"]);
    const read = { guest_messages: 4, read_guest_messages: 4, last_message: lastOf("guest") };
    expect(kindsOf(null, conversationWith(read))).toEqual(["handed_over"]);
  });

  it("stay silent for conversations of the first snapshot", () => {
    const before = { ...stateWith([]), cursor: null };
    expect(alarmsOf(before, stateWith([conversationWith(WAITING)]), 5)).toEqual([]);
  });
});

describe("an alarm", () => {
  const alarm: Alarm = { conversationId: 1, kind: "guest_wrote", since: 0, lastRing: 0 };
  it.each<[string, Partial<Conversation> | null, boolean]>([
    ["the conversation is unassigned", WAITING, false],
    ["a colleague takes the conversation", { ...WAITING, assigned_to: OTHER }, true],
    ["no answer is needed", { ...WAITING, waiting_since: null }, true],
    ["the conversation is closed", { ...WAITING, status: "closed" }, true],
    ["the conversation is no longer visible", null, true],
    ["the conversation is mine and unread", { ...WAITING, assigned_to: SELF }, false],
    ["the conversation is mine and read", { ...WAITING, assigned_to: SELF, read_guest_messages: 1 }, true],
  ])("if %s, settled is %s", (_, after, expected) => {
    expect(isSettled(alarm, stateWith(after === null ? [] : [conversationWith(after)]))).toBe(expected);
  });

  it("about a conversation assigned to me rings once if there is nothing to read", () => {
    const mine = stateWith([conversationWith({ assigned_to: SELF })]);
    expect(isSettled({ ...alarm, kind: "handed_over" }, mine)).toBe(false);
    expect(isSettled({ ...alarm, kind: "handed_over", lastRing: 5 }, mine)).toBe(true);
  });

  it("gets louder at night after two minutes", () => {
    expect(loudness(alarm, 119_000, 40, true)).toBe(0.4);
    expect(loudness(alarm, 121_000, 40, true)).toBe(1);
    expect(loudness(alarm, 121_000, 40, false)).toBe(0.4);
    expect(isWithin("23:30", ["22:00", "06:00"])).toBe(true);
    expect(isWithin("12:00", ["22:00", "06:00"])).toBe(false);
  });
});

describe("an overdue answer", () => {
  const since = WAITING.waiting_since;
  const overdue = (owner: number | null = null): Alarm => ({ conversationId: 1, kind: "overdue", since: 0, lastRing: 0, waitingSince: since, owner });
  const READ = { ...WAITING, read_guest_messages: 1 };

  it.each<[string, Partial<Conversation> | null, number]>([
    ["nobody has taken it", WAITING, 1],
    ["it is mine and read", { ...READ, assigned_to: SELF }, 1],
    ["a colleague of my department has it", { ...WAITING, assigned_to: OTHER }, 1],
    ["it is with the assistant, and my department is the default one", { ...WAITING, status: "active", department_id: null }, 1],
    ["it belongs to another department", { ...WAITING, department_id: 2 }, 0],
    ["it is answered meanwhile", { ...WAITING, waiting_since: null }, 0],
    ["the guest waits since later", { ...WAITING, waiting_since: "2026-11-30T12:30:00Z" }, 0],
    ["it is snoozed", { ...WAITING, snoozed_until: "2026-11-30T14:00:00Z" }, 0],
    ["it is gone", null, 0],
  ])("rings or not: %s", (_, keys, expected) => {
    const state = stateWith(keys === null ? [] : [conversationWith(keys)]);
    expect(overdueAlarms(new Map([[1, since]]), state, 5)).toHaveLength(expected);
  });

  it.each<[string, Alarm, Partial<Conversation>, boolean]>([
    ["nobody does anything", overdue(), WAITING, false],
    ["I read it", overdue(SELF.id), { ...READ, assigned_to: SELF }, false],
    ["I take it", overdue(), { ...READ, assigned_to: SELF }, true],
    ["a colleague takes it", overdue(SELF.id), { ...WAITING, assigned_to: OTHER }, true],
    ["its owner keeps it", overdue(OTHER.id), { ...WAITING, assigned_to: OTHER }, false],
    ["its owner gives it back", overdue(OTHER.id), WAITING, false],
    ["it is answered", overdue(OTHER.id), { ...WAITING, assigned_to: OTHER, waiting_since: null }, true],
    ["it is snoozed", overdue(), { ...WAITING, snoozed_until: "2026-11-30T14:00:00Z" }, true],
    ["it goes to another department", overdue(), { ...WAITING, department_id: 2 }, true],
  ])("if %s, settled is %s", (_, alarm, keys, expected) => {
    expect(isSettled(alarm, stateWith([conversationWith(keys)]))).toBe(expected);
  });

  it("stays overdue if the guest writes again, and rings at once", () => {
    const known: Alarm = { ...overdue(), since: 1, lastRing: 9 };
    expect(joinAlarms(known, { conversationId: 1, kind: "guest_wrote", since: 50, lastRing: 0 })).toEqual({ ...known, lastRing: 0 });
  });

  it("is found in events, and in a snapshot after a reload", () => {
    const late = conversationWith({ ...WAITING, response_due_at: "2026-11-30T12:10:00Z" });
    const snapshot = { type: "inbox", inbox: inboxWith([late]), cursor: { epoch: "e1", seq: 1 } } as const;
    expect(addOverdue(NONE_OVERDUE, [snapshot], Date.parse("2026-11-30T12:09:00Z"))).toBe(NONE_OVERDUE);
    expect([...addOverdue(NONE_OVERDUE, [snapshot], Date.parse("2026-11-30T12:10:00Z"))]).toEqual([[1, since]]);
    const event = eventWith({ type: "response_overdue", seq: 2, conversation_id: 1, department_id: 1, waiting_since: since });
    expect([...addOverdue(NONE_OVERDUE, [{ type: "event", event, at: 0 }], 0)]).toEqual([[1, since]]);
  });
});

describe("the title", () => {
  it("names the newest guest and the number of conversations", () => {
    const ana = conversationWith({ ...WAITING, last_guest_message_at: "2026-11-30T12:00:00Z" });
    const chen = conversationWith({ id: 2, guest_name: "Ms Chen", ...WAITING, last_guest_message_at: "2026-11-30T11:00:00Z" });
    const others = conversationWith({ id: 3, department_id: 2, ...WAITING });
    expect(titleOf(unseenOf(stateWith([chen, ana, others])), "Inbox")).toBe("(2) Ana Rossi: Towels, please");
    expect(titleOf(unseenOf(stateWith([others])), "Inbox")).toBe("Inbox");
  });
});
