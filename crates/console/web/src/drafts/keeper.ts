import type { DraftBody } from "../api/calls";
import { ApiError, NetworkError } from "../api/problem";
import type { Draft } from "../api/types";
import { dispatch, store } from "../store/store";
import type { TabMessage } from "../tabs/channel";
import { EMPTY_BOX, noteCleared, noteSaved, receiveDraft, takeDraft, type Box } from "./box";
import type { DraftStorage, StoredDraft } from "./storage";

/** Delays in milliseconds from the first change to its save. */
const DISK_WAIT = 200;
const SERVER_WAIT = 1_000;
/** Delay before the next save after 429 or a server error. */
const SERVER_RETRY_WAIT = 15_000;

export interface KeeperParts {
  readonly storage: DraftStorage;
  readonly putDraft: (conversationId: number, body: DraftBody) => Promise<Draft>;
  readonly tellTabs: (message: TabMessage) => void;
}

/**
 * The drafts of one staff member: memory → disk after 200 ms → server after 1 s. Saves of one conversation run one at a
 * time.
 */
export class DraftKeeper {
  private readonly staffId: number;
  private readonly parts: KeeperParts;
  private readonly boxes = new Map<number, Box>();
  private readonly listeners = new Map<number, Set<() => void>>();
  private readonly diskTimers = new Map<number, ReturnType<typeof setTimeout>>();
  private readonly serverTimers = new Map<number, ReturnType<typeof setTimeout>>();
  private readonly saving = new Map<number, Promise<number | null>>();
  private readonly unsubscribe: () => void;

  constructor(staffId: number, parts: KeeperParts) {
    this.staffId = staffId;
    this.parts = parts;
    this.unsubscribe = store.subscribe((state, before) => {
      // Before the first snapshot the drafts on the server are unknown.
      if (state.drafts !== before.drafts && state.cursor !== null) this.receiveAll();
      if (state.queued !== before.queued) this.saveAllSoon();
    });
  }

  stop(): void {
    this.unsubscribe();
    for (const timer of [...this.diskTimers.values(), ...this.serverTimers.values()]) clearTimeout(timer);
  }

  /** Reads the drafts from disk. Text typed before that stays. */
  async load(): Promise<void> {
    for (const draft of await this.read()) {
      const id = draft.conversation_id;
      const typed = this.boxes.get(id);
      if (typed !== undefined && (typed.text !== "" || typed.changed)) continue;
      const box = fromDisk(draft);
      this.set(id, store.getState().cursor === null ? box : this.meet(box, id));
      if (draft.changed) this.saveSoon(id);
    }
  }

  box(id: number): Box {
    const known = this.boxes.get(id);
    if (known !== undefined) return known;
    const draft = store.getState().drafts.get(id);
    const box = draft === undefined ? EMPTY_BOX : takeDraft(EMPTY_BOX, draft);
    this.boxes.set(id, box);
    return box;
  }

