import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { setAccess } from "../api/access";
import type { Inbox, InboxCounts, Message } from "../api/types";
import { counts } from "../store/queues";
import { dispatch, store } from "../store/store";
import { conversationWith, inboxWith, MARIA, messageWith, NO_COUNTS } from "../testing/data";
import { socketFactory } from "../testing/socket";
import { Follower } from "./follower";

/** A fake server for the REST calls of the follower. */
class FakeServer {
  epoch = "e1";
  seq = 100;
  inbox: Inbox = inboxWith([conversationWith({ guest_messages: 1 })]);
  messages: Message[] = [messageWith({ id: 1 })];
  counts: InboxCounts = NO_COUNTS;
  isDown = false;
  readonly paths: string[] = [];
  /** Runs once in place of the next response with a conversation, which is then a 404. */
  beforeNotFound: (() => void) | null = null;

  readonly fetch = (path: string): Promise<Response> => {
    if (this.isDown) return Promise.reject(new TypeError("Failed to fetch"));
    this.paths.push(path);
    if (/conversations\/\d+\/$/.test(path) && this.beforeNotFound !== null) {
      this.beforeNotFound();
      this.beforeNotFound = null;
      return Promise.resolve(Response.json({ status: 404, code: "not_found", detail: "" }, { status: 404 }));
    }
    const headers = { "X-Event-Epoch": this.epoch, "X-Event-Seq": String(this.seq) };
    return Promise.resolve(Response.json(this.bodyOf(path), { headers }));
  };

  private bodyOf(path: string): unknown {
    if (path.includes("/counts/")) return this.counts;
    if (path.includes("/inbox/")) return this.inbox;
    if (path.includes("/messages/")) return this.messages;
    return this.inbox.conversations[0];
  }
}

function start(server = new FakeServer()) {
  vi.stubGlobal("fetch", server.fetch);
  const { sockets, create } = socketFactory();
  const onLive = vi.fn();
  const onSessionOver = vi.fn();
  const follower = new Follower({ onSessionOver, onLive, onVersion: () => {}, onEvent: () => {} }, create);
  follower.start();
  return { server, sockets, follower, onLive };
}

const welcomeOf = (epoch: string) => ({ type: "welcome", session_id: "s", epoch, seq: 100, heartbeat_seconds: 25, version: "1" });

/** Waits until responses and frames have been applied. */
const settle = () => vi.advanceTimersByTimeAsync(10);

const idsOf = () => store.getState().threads.get(1)?.ids;

