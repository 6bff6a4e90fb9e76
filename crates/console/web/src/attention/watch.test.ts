import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Conversation, LastMessage } from "../api/types";
import { dispatch } from "../store/store";
import { conversationWith, eventWith, inboxWith, MARIA } from "../testing/data";
import { Watch } from "./watch";

const OTHER = { id: 9, name: "Tom" };

function asks(id: number, keys: Partial<Conversation> = {}): Conversation {
  const last: LastMessage = {
    id: 10 * id,
    content: "Towels",
    timestamp: "2026-11-30T12:00:00Z",
    sender_type: "guest",
    sender_name: "Ana",
    delivery: null,
    reactions: [],
  };
  return conversationWith({ id, guest_messages: 1, last_message: last, waiting_since: last.timestamp, ...keys });
}

let seq = 100;

const event = (conversation: Conversation) => {
  seq += 1;
  return {
    type: "event",
    at: Date.now(),
    event: eventWith({ type: "conversation_updated", seq, conversation_id: conversation.id, conversation }),
  } as const;
};

const isLate = ({ id, waiting_since }: Conversation) => {
  seq += 1;
  const overdue = eventWith({ type: "response_overdue", seq, conversation_id: id, department_id: 1, waiting_since: waiting_since ?? "" });
  return { type: "event", at: 0, event: overdue } as const;
};

/** A question to a colleague. */
const asksTom = (keys: Partial<Conversation> = {}) => asks(1, { assigned_to: OTHER, ...keys });

const resumed = () => ({ type: "event", at: 0, event: { type: "resumed", seq, replayed: 1 } }) as const;

let isFocused = false;
let watch: Watch;
const play = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { title: "Inbox", querySelector: () => null });
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("BroadcastChannel", undefined);
  play.mockReset();
  isFocused = false;
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
  watch = new Watch(MARIA.id, { play, openConversation: () => {}, isFocused: () => isFocused });
  dispatch({ type: "inbox", inbox: inboxWith([conversationWith(), conversationWith({ id: 2 })]), cursor: { epoch: "e1", seq } }, resumed());
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the sound", () => {
  it("rings at once and every half minute until a colleague takes the conversation", async () => {
    dispatch(event(asks(1)));
    expect(play).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(play).toHaveBeenCalledTimes(3);
    dispatch(event(asks(1, { assigned_to: OTHER })));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(play).toHaveBeenCalledTimes(3);
  });

  it("is played once for several messages within 4 s, and again for the later ones", async () => {
    dispatch(event(asks(1)));
    dispatch(event(asks(1, { guest_messages: 2 })));
    dispatch(event(asks(2)));
    expect(play).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(6_001);
    expect(play).toHaveBeenCalledTimes(2);
  });

  it("is played together for guests who wait since different times", async () => {
    dispatch(event(asks(1)));
    await vi.advanceTimersByTimeAsync(12_000);
    dispatch(event(asks(2)));
    expect(play).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(play).toHaveBeenCalledTimes(4);
  });

  it("is played once for a whole replay", () => {
    dispatch({ type: "connection", connection: { phase: "replaying", since: 0 } });
    dispatch(event(asks(1)));
    dispatch(event(asks(2)));
    expect(play).not.toHaveBeenCalled();
    dispatch(resumed());
    expect(play).toHaveBeenCalledTimes(1);
  });

  it("is not played for the conversation on screen in a focused tab", () => {
    isFocused = true;
    watch.setOnScreen(1);
    dispatch(event(asks(1)));
    expect(play).not.toHaveBeenCalled();
    dispatch(event(asks(2)));
    expect(play).toHaveBeenCalledTimes(1);
  });

  it("is not played for changes by the person", () => {
    dispatch({ type: "conversation_changed", id: 1, change: { assigned_to: { id: MARIA.id, name: "Maria" } } });
    dispatch(event(conversationWith({ assigned_to: { id: MARIA.id, name: "Maria" } })));
    expect(play).not.toHaveBeenCalled();
  });

  it("is not played if sounds are off in the settings", () => {
    dispatch({ type: "settings", settings: { sounds: false } });
    dispatch(event(asks(1)));
    expect(play).not.toHaveBeenCalled();
  });
});

describe("the alarm of an overdue answer", () => {
  it("repeats until the owner answers, also to colleagues of the department", async () => {
    dispatch(event(asksTom()));
    expect(play).not.toHaveBeenCalled();
    dispatch(isLate(asksTom()));
    expect(play).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(play).toHaveBeenCalledTimes(3);
    dispatch(event(asksTom({ waiting_since: null })));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(play).toHaveBeenCalledTimes(3);
  });

  it("waits while the conversation is on screen, and rings when it is left without an answer", async () => {
    dispatch(event(asksTom()));
    isFocused = true;
    watch.setOnScreen(1);
    dispatch(isLate(asksTom()));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(play).not.toHaveBeenCalled();
    watch.setOnScreen(null);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(play).toHaveBeenCalledTimes(1);
  });

  it("is played once after a replay, unless the answer is in it", () => {
    dispatch({ type: "connection", connection: { phase: "replaying", since: 0 } });
    dispatch(event(asksTom()), event(asks(2, { assigned_to: OTHER })), isLate(asksTom()), isLate(asks(2)));
    dispatch(event(asks(2, { assigned_to: OTHER, waiting_since: null })), resumed());
    expect(play).toHaveBeenCalledTimes(1);
    dispatch(event(asksTom({ assigned_to: { id: MARIA.id, name: "Maria" } })));
    expect(play).toHaveBeenCalledTimes(1);
  });

  it("gets louder after two minutes in the night hours", async () => {
    dispatch({ type: "settings", settings: { night_hours: ["00:00", "23:59"], volume: 40 } });
    dispatch(event(asksTom()), isLate(asksTom()));
    expect(play).toHaveBeenLastCalledWith(0.4);
    await vi.advanceTimersByTimeAsync(150_000);
    expect(play).toHaveBeenLastCalledWith(1);
  });
});

describe("the title", () => {
  it("names the waiting guest until the message is read on any device", () => {
    watch.setScreenTitle("Mine");
    dispatch(event(asks(1)));
    expect(document.title).toBe("(1) Ana Rossi: Towels");
    const read = { conversation_id: 1, staff_id: MARIA.id, staff_name: "Maria", message_id: 10, read_guest_messages: 1 };
    dispatch({ type: "event", at: 0, event: eventWith({ type: "read", ...read }) });
    expect(document.title).toBe("Mine");
  });
});