  subscribe(id: number, listener: () => void): () => void {
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Applies a change by the person who types. */
  change(id: number, change: (box: Box) => Box): void {
    const before = this.box(id);
    const box = change(before);
    if (box === before) return;
    this.set(id, box);
    if (before.focused && !box.focused) {
      this.flush(id);
      return;
    }
    this.later(this.diskTimers, id, DISK_WAIT, () => void this.writeToDisk(id));
    if (box.changed) this.saveSoon(id);
  }

  /** The server has stored a message with `clearsDraft`. */
  noteStored(id: number): void {
    this.set(id, noteCleared(this.box(id)));
    dispatch({ type: "draft", id, draft: null });
    void this.writeToDisk(id);
    if (this.box(id).changed) this.saveSoon(id);
  }

  receiveFromTab(message: Extract<TabMessage, { type: "draft" }>): void {
    const box = this.box(message.conversationId);
    if (box.focused) return;
    const { text, internal, replyTo, base, changed } = message;
    this.set(message.conversationId, { ...box, text, internal, replyTo, base, changed });
  }

  /** Saves all drafts at once: when the tab is hidden, and after a replay. */
  flushAll(): Promise<void> {
    return Promise.all([...this.boxes.keys()].map((id) => this.flush(id))).then(() => undefined);
  }

  /** After a sign-out on a shared computer, only drafts that are not on the server stay on disk. */
  async forgetSaved(): Promise<void> {
    for (const draft of await this.read()) {
      if (!draft.changed) void this.parts.storage.remove(this.staffId, draft.conversation_id).catch(() => undefined);
    }
  }

  private async flush(id: number): Promise<void> {
    if (this.diskTimers.has(id)) await this.writeToDisk(id);
    clearTimeout(this.serverTimers.get(id));
    this.serverTimers.delete(id);
    await this.save(id);
  }

  private receiveAll(): void {
    for (const [id, box] of this.boxes) this.set(id, this.meet(box, id));
  }

  private meet(box: Box, id: number): Box {
    return receiveDraft(box, store.getState().drafts.get(id) ?? null);
  }

  private set(id: number, box: Box): void {
    if (this.boxes.get(id) === box) return;
    this.boxes.set(id, box);
    for (const listener of this.listeners.get(id) ?? []) listener();
  }

  private saveAllSoon(): void {
    for (const [id, box] of this.boxes) if (box.changed) this.saveSoon(id);
  }

  /** Throttled, not debounced: the delay counts from the first change, so that steady typing is saved too. */
  private saveSoon(id: number, wait = SERVER_WAIT): void {
    this.later(this.serverTimers, id, wait, () => void this.save(id));
  }

  private later(timers: Map<number, ReturnType<typeof setTimeout>>, id: number, wait: number, run: () => void): void {
    if (timers.has(id)) return;
    const timer = setTimeout(() => {
      timers.delete(id);
      run();
    }, wait);
    timers.set(id, timer);
  }

  private async save(id: number): Promise<void> {
    const running = this.saving.get(id);
    if (running !== undefined) {
      await running;
      return this.save(id);
    }
    if (!this.mustSave(id)) return;
    const saving = this.saveOnce(id);
    this.saving.set(id, saving);
    const wait = await saving;
    this.saving.delete(id);
    if (wait !== null && this.mustSave(id)) this.saveSoon(id, wait);
  }

  /** Returns `false` while a message that clears the draft is in the queue, and while an offer is undecided. */
  private mustSave(id: number): boolean {
    const box = this.box(id);
    const entries = store.getState().queued.get(id) ?? [];
    const isClearing = entries.some((entry) => entry.clears_draft && entry.state.kind === "waiting");
    return box.changed && box.offer === null && !isClearing;
  }

  /** Returns the delay before the next save; null if the next change or replay causes it. */
  private async saveOnce(id: number): Promise<number | null> {
    const box = this.box(id);
    const body = { text: box.text, internal: box.internal, reply_to: box.replyTo, base_updated_at: box.base };
    try {
      const draft = await this.parts.putDraft(id, body);
      this.set(id, noteSaved(this.box(id), box, draft));
      dispatch({ type: "draft", id, draft: draft.text === "" ? null : draft });
      await this.writeToDisk(id);
      return SERVER_WAIT;
    } catch (error) {
      return this.refuse(id, error);
    }
  }

  private refuse(id: number, error: unknown): number | null {
    if (error instanceof NetworkError) return null;
    if (!(error instanceof ApiError)) throw error;
    const { code, status, draft } = error.problem;
    if (code === "draft_conflict") {
      dispatch({ type: "draft", id, draft: draft ?? null });
      this.set(id, receiveDraft(this.box(id), draft ?? null));
      return 0;
    }
    return status === 429 || status >= 500 ? SERVER_RETRY_WAIT : null;
  }

  private async writeToDisk(id: number): Promise<void> {
    clearTimeout(this.diskTimers.get(id));
    this.diskTimers.delete(id);
    const { text, internal, replyTo, base, changed } = this.box(id);
    const draft = { staff_id: this.staffId, conversation_id: id, text, internal, reply_to: replyTo, base, changed };
    const isNothing = text === "" && !changed;
    try {
      await (isNothing ? this.parts.storage.remove(this.staffId, id) : this.parts.storage.put(draft));
    } catch {
      // Without storage the text is in this tab and, a second later, on the server.
    }
    this.parts.tellTabs({ type: "draft", staffId: this.staffId, conversationId: id, text, internal, replyTo, base, changed });
    const hasDraft = text !== "";
    const conversation = store.getState().conversations.get(id);
    if (conversation !== undefined && conversation.has_draft !== hasDraft) {
      dispatch({ type: "conversation_changed", id, change: { has_draft: hasDraft } });
    }
  }

  private async read(): Promise<StoredDraft[]> {
    try {
      return await this.parts.storage.draftsOf(this.staffId);
    } catch {
      return [];
    }
  }
}

function fromDisk({ text, internal, reply_to, base, changed }: StoredDraft): Box {
  return { ...EMPTY_BOX, text, internal, replyTo: reply_to, base, changed };
}
