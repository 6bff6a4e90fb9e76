import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { DraftBody } from "../api/calls";
import { NetworkError } from "../api/problem";
import type { Draft } from "../api/types";
import { dispatch, store } from "../store/store";
import { conversationWith, entryWith, eventWith, inboxWith, MARIA, problemWith } from "../testing/data";
import { editBox, keepOwn, putBack, takeDraft } from "./box";
import { DraftKeeper } from "./keeper";
import type { DraftStorage, StoredDraft } from "./storage";

class FakeDisk implements DraftStorage {
  readonly drafts = new Map<number, StoredDraft>();

  draftsOf(): Promise<StoredDraft[]> {
    return Promise.resolve([...this.drafts.values()]);
  }

  put(draft: StoredDraft): Promise<void> {
    this.drafts.set(draft.conversation_id, draft);
    return Promise.resolve();
  }

  remove(_staffId: number, conversationId: number): Promise<void> {
    this.drafts.delete(conversationId);
    return Promise.resolve();
  }
}

/** The draft of conversation 1 on the server. */
class FakeServer {
  draft: Draft | null = null;
  isDown = false;
  readonly bodies: DraftBody[] = [];
  private version = 0;

  write(text: string): Draft {
    this.version += 1;
    const updated_at = `v${this.version}`;
    const draft = { conversation_id: 1, text, reply_to: null, internal: false, updated_at };
    this.draft = text === "" ? null : draft;
    return text === "" ? { ...draft, updated_at: null } : draft;
  }

  readonly put = (_id: number, body: DraftBody): Promise<Draft> => {
    if (this.isDown) return Promise.reject(new NetworkError());
    this.bodies.push(body);
    if (body.base_updated_at === (this.draft?.updated_at ?? null)) return Promise.resolve(this.write(body.text));
    return Promise.reject(problemWith({ status: 409, code: "draft_conflict", draft: this.draft }));
  };
}

let disk: FakeDisk;
let server: FakeServer;
let keeper: DraftKeeper;

const open = () => new DraftKeeper(MARIA.id, { storage: disk, putDraft: server.put, tellTabs: () => {} });
const type = (text: string) => keeper.change(1, (box) => editBox(box, { text }));
const received = (draft: Draft | null) => dispatch({ type: "event", at: 0, event: eventWith({ type: "draft_updated", conversation_id: 1, draft }) });

beforeEach(() => {
  vi.useFakeTimers();
  disk = new FakeDisk();
  server = new FakeServer();
  dispatch({ type: "person", me: null }, { type: "person", me: MARIA });
  dispatch({ type: "inbox", inbox: inboxWith([conversationWith()]), cursor: { epoch: "e1", seq: 1 } });
  keeper = open();
});

afterEach(() => {
  keeper.stop();
  vi.useRealTimers();
});

describe("a draft", () => {
  it("is on disk after 200 ms and on the server after 1 s, even while typing continues", async () => {
    type("To");
    await vi.advanceTimersByTimeAsync(201);
    expect(disk.drafts.get(1)?.text).toBe("To");
    type("Towels");
    await vi.advanceTimersByTimeAsync(800);
    expect(server.draft?.text).toBe("Towels");
    type("Towels come");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.bodies.map((body) => body.base_updated_at)).toEqual([null, "v1"]);
    expect(store.getState().conversations.get(1)?.has_draft).toBe(true);
  });

  it("survives a reload, and is saved on the server once there is a connection", async () => {
    server.isDown = true;
    type("Towels");
    await vi.advanceTimersByTimeAsync(2_000);
    keeper.stop();
    keeper = open();
    await keeper.load();
    expect(keeper.box(1).text).toBe("Towels");
    server.isDown = false;
    await keeper.flushAll();
    expect(server.draft?.text).toBe("Towels");
  });

  it("of the server fills an untouched box", () => {
    received(server.write("from the telephone"));
    expect(keeper.box(1).text).toBe("from the telephone");
  });

  it("of another device is offered beside own text, and replaces it only on request", async () => {
    type("mine");
    received(server.write("theirs"));
    expect(keeper.box(1)).toMatchObject({ text: "mine", offer: { text: "theirs" } });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.bodies).toEqual([]);
    keeper.change(1, (box) => (box.offer === null ? box : takeDraft(box, box.offer)));
    expect(keeper.box(1)).toMatchObject({ text: "theirs", changed: false, offer: null });
  });

  it("kept by the person replaces the offered one", async () => {
    type("mine");
    received(server.write("theirs"));
    keeper.change(1, keepOwn);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(server.draft?.text).toBe("mine");
  });

  it("never replaces the text of a focused box", async () => {
    keeper.change(1, (box) => ({ ...box, focused: true }));
    type("x");
    await vi.advanceTimersByTimeAsync(1_001);
    received(server.write("theirs"));
    expect(keeper.box(1)).toMatchObject({ text: "x", offer: { text: "theirs" } });
    received(null);
    expect(keeper.box(1)).toMatchObject({ text: "x", offer: null });
  });

  it("in conflict with the draft on the server offers that draft", async () => {
    type("mine");
    server.write("theirs");
    await vi.advanceTimersByTimeAsync(1_001);
    expect(keeper.box(1)).toMatchObject({ text: "mine", offer: { text: "theirs" } });
  });

  it("deleted on the server is saved again from a box with newer text", async () => {
    type("mine");
    await vi.advanceTimersByTimeAsync(1_001);
    server.draft = null;
    type("mine and more");
    await vi.advanceTimersByTimeAsync(2_002);
    expect(server.draft).toMatchObject({ text: "mine and more" });
  });

  it("is not saved during a send that clears it; newer text is saved afterwards", async () => {
    type("Towels come");
    await vi.advanceTimersByTimeAsync(1_001);
    const entry = entryWith({ ref: "a", clears_draft: true });
    dispatch({ type: "queue_entry", entry });
    type("");
    type("and soap");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(server.bodies.length).toBe(1);
    server.draft = null;
    dispatch({ type: "queue_entry_removed", ref: "a" });
    keeper.noteStored(1);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(server.draft).toMatchObject({ text: "and soap" });
  });

  it("is deleted from disk after it was sent", async () => {
    type("Towels");
    await vi.advanceTimersByTimeAsync(300);
    dispatch({ type: "queue_entry", entry: entryWith({ ref: "a", clears_draft: true }) });
    type("");
    dispatch({ type: "queue_entry_removed", ref: "a" });
    keeper.noteStored(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(disk.drafts.size).toBe(0);
    expect(store.getState().conversations.get(1)?.has_draft).toBe(false);
  });

  it("receives a text that could not be sent, above newer text", () => {
    type("newer");
    keeper.change(1, (box) => putBack(box, "older", false));
    expect(keeper.box(1).text).toBe("older\n\nnewer");
  });

  it("stays on disk after a sign-out only if it was not saved on the server", async () => {
    type("saved");
    await vi.advanceTimersByTimeAsync(1_500);
    await keeper.forgetSaved();
    expect(disk.drafts.size).toBe(0);
    server.isDown = true;
    type("not saved");
    await vi.advanceTimersByTimeAsync(1_500);
    await keeper.forgetSaved();
    expect(disk.drafts.get(1)?.text).toBe("not saved");
  });
});
