import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { rows } from "../store/queues";
import { dispatch, store } from "../store/store";
import { conversationWith, inboxWith, MARIA } from "../testing/data";
import { endSnoozesInTime } from "./snoozes";

let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-30T12:00:00Z") });
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
  stop = endSnoozesInTime();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

const snoozed = () => rows(store.getState(), "snoozed").map(({ id }) => id);

it("ends each snooze shortly after its time if the server does not", async () => {
  const conversations = [
    conversationWith({ id: 1, snoozed_until: "2026-11-30T12:30:00Z" }),
    conversationWith({ id: 2, snoozed_until: "2026-11-30T13:00:00Z" }),
    conversationWith({ id: 3 }),
  ];
  expect(vi.getTimerCount()).toBe(0);
  dispatch({ type: "inbox", inbox: inboxWith(conversations), cursor: { epoch: "e1", seq: 1 } });
  await vi.advanceTimersByTimeAsync(30 * 60_000);
  expect(snoozed().toSorted()).toEqual([1, 2]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(snoozed()).toEqual([2]);
  dispatch({ type: "conversation_changed", id: 2, change: { snoozed_until: null } });
  expect(vi.getTimerCount()).toBe(0);
});

it("follows a snooze that is prolonged beyond the longest timer", async () => {
  dispatch({ type: "inbox", inbox: inboxWith([conversationWith({ snoozed_until: "2027-02-27T12:00:00Z" })]), cursor: { epoch: "e1", seq: 1 } });
  await vi.advanceTimersByTimeAsync(88 * 86_400_000);
  expect(snoozed()).toEqual([1]);
  await vi.advanceTimersByTimeAsync(2 * 86_400_000);
  expect(snoozed()).toEqual([]);
});
