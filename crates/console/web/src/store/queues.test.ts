import { describe, expect, it } from "vitest";

import { conversationWith, MARIA, stateWith } from "../testing/data";
import { counts, rows } from "./queues";
import type { State } from "./state";

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
    expect(counted.mine).toEqual({ rows: 1, unread: 1 });
    expect(counted.with_us).toEqual({ rows: 3, unread: 1 });
    expect(counted.departments.get(1)).toEqual({ rows: 2, unread: 1 });
    expect(counted.departments.get(2)).toEqual({ rows: 1, unread: 0 });
  });

  it("return the same array while their rows are unchanged", () => {
    const before = rows(state, "mine");
    const conversations = new Map(state.conversations).set(4, conversationWith({ id: 4, status: "active", room_number: "1" }));
    expect(rows({ ...state, conversations }, "mine")).toBe(before);
  });
});
