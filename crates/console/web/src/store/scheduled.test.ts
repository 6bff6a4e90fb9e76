import { expect, test } from "vitest";

import { eventWith, scheduledWith } from "../testing/data";
import { apply } from "./apply";
import { openScheduled } from "./scheduled";
import { NOTHING, type State } from "./state";

const LIVE: State = { ...NOTHING, connection: { phase: "live" }, cursor: { epoch: "e", seq: 10 } };

function withEvent(state: State, seq: number, keys: Parameters<typeof scheduledWith>[0]): State {
  const event = eventWith({ type: "scheduled_updated", seq, conversation_id: 1, scheduled: scheduledWith(keys) });
  return apply(state, { type: "event", event, at: 0 });
}

const shown = (state: State) => openScheduled(state.scheduled.get(1)).map(({ id, status }) => `${id} ${status}`);

test("open scheduled messages are listed soonest first", () => {
  let state = withEvent(LIVE, 11, { id: 1, send_at: "2026-12-01T09:00:00Z" });
  state = withEvent(state, 12, { id: 2, send_at: "2026-12-01T08:00:00Z", status: "needs_review" });
  state = withEvent(state, 13, { id: 3, status: "sent" });
  expect(shown(state)).toEqual(["2 needs_review", "1 pending"]);
  expect(shown(withEvent(state, 14, { id: 1, status: "cancelled" }))).toEqual(["2 needs_review"]);
});

test("a list does not bring back what an event has changed since its request", () => {
  const fetched = [scheduledWith({ id: 1 }), scheduledWith({ id: 2 }), scheduledWith({ id: 3 })];
  let state = apply(LIVE, { type: "scheduled_list", id: 1, fetched, seq: 10 });
  expect(shown(state)).toEqual(["1 pending", "2 pending", "3 pending"]);
  state = withEvent(state, 12, { id: 1, status: "sent" });
  state = withEvent(state, 13, { id: 4 });
  state = apply(state, { type: "scheduled_list", id: 1, fetched: fetched.slice(0, 2), seq: 11 });
  expect(shown(state)).toEqual(["2 pending", "4 pending"]);
});

test("a response shows a new message at once and no older state of a known one", () => {
  const fresh = apply(LIVE, { type: "scheduled", message: scheduledWith({ id: 1 }) });
  expect(shown(fresh)).toEqual(["1 pending"]);
  const reviewed = withEvent(fresh, 12, { id: 1, status: "needs_review" });
  expect(shown(apply(reviewed, { type: "scheduled", message: scheduledWith({ id: 1 }) }))).toEqual(["1 needs_review"]);
});