async function startLive() {
  const running = start();
  await settle();
  running.sockets[0]?.receive(welcomeOf("e1"));
  await settle();
  running.sockets[0]?.receive({ type: "resumed", seq: 100, replayed: 0 });
  running.sockets[0]?.ack("resume");
  await settle();
  return running;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  setAccess("token", 900);
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the follower", () => {
  it("resumes from the cursor of the snapshot and is live after the replay", async () => {
    const { sockets, onLive, follower } = await startLive();
    expect(sockets[0]?.sent[0]).toMatchObject({ command: "resume", epoch: "e1", after_seq: 100, inbox: true, conversation_ids: [] });
    expect(store.getState().connection.phase).toBe("live");
    expect(onLive).toHaveBeenCalledTimes(1);
    follower.stop();
  });

  it("asks for the server's counts of a truncated inbox, on each connection", async () => {
    const server = new FakeServer();
    server.inbox = inboxWith([conversationWith()], { truncated: true, counts: { ...NO_COUNTS, unassigned: 5001 } });
    server.counts = { ...NO_COUNTS, unassigned: 5002 };
    const { sockets, follower } = start(server);
    await settle();
    expect(counts(store.getState()).unassigned.rows).toBe(5001);
    const connect = async (at: number) => {
      sockets[at]?.receive(welcomeOf("e1"));
      await settle();
      sockets[at]?.receive({ type: "resumed", seq: 100, replayed: 0 });
      sockets[at]?.ack("resume");
      await settle();
      expect(sockets[at]?.sent.at(-1)).toMatchObject({ command: "subscribe_to_inbox", counts: true });
      sockets[at]?.ack("subscribe_to_inbox");
      await settle();
    };
    await connect(0);
    expect(counts(store.getState()).unassigned.rows).toBe(5002);
    sockets[0]?.receive({ ...NO_COUNTS, type: "counts", unassigned: 5003 });
    await settle();
    expect(counts(store.getState()).unassigned.rows).toBe(5003);
    sockets[0]?.closeWith(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    await connect(1);
    expect(counts(store.getState()).unassigned.rows).toBe(5002);
    follower.stop();
  });

  it("counts a whole inbox itself", async () => {
    const { server, sockets, follower } = await startLive();
    expect(sockets[0]?.sent.map(({ command }) => command)).not.toContain("subscribe_to_inbox");
    expect(server.paths.some((path) => path.includes("/counts/"))).toBe(false);
    follower.stop();
  });

  it("delays the resume until a late snapshot arrives", async () => {
    const server = new FakeServer();
    server.isDown = true;
    const { sockets, follower } = start(server);
    await settle();
    server.isDown = false;
    sockets[0]?.receive(welcomeOf("e1"));
    await settle();
    expect(sockets[0]?.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sockets[0]?.sent[0]).toMatchObject({ command: "resume", after_seq: 100 });
    follower.stop();
  });

  it("applies a replay once, in order, and moves the cursor to its end", async () => {
    const { sockets, follower } = await startLive();
    follower.threads.open(1);
    await settle();
    sockets[0]?.closeWith(1006);
    expect(store.getState().connection.phase).toBe("offline");
    await vi.advanceTimersByTimeAsync(1_000);
    sockets[1]?.receive(welcomeOf("e1"));
    await settle();
    expect(sockets[1]?.sent[0]).toMatchObject({ after_seq: 100, conversation_ids: [1] });
    expect(store.getState().connection.phase).toBe("replaying");
    sockets[1]?.receive({ type: "new_message", seq: 101, ...messageWith({ id: 2 }) });
    await settle();
    expect(idsOf()).toEqual([1]);
    sockets[1]?.receive({ type: "resumed", seq: 103, replayed: 1 });
    await settle();
    expect(idsOf()).toEqual([1, 2]);
    expect(store.getState().cursor?.seq).toBe(103);
    follower.stop();
  });

  it("fetches a new token after a refused socket", async () => {
    const { server, sockets, follower } = start();
    await settle();
    sockets[0]?.closeWith(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.paths).toContain("/api/auth/refresh/");
    follower.stop();
  });

  it("takes a new snapshot after a database restore, and drops the data of the old epoch", async () => {
    const { server, sockets, follower } = await startLive();
    follower.threads.open(1);
    await settle();
    server.epoch = "e2";
    server.seq = 40;
    server.inbox = inboxWith([conversationWith({ guest_name: "restored" })]);
    server.messages = [messageWith({ id: 9, content: "restored" })];
    sockets[0]?.closeWith(1001);
    await vi.advanceTimersByTimeAsync(1_000);
    sockets[1]?.receive(welcomeOf("e2"));
    await settle();
    const requestId = sockets[1]?.sent[0]?.["request_id"];
    sockets[1]?.receive({ type: "resync_required", epoch: "e2", seq: 40 });
    sockets[1]?.receive({ type: "error", request_id: requestId, code: "resync_required", detail: "" });
    await settle();
    await settle();
    expect(sockets[1]?.sent.at(-1)).toMatchObject({ command: "resume", epoch: "e2", after_seq: 40 });
    sockets[1]?.receive({ type: "resumed", seq: 40, replayed: 0 });
    await settle();
    expect(store.getState().conversations.get(1)?.guest_name).toBe("restored");
    expect(idsOf()).toEqual([9]);
    expect(store.getState().connection.phase).toBe("live");
    follower.stop();
  });

  it("refetches a thread if its page is older than the subscription", async () => {
    const { server, sockets, follower } = await startLive();
    follower.threads.open(1);
    await settle();
    server.messages = [messageWith({ id: 1 }), messageWith({ id: 2 })];
    server.seq = 105;
    sockets[0]?.ack("subscribe_to_conversation", { seq: 105 });
    await settle();
    expect(idsOf()).toEqual([1, 2]);
    expect(server.paths.filter((path) => path.includes("/messages/")).length).toBe(2);
    follower.stop();
  });

  it("drops the page of a jump after a jump to the newest messages", async () => {
    const { server, follower } = await startLive();
    follower.threads.open(1);
    await settle();
    const late = new Promise((resolve) => setTimeout(resolve, 1_000));
    vi.stubGlobal("fetch", (path: string) => (path.includes("around=") ? late.then(() => server.fetch(path)) : server.fetch(path)));
    const around = follower.threads.fetchAround(1, 5);
    await follower.threads.jumpToNewest(1);
    server.messages = [messageWith({ id: 5 })];
    await vi.advanceTimersByTimeAsync(1_000);
    await around;
    expect(idsOf()).toEqual([1]);
    follower.stop();
  });

  it("fetches a conversation known only from an event", async () => {
    const { server, sockets, follower } = await startLive();
    server.inbox = inboxWith([conversationWith({ id: 2, guest_messages: 8, read_guest_messages: 8 })]);
    sockets[0]?.receive({ type: "new_conversation", seq: 101, conversation_id: 2, guest_name: "Chloé", department_name: null });
    await settle();
    expect(store.getState().conversations.has(2)).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    expect(store.getState().conversations.get(2)?.read_guest_messages).toBe(8);
    follower.stop();
  });

  it("ignores a 404 for a conversation that an event has changed since the request", async () => {
    const { server, sockets, follower } = await startLive();
    const conversation = conversationWith({ id: 2, guest_messages: 8, read_guest_messages: 8 });
    const updated = (seq: number) => ({ type: "conversation_updated", seq, conversation_id: 2, conversation });
    server.inbox = inboxWith([conversation]);
    server.beforeNotFound = () => {
      sockets[0]?.receive({ type: "conversation_removed", seq: 102, conversation_id: 2 });
      sockets[0]?.receive(updated(103));
    };
    server.seq = 103;
    sockets[0]?.receive(updated(101));
    await settle();
    await settle();
    await settle();
    expect(store.getState().conversations.has(2)).toBe(true);
    expect(store.getState().missing.size).toBe(0);
    follower.stop();
  });

  it("reopens a thread when its conversation becomes visible again", async () => {
    const { sockets, follower } = await startLive();
    follower.threads.open(1);
    await settle();
    sockets[0]?.receive({ type: "conversation_removed", seq: 101, conversation_id: 1 });
    await settle();
    expect(store.getState().threads.get(1)?.phase).toBe("gone");
    const conversation = conversationWith({ guest_messages: 1 });
    sockets[0]?.receive({ type: "conversation_updated", seq: 102, conversation_id: 1, conversation });
    await settle();
    expect(store.getState().threads.get(1)?.phase).toBe("ready");
    follower.stop();
  });
});
