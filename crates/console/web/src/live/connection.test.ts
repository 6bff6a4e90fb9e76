import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { SocketEvent } from "../api/types";
import { socketFactory } from "../testing/socket";
import { backoff, restartWait } from "./backoff";
import { Connection, type Lost } from "./connection";

const WELCOME = { type: "welcome", session_id: "s", epoch: "e1", seq: 1, heartbeat_seconds: 25, version: "1" };

function connect(token: () => Promise<string> = () => Promise.resolve("token")) {
  const { sockets, create } = socketFactory();
  const lost: Lost[] = [];
  const batches: (readonly SocketEvent[])[] = [];
  let overs = 0;
  const connection = new Connection(
    {
      token,
      causeOf: (error) => (error === "over" ? "over" : "network"),
      onEvents: (events) => batches.push(events),
      onLost: (reason) => lost.push(reason),
      onSessionOver: () => {
        overs += 1;
      },
    },
    create,
  );
  connection.start();
  return { connection, sockets, lost, batches, overs: () => overs };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the backoff", () => {
  it.each([
    [0, 500],
    [3, 4_000],
    [5, 15_000],
    [500, 15_000],
  ])("of attempt %i is at most %i ms", (attempt, most) => {
    expect(backoff(attempt, () => 0.999_999)).toBeCloseTo(most, 0);
    expect(backoff(attempt, () => 0)).toBe(0);
  });

  it("after a restart is at most 5 s", () => {
    expect(restartWait(() => 1)).toBe(5_000);
  });
});

describe("a connection", () => {
  it("replaces a socket after 60 s without a frame, but not one with heartbeats", async () => {
    const { sockets, lost } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    await vi.advanceTimersByTimeAsync(59_000);
    sockets[0]?.receive({ type: "heartbeat", seq: 2 });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(lost).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(lost).toEqual(["network"]);
    expect(sockets[0]?.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets.length).toBe(2);
  });

  it("drops a socket without a welcome after 10 s", async () => {
    const { sockets, lost } = connect();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(lost).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(lost).toEqual(["network"]);
    expect(sockets.length).toBe(1);
  });

  it("retries without a last attempt", async () => {
    const { lost } = connect(() => Promise.reject(new Error("no network")));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(lost.length).toBeGreaterThan(400);
  });

  it("reconnects at once when the browser is online or the tab visible again", async () => {
    const { connection, sockets } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    sockets[0]?.closeWith(1012);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sockets.length).toBe(1);
    connection.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets.length).toBe(2);
  });

  it("waits after close code 4409 until the tab is used", async () => {
    const { connection, sockets, lost } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    sockets[0]?.closeWith(4409);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(lost).toEqual(["replaced"]);
    expect(sockets.length).toBe(1);
    connection.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets.length).toBe(2);
  });

  it("stops after close code 4401 until it is started again", async () => {
    const { connection, sockets, overs } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    sockets[0]?.closeWith(4401);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(overs()).toBe(1);
    expect(sockets.length).toBe(1);
    connection.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets.length).toBe(2);
  });

  it("stops if the session is over", async () => {
    const { sockets, lost } = connect(() => Promise.reject("over"));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(sockets.length).toBe(0);
    expect(lost).toEqual([]);
  });

  it("detects a dead socket by a ping when the tab wakes", async () => {
    const { connection, sockets, lost } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    connection.wake();
    expect(sockets[0]?.sent).toEqual([{ command: "ping" }]);
    await vi.advanceTimersByTimeAsync(5_001);
    expect(lost).toEqual(["network"]);
  });

  it("delivers waiting frames as one batch, and before the close", async () => {
    const { sockets, batches } = connect();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.receive(WELCOME);
    sockets[0]?.receive({ type: "heartbeat", seq: 2 });
    sockets[0]?.receive({ type: "heartbeat", seq: 3 });
    sockets[0]?.closeWith(1001);
    expect(batches.map((events) => events.map(({ type }) => type))).toEqual([["welcome", "heartbeat", "heartbeat"]]);
  });
});
