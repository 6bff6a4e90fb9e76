import { expect, it } from "vitest";

import type { Message } from "../api/types";
import { EMPTY_THREAD } from "../store/threads";
import { listItems } from "./items";

function message(id: number, timestamp: string, change: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: 1,
    stay_id: null,
    content: "Towels please",
    sender_type: "guest",
    sender_id: null,
    sender_name: "Ana",
    timestamp,
    delivery: null,
    failure: null,
    attachments: [],
    internal: false,
    reply_to: null,
    reactions: [],
    send_at: null,
    ...change,
  };
}

function items(messages: Message[], zone: string, newLineAfter: number | null = null): string[] {
  const thread = {
    ...EMPTY_THREAD,
    ids: messages.map(({ id }) => id),
    messages: new Map(messages.map((each) => [each.id, each])),
    newLineAfter,
  };
  return listItems(thread, zone).map((item) => {
    if (item.kind === "day") return item.day;
    return item.kind === "new" ? "new" : `${item.message.id}${item.isFollowUp ? "+" : ""}`;
  });
}

it("puts day lines by the hotel's time zone, not the browser's", () => {
  const messages = [message(1, "2026-11-29T23:30:00Z"), message(2, "2026-11-30T00:30:00Z")];
  expect(items(messages, "Europe/Lisbon")).toEqual(["2026-11-29", "1", "2026-11-30", "2"]);
  expect(items(messages, "Asia/Tokyo")).toEqual(["2026-11-30", "1", "2"]);
});

it("groups messages of one author, but not across the 'new' line or a note", () => {
  const messages = [
    message(1, "2026-11-30T10:00:00Z"),
    message(2, "2026-11-30T10:01:00Z"),
    message(3, "2026-11-30T10:02:00Z"),
    message(4, "2026-11-30T10:02:30Z", { sender_type: "staff", sender_id: 7, internal: true }),
    message(5, "2026-11-30T10:03:00Z", { sender_type: "staff", sender_id: 7 }),
    message(6, "2026-11-30T10:20:00Z", { sender_type: "staff", sender_id: 7 }),
  ];
  expect(items(messages, "UTC", 2)).toEqual(["2026-11-30", "1", "2+", "new", "3", "4", "5", "6"]);
});
