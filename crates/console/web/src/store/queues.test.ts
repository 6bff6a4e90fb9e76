import { describe, expect, it } from "vitest";

import type { Conversation } from "../api/types";
import { conversationWith, inboxWith, MARIA, NO_COUNTS, stateWith } from "../testing/data";
import { apply } from "./apply";
import { belongsTo, counts, isAnyoneWaiting, QUEUES, queueOf, rows } from "./queues";
import type { State } from "./state";
import { isWaiting } from "./waiting";

const OTHER = { id: 9, name: "Tom" };
const SELF = { id: MARIA.id, name: MARIA.name };

const state: State = stateWith([
  conversationWith({ id: 1, assigned_to: SELF, guest_messages: 2, read_guest_messages: 1, updated_at: "2026-11-30T12:00:00Z" }),
  conversationWith({ id: 2, updated_at: "2026-11-30T12:00:00.5Z", window_expires_at: "2026-11-30T13:00:00Z" }),
  conversationWith({ id: 3, assigned_to: OTHER, department_id: 2, updated_at: "2026-11-30T12:00:01Z", window_expires_at: "2026-11-30T12:30:00Z" }),
  conversationWith({ id: 4, status: "active", department_id: null }),
  conversationWith({ id: 5, status: "closed" }),
]);

const idsOf = (conversations: readonly { id: number }[]) => conversations.map(({ id }) => id);

describe("queues", () => {
  it("contain the conversations of their predicates, newest first", () => {
    expect(idsOf(rows(state, "mine"))).toEqual([1]);
    expect(idsOf(rows(state, "unassigned"))).toEqual([2]);
    expect(idsOf(rows(state, "with_us"))).toEqual([3, 2, 1]);
    expect(idsOf(rows(state, "with_us", 2))).toEqual([3]);
    expect(idsOf(rows(state, "assistant"))).toEqual([4]);
    expect(idsOf(rows(state, "done"))).toEqual([5]);
  });

  it("sort by the end of the 24-hour window, with expired windows last", () => {
    expect(idsOf(rows(state, "with_us", undefined, "window", Date.parse("2026-11-30T12:10:00Z")))).toEqual([3, 2, 1]);
    expect(idsOf(rows(state, "with_us", undefined, "window", Date.parse("2026-11-30T12:40:00Z")))).toEqual([2, 3, 1]);
  });

  it("have counts that match their rows", () => {
    const counted = counts(state);
    expect(counted.mine).toMatchObject({ rows: 1, unread: 1 });
    expect(counted.with_us).toMatchObject({ rows: 3, unread: 1 });
    expect(counted.departments.get(1)).toMatchObject({ rows: 2, unread: 1 });
    expect(counted.departments.get(2)).toMatchObject({ rows: 1, unread: 0 });
  });

  it("return the same array while their rows are unchanged", () => {
    const before = rows(state, "mine");
    const conversations = new Map(state.conversations).set(4, conversationWith({ id: 4, status: "active", room_number: "1" }));
    expect(rows({ ...state, conversations }, "mine")).toBe(before);
  });
});

const since = (minute: number) => `2026-11-30T12:${String(minute).padStart(2, "0")}:00Z`;
const waits = (id: number, minute: number, keys: Partial<Conversation> = {}) =>
  conversationWith({ id, waiting_since: since(minute), response_due_at: since(minute + 10), ...keys });

