import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { dispatch, store } from "../store/store";
import { conversationWith, eventWith, inboxWith, MARIA, messageWith } from "../testing/data";
import { Commands } from "./commands";
import { Reading } from "./reading";

let isFocused = true;
let isConnected = true;
let sent: object[] = [];
let commands: Commands;
let reading: Reading;

const marks = () => sent.map((command) => ("message_id" in command ? command.message_id : null));

const guestWrites = (id: number) => {
  const event = eventWith({ type: "new_message", seq: 100 + id, ...messageWith({ id }) });
  dispatch({ type: "event", at: 0, event });
  reading.look();
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { visibilityState: "visible", hasFocus: () => isFocused });
  isFocused = true;
  isConnected = true;
  sent = [];
  commands = new Commands((command) => {
    if (isConnected) sent.push(command);
    return isConnected;
  });
  reading = new Reading(commands);
  const conversations = [conversationWith({ guest_messages: 2, read_guest_messages: 1 })];
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
  dispatch({ type: "inbox", inbox: inboxWith(conversations), cursor: { epoch: "e1", seq: 100 } });
  const messages = [messageWith({ id: 1 }), messageWith({ id: 2 })];
  dispatch({ type: "messages", page: { id: 1, messages, seq: 100, position: "newest", hasOlder: false, hasNewer: false } });
});

afterEach(() => {
  reading.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("reading", () => {
  it("marks the newest message as read 300 ms after the end of the thread came into view", async () => {
    reading.setEndInView(1, true);
    await vi.advanceTimersByTimeAsync(299);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(marks()).toEqual([2]);
    expect(store.getState().conversations.get(1)?.read_guest_messages).toBe(2);
  });

  it("requires the focus of the window", async () => {
    isFocused = false;
    reading.setEndInView(1, true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([]);
    isFocused = true;
    reading.look();
    await vi.advanceTimersByTimeAsync(301);
    expect(marks()).toEqual([2]);
  });

  it("is not delayed by a stream of new messages", async () => {
    reading.setEndInView(1, true);
    for (let id = 3; id < 13; id += 1) {
      guestWrites(id);
      // Sequential on purpose: one event after the other.
      // oxlint-disable-next-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(40);
    }
    expect(marks().length).toBeGreaterThan(0);
  });

  it("pauses after the person has marked the conversation as unread", async () => {
    reading.setEndInView(1, true);
    reading.keepUnread(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([]);
    reading.setEndInView(1, false);
    reading.setEndInView(1, true);
    await vi.advanceTimersByTimeAsync(301);
    expect(marks()).toEqual([2]);
  });

  it("sends the read position again after a lost connection", async () => {
    isConnected = false;
    reading.setEndInView(1, true);
    await vi.advanceTimersByTimeAsync(301);
    isConnected = true;
    reading.sendAgain();
    await vi.advanceTimersByTimeAsync(1);
    expect(marks()).toEqual([2]);
  });
});
