import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { NetworkError } from "../api/problem";
import type { Message } from "../api/types";
import { dispatch, store } from "../store/store";
import { conversationWith, entryWith, inboxWith, MARIA, messageWith, problemWith } from "../testing/data";
import type { QueuedMessage } from "./entry";
import type { QueueStorage } from "./storage";
import { QueueWorker, type WorkerParts } from "./worker";

/** The IndexedDB of one browser, shared by its tabs. */
class FakeDisk implements QueueStorage {
  readonly entries = new Map<string, QueuedMessage>();
  isFull = false;

  entriesOf(staffId: number): Promise<QueuedMessage[]> {
    return Promise.resolve([...this.entries.values()].filter((entry) => entry.staff_id === staffId));
  }

  put(entry: QueuedMessage): Promise<void> {
    if (this.isFull) return Promise.reject(new Error("quota"));
    this.entries.set(entry.ref, entry);
    return Promise.resolve();
  }

  remove(ref: string): Promise<void> {
    this.entries.delete(ref);
    return Promise.resolve();
  }
}

/** A server that stores each idempotency key once and fails as the test configures. */
class FakeServer {
  readonly stored: string[] = [];
  readonly attempts: QueuedMessage[] = [];
  /** Failures of the next attempts. `after`: the message is stored, but the response is lost. */
  failures: (Error | "after")[] = [];

  readonly post = async (entry: QueuedMessage): Promise<Message> => {
    this.attempts.push(entry);
    await Promise.resolve();
    const failure = this.failures.shift();
    if (failure instanceof Error) throw failure;
    if (!this.stored.includes(entry.ref)) this.stored.push(entry.ref);
    if (failure === "after") throw new NetworkError();
    const id = 50 + this.stored.indexOf(entry.ref);
    return messageWith({ id, sender_type: "staff", sender_id: MARIA.id, delivery: "queued" });
  };
}

/** A Web Lock shared by all tabs. */
function locks(): WorkerParts["lock"] {
  const tails = new Map<string, Promise<unknown>>();
  return (name, job) => {
    const next = (tails.get(name) ?? Promise.resolve()).then(job);
    tails.set(name, next.catch(() => undefined));
    return next;
  };
}

let disk: FakeDisk;
let server: FakeServer;
let lock: WorkerParts["lock"];
const onStored = vi.fn();
const onGone = vi.fn();

const tab = (): QueueWorker =>
  new QueueWorker(MARIA.id, { storage: disk, post: server.post, lock, tellTabs: () => {}, onStored, onGone });

const shown = () => store.getState().queued.get(1)?.map(({ ref, state }) => `${ref} ${state.kind}`) ?? [];