describe("waiting and snoozed conversations", () => {
  const some = stateWith([
    waits(1, 20),
    waits(2, 10, { assigned_to: SELF }),
    waits(3, 5, { snoozed_until: since(50) }),
    conversationWith({ id: 4, status: "active", department_id: null, snoozed_until: since(40), assigned_to: SELF }),
    conversationWith({ id: 5, updated_at: since(30) }),
    conversationWith({ id: 6, updated_at: since(31) }),
    waits(7, 1, { status: "closed" }),
    waits(8, 15, { status: "demo", department_id: null, response_due_at: null }),
  ]);

  it("are in one queue each, the snoozed ones in no other", () => {
    expect(idsOf(rows(some, "snoozed", undefined, "wakes"))).toEqual([4, 3]);
    expect(idsOf(rows(some, "with_us")).toSorted()).toEqual([1, 2, 5, 6]);
    for (const conversation of some.conversations.values()) {
      const queues = QUEUES.filter((queue) => queue !== "with_us" && belongsTo(conversation, queue, some.me));
      expect(queues).toHaveLength(queueOf(conversation, some.me) === "with_us" ? 0 : 1);
    }
  });

  it("are ordered by the time since which the guest waits, then newest first", () => {
    expect(idsOf(rows(some, "with_us", undefined, "waiting"))).toEqual([2, 1, 6, 5]);
  });

  it("are counted where their rows are, with the earliest due answer", () => {
    const counted = counts(some);
    expect(counted.with_us).toMatchObject({ rows: 4, waiting: 2, nextDue: Date.parse(since(20)) });
    expect(counted.snoozed).toMatchObject({ rows: 2, waiting: 0, nextDue: Number.POSITIVE_INFINITY });
    expect(counted.assistant).toMatchObject({ rows: 1, waiting: 1, nextDue: Number.POSITIVE_INFINITY });
    expect(counted.done.waiting).toBe(1);
    expect(isAnyoneWaiting(some)).toBe(true);
    expect(isAnyoneWaiting(state)).toBe(false);
  });

  it.each([
    [{ snoozed_until: null, status: "active" }, "assistant"],
    [{ snoozed_until: since(50), status: "relay" }, "snoozed"],
    [{ snoozed_until: since(50), status: "closed" }, "done"],
  ] as const)("%o is in %s", (keys, queue) => {
    expect(queueOf(conversationWith(keys), MARIA)).toBe(queue);
  });

  it("have the server's counts if the list is truncated", () => {
    const server = {
      ...NO_COUNTS,
      mine: 4,
      unassigned: 3000,
      unrouted: 2500,
      snoozed: 12,
      departments: [
        { id: 1, name: "Reception", open: 2900, waiting: 70, unread: 80 },
        { id: 2, name: "Spa", open: 104, waiting: 3, unread: 0 },
        { id: 3, name: "Bar", open: 0, waiting: 0, unread: 0 },
      ],
    };
    const inbox = inboxWith([...some.conversations.values()], { truncated: true, counts: server });
    const cursor = { epoch: "e1", seq: 1 };
    const truncated = apply(stateWith([]), { type: "inbox", inbox, cursor });
    const counted = counts(truncated);
    expect([counted.mine.rows, counted.unassigned.rows, counted.assistant.rows, counted.snoozed.rows]).toEqual([4, 3000, 2500, 12]);
    expect([counted.with_us.rows, counted.with_us.waiting, counted.with_us.unread]).toEqual([3004, 73, 80]);
    expect([...counted.departments.keys()]).toEqual([1, 2]);
    expect(counted.departments.get(2)?.rows).toBe(104);
    // The event brings other numbers; the same state again has the same object.
    const later = apply(truncated, { type: "event", event: { ...server, type: "counts", mine: 5 }, at: 0 });
    expect(counts(later).mine.rows).toBe(5);
    expect(counts(later)).toBe(counts(later));
    // A whole inbox is counted here, whatever arrives late.
    const whole = apply(later, { type: "inbox", inbox: { ...inbox, truncated: false }, cursor });
    expect(counts(whole)).toEqual(counts(stateWith([...some.conversations.values()])));
    expect(apply(whole, { type: "event", event: { ...server, type: "counts" }, at: 0 })).toBe(whole);
  });

  it("keep counts and rows equal over random changes", () => {
    let changed = some;
    let seed = 18;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let step = 0; step < 300; step += 1) {
      const id = 1 + random(8);
      const known = changed.conversations.get(id) ?? conversationWith({ id });
      const change: Partial<Conversation>[] = [
        { snoozed_until: random(2) === 0 ? null : since(random(60)) },
        { waiting_since: random(2) === 0 ? null : since(random(60)) },
        { status: (["relay", "active", "closed"] as const)[random(3)] ?? "relay" },
        { assigned_to: [null, SELF, OTHER][random(3)] ?? null },
        { department_id: [null, 1, 2][random(3)] ?? null },
      ];
      changed = { ...changed, conversations: new Map(changed.conversations).set(id, { ...known, ...change[random(change.length)] }) };
      const counted = counts(changed);
      for (const queue of QUEUES) {
        const shown = rows(changed, queue, undefined, "waiting");
        expect([queue, counted[queue].rows, counted[queue].waiting]).toEqual([queue, shown.length, shown.filter(isWaiting).length]);
      }
    }
  });
});
