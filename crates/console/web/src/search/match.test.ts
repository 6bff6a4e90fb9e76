import { describe, expect, it } from "vitest";

import type { Conversation } from "../api/types";
import { conversationWith as conversation } from "../testing/data";
import { matchConversations } from "./match";

const ROWS: readonly Conversation[] = [
  conversation({ id: 1, guest_name: "Ana Rossi", room_number: "2037", updated_at: "2026-11-30T10:00:00Z" }),
  conversation({ id: 2, guest_name: "Zoë Müller", room_number: "204", updated_at: "2026-11-30T11:00:00Z" }),
  conversation({ id: 3, guest_name: "Rossini Bros", room_number: "20", updated_at: "2026-11-30T12:00:00Z" }),
  conversation({ id: 4, guest_name: "Max 204", room_number: null, updated_at: "2026-11-30T13:00:00Z" }),
  conversation({ id: 5, guest_name: "Old guest", room_number: "204", status: "closed", updated_at: "2026-11-30T14:00:00Z" }),
];

function found(text: string, most = 10): number[] {
  return matchConversations(ROWS, text, most).map(({ id }) => id);
}

describe("the palette", () => {
  it.each([
    ["204", [2, 5, 4]],
    ["/204", [2, 5]],
    ["20", [3, 2, 1, 5, 4]],
    ["/", []],
    ["zoe muller", [2]],
    ["MÜLLER", [2]],
    ["rossi", [3, 1]],
    ["rossi 2037", [1]],
    ["nobody", []],
    ["  ", []],
  ])("finds by %j", (text, ids) => {
    expect(found(text)).toEqual(ids);
  });

  it("lists the best only", () => {
    expect(found("20", 2)).toEqual([3, 2]);
  });
});