beforeEach(() => {
  vi.useFakeTimers();
  disk = new FakeDisk();
  server = new FakeServer();
  lock = locks();
  onStored.mockReset();
  onGone.mockReset();
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
  dispatch({ type: "inbox", inbox: inboxWith([conversationWith()]), cursor: { epoch: "e1", seq: 1 } });
  dispatch({ type: "thread_loading", id: 1 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("an entry", () => {
  it("is on disk before its request leaves, and deleted after the response", async () => {
    let onDiskAtRequest = false;
    const post = server.post;
    const worker = new QueueWorker(MARIA.id, {
      storage: disk,
      lock,
      tellTabs: () => {},
      onStored,
      onGone,
      post: (entry) => {
        onDiskAtRequest = disk.entries.has(entry.ref);
        return post(entry);
      },
    });
    const sent = worker.add(entryWith({ ref: "a" }));
    expect(shown()).toEqual(["a waiting"]);
    await sent;
    expect(onDiskAtRequest).toBe(true);
    expect(disk.entries.size).toBe(0);
    expect(shown()).toEqual([]);
    expect(store.getState().threads.get(1)?.ids).toEqual([50]);
    expect(onStored).toHaveBeenCalledTimes(1);
  });

  it("whose response is lost is retried with the same idempotency key, and stored once", async () => {
    server.failures = ["after", new NetworkError()];
    const worker = tab();
    await worker.add(entryWith({ ref: "a" }));
    expect(shown()).toEqual(["a waiting"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.stored).toEqual(["a"]);
    expect(server.attempts.length).toBe(3);
    expect(shown()).toEqual([]);
    worker.stop();
  });

  it("left by a killed tab is sent at the next start", async () => {
    server.failures = ["after"];
    const killed = tab();
    await killed.add(entryWith({ ref: "a" }));
    killed.stop();
    const worker = tab();
    await worker.load();
    worker.drainAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.stored).toEqual(["a"]);
    expect(disk.entries.size).toBe(0);
  });

  it("is sent even if the disk is full", async () => {
    disk.isFull = true;
    await tab().add(entryWith({ ref: "a" }));
    expect(server.stored).toEqual(["a"]);
    expect(shown()).toEqual([]);
  });

  it("is finished by its event if the response is lost", async () => {
    server.failures = ["after"];
    const worker = tab();
    await worker.add(entryWith({ ref: "a" }));
    const message = messageWith({ id: 50, sender_type: "staff", sender_id: MARIA.id });
    dispatch({ type: "event", at: 0, event: { type: "new_message", seq: 2, client_ref: "a", ...message } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.attempts.length).toBe(1);
    expect(disk.entries.size).toBe(0);
    expect(onStored).toHaveBeenCalledTimes(1);
  });

  it("older than ten minutes needs a confirmation before it is sent", async () => {
    const worker = tab();
    const entry = entryWith({ ref: "a", at: Date.now() - 11 * 60_000 });
    await worker.add(entry);
    expect(server.attempts.length).toBe(0);
    expect(shown()).toEqual(["a old"]);
    await worker.change({ ...entry, confirmed_at: Date.now(), state: { kind: "waiting" } });
    expect(server.stored).toEqual(["a"]);
  });
});

describe("a response", () => {
  it.each([
    ["408", problemWith({ status: 408, code: "request_timeout" })],
    ["429", problemWith({ status: 429, code: "rate_limited" })],
    ["503", problemWith({ status: 503, code: "unavailable" })],
    ["400 incomplete_body", problemWith({ status: 400, code: "incomplete_body" })],
  ])("%s causes a retry", async (_, failure) => {
    server.failures = [failure];
    const worker = tab();
    await worker.add(entryWith({ ref: "a" }));
    expect(shown()).toEqual(["a waiting"]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.stored).toEqual(["a"]);
  });

  it("with Retry-After delays the retry", async () => {
    server.failures = [problemWith({ status: 503, code: "unavailable", retryAfter: 20 })];
    const worker = tab();
    await worker.add(entryWith({ ref: "a" }));
    await vi.advanceTimersByTimeAsync(19_000);
    expect(server.attempts.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(server.stored).toEqual(["a"]);
  });

  it.each([
    ["401", problemWith({ status: 401, code: "unauthenticated" })],
    ["403", problemWith({ status: 403, code: "password_change_required" })],
  ])("%s pauses the queue until the sign-in", async (_, failure) => {
    server.failures = [failure];
    const worker = tab();
    await worker.add(entryWith({ ref: "a" }));
    await vi.advanceTimersByTimeAsync(600_000 - 1);
    expect(server.attempts.length).toBe(1);
    expect(shown()).toEqual(["a waiting"]);
    worker.drainAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.stored).toEqual(["a"]);
  });

  it("409 stale_reply shows the newer messages and blocks later entries until a decision", async () => {
    const newer = [messageWith({ id: 40, sender_type: "staff", sender_id: 9 })];
    server.failures = [problemWith({ status: 409, code: "stale_reply", newer })];
    const worker = tab();
    const entry = entryWith({ ref: "a", at: 1 + Date.now(), seen_message_id: 30 });
    await worker.add(entry);
    await worker.add(entryWith({ ref: "b", at: 2 + Date.now() }));
    await vi.advanceTimersByTimeAsync(100_000);
    expect(shown()).toEqual(["a stale", "b waiting"]);
    expect(server.stored).toEqual([]);
    expect(store.getState().threads.get(1)?.ids).toEqual([40]);
    await worker.change({ ...entry, seen_message_id: 40, state: { kind: "waiting" } });
    expect(server.stored).toEqual(["a", "b"]);
    expect(server.attempts[1]).toMatchObject({ ref: "a", seen_message_id: 40 });
  });

  it.each(["window_closed", "conversation_closed"] as const)("409 %s waits for a decision", async (code) => {
    server.failures = [problemWith({ status: 409, code })];
    await tab().add(entryWith({ ref: "a" }));
    expect(store.getState().queued.get(1)?.[0]?.state).toEqual({ kind: "blocked", by: code, detail: `sentence for ${code}` });
  });

  it("404 turns the text into a draft", async () => {
    server.failures = [problemWith({ status: 404, code: "not_found" })];
    await tab().add(entryWith({ ref: "a" }));
    expect(onGone).toHaveBeenCalledTimes(1);
    expect(disk.entries.size).toBe(0);
    expect(shown()).toEqual([]);
  });

  it("404 refuses a file", async () => {
    server.failures = [problemWith({ status: 404, code: "not_found" })];
    await tab().add(entryWith({ ref: "a", content: { kind: "file", file: new Blob(["x"]), name: "x.jpg", text: "" } }));
    expect(shown()).toEqual(["a refused"]);
  });

  it("with another 4xx refuses the entry and does not block later ones", async () => {
    server.failures = [problemWith({ status: 415, code: "unsupported_file" })];
    const worker = tab();
    await worker.add(entryWith({ ref: "a", at: Date.now() }));
    await worker.add(entryWith({ ref: "b", at: Date.now() + 1 }));
    expect(shown()).toEqual(["a refused"]);
    expect(server.stored).toEqual(["b"]);
  });
});

describe("several entries", () => {
  it("of a conversation are sent one at a time and in order, even if the connection fails between them", async () => {
    server.failures = [new NetworkError(), "after", new NetworkError()];
    const worker = tab();
    for (const [at, ref] of ["a", "b", "c"].entries()) void worker.add(entryWith({ ref, at: Date.now() + at }));
    await vi.advanceTimersByTimeAsync(300_000);
    expect(server.stored).toEqual(["a", "b", "c"]);
    worker.stop();
  });

  it("of two tabs are sent by one tab", async () => {
    const [one, two] = [tab(), tab()];
    await disk.put(entryWith({ ref: "a" }));
    await Promise.all([one.load(), two.load()]);
    one.drainAll();
    two.drainAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.attempts.length).toBe(1);
    expect(one.count + two.count).toBe(0);
  });
});
