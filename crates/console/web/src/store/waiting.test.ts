import { describe, expect, it } from "vitest";

import type { Conversation } from "../api/types";
import { conversationWith, departmentWith, stateWith } from "../testing/data";
import type { Directory } from "./state";
import { urgencyOf } from "./waiting";

const { directory } = stateWith([]);
const WITH_TARGET = { ...directory, departments: [departmentWith({ first_response_minutes: 20 })] };
const SINCE = "2026-11-30T12:00:00Z";
const WAITS = { waiting_since: SINCE, response_due_at: "2026-11-30T12:20:00Z" };

function urgencyAt(time: string, keys: Partial<Conversation>, from: Directory = WITH_TARGET) {
  return urgencyOf(conversationWith(keys), from, Date.parse(`2026-11-30T${time}Z`));
}

describe("the urgency of a conversation", () => {
  it.each<[string, string, Partial<Conversation>, string | null]>([
    ["nobody waits", "13:00:00", {}, null],
    ["without a target", "23:00:00", { waiting_since: SINCE }, "waiting"],
    ["early", "12:14:59", WAITS, "waiting"],
    ["in the last quarter", "12:15:00", WAITS, "due_soon"],
    ["just before", "12:19:59", WAITS, "due_soon"],
    ["when it is due", "12:20:00", WAITS, "overdue"],
    ["snoozed", "13:00:00", { ...WAITS, snoozed_until: "2026-11-30T14:00:00Z" }, null],
    ["closed by a check-out", "13:00:00", { ...WAITS, status: "closed" }, "overdue"],
    ["unrouted, by the default department", "12:15:00", { ...WAITS, status: "active", department_id: null }, "due_soon"],
    // Written in the evening, due in the morning: amber in the last five minutes, not in the small hours.
    ["closed overnight, too early", "12:14:00", { waiting_since: "2026-11-29T22:00:00Z", response_due_at: WAITS.response_due_at }, "waiting"],
    ["closed overnight", "12:16:00", { waiting_since: "2026-11-29T22:00:00Z", response_due_at: WAITS.response_due_at }, "due_soon"],
  ])("%s, at %s", (_, time, keys, expected) => {
    expect(urgencyAt(time, keys)).toBe(expected);
  });

  it("uses the whole wait if the target of the department is not known", () => {
    expect(urgencyAt("12:14:00", WAITS, directory)).toBe("waiting");
    expect(urgencyAt("12:16:00", WAITS, directory)).toBe("due_soon");
  });
});
