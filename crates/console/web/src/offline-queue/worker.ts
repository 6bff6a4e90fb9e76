import type { Message } from "../api/types";
import { inOrder } from "../store/queued";
import { dispatch, store } from "../store/store";
import type { QueuedMessage, QueuedState } from "./entry";
import { outcomeOf } from "./post";
import type { QueueStorage } from "./storage";

/** In milliseconds: an older entry is sent only after the person has said that it is still right. */
export const STILL_RIGHT = 10 * 60_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export interface WorkerParts {
  readonly storage: QueueStorage;
  readonly post: (entry: QueuedMessage) => Promise<Message>;
  readonly lock: <T>(name: string, job: () => Promise<T>) => Promise<T>;
  /** The entries on disk have changed. */
  readonly tellTabs: () => void;
  /** The server has stored it. */
  readonly onStored: (entry: QueuedMessage) => void;
  /** The conversation is no longer visible: the text is to become a draft. */
  readonly onGone: (entry: QueuedMessage) => void;
}

/**
 * Sends the entries of one person: per conversation one at a time and in order, by one tab at a time. What needs a
 * decision holds back the later entries of its conversation, except refused ones.
 */
export class QueueWorker {
  private readonly staffId: number;
  private readonly parts: WorkerParts;
  private readonly entries = new Map<string, QueuedMessage>();
  /** Entries that the disk has not taken: only this tab knows them. */
  private readonly unstored = new Set<string>();
  private readonly sending = new Set<string>();
  private readonly draining = new Map<number, "once" | "again">();
  private readonly attempts = new Map<number, number>();
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();
  private readonly unsubscribe: () => void;
  private isStopped = false;

  constructor(staffId: number, parts: WorkerParts) {
    this.staffId = staffId;
    this.parts = parts;
    this.unsubscribe = store.subscribe(() => this.forgetStored());
  }

  get count(): number {
    return this.entries.size;
  }

  get(ref: string): QueuedMessage | undefined {
    return this.entries.get(ref);
  }

  isSending(ref: string): boolean {
    return this.sending.has(ref);
  }

  stop(): void {
    this.isStopped = true;
    this.unsubscribe();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  /** Reads the disk, at the start and when another tab has changed it. */
  async load(): Promise<void> {
    const onDisk = await this.read();
    if (this.isStopped) return;
    for (const ref of this.entries.keys()) {
      const isGone = !this.unstored.has(ref) && !onDisk.some((entry) => entry.ref === ref);
      if (isGone) this.entries.delete(ref);
    }
    for (const entry of onDisk) this.entries.set(entry.ref, entry);
    dispatch({ type: "queued", entries: [...this.entries.values()] });
  }

  async add(entry: QueuedMessage): Promise<void> {
    await this.put(entry);
    await this.drain(entry.conversation_id);
  }

  async change(entry: QueuedMessage): Promise<void> {
    this.attempts.delete(entry.conversation_id);
    await this.add(entry);
  }

  async remove(ref: string): Promise<void> {
    const entry = this.entries.get(ref);
    this.forget(ref);
    dispatch({ type: "queue_entry_removed", ref });
    await this.removeFromDisk(ref);
    if (entry !== undefined) await this.drain(entry.conversation_id);
  }

  /** After a replay, a sign-in, or in a new tab. */
  drainAll(): void {
    this.attempts.clear();
    for (const id of new Set([...this.entries.values()].map((entry) => entry.conversation_id))) void this.drain(id);
  }

  /** Sends what waits in a conversation. */
  async drain(id: number): Promise<void> {
    if (this.draining.has(id)) {
      this.draining.set(id, "again");
      return;
    }
    clearTimeout(this.timers.get(id));
    do {
      this.draining.set(id, "once");
      // The next run begins after this one by intent.
      // oxlint-disable-next-line no-await-in-loop
      await this.parts.lock(`mm-send-${this.staffId}-${id}`, () => this.sendInOrder(id));
    } while (this.draining.get(id) === "again" && !this.isStopped);
    this.draining.delete(id);
  }

  private async sendInOrder(id: number): Promise<void> {
    // One after the other: the next one may go only when the one before is stored.
    // oxlint-disable no-await-in-loop
    while (!this.isStopped) {
      await this.syncWithDisk();
      const entry = this.next(id);
      if (entry === undefined || entry.state.kind !== "waiting") return;
      if (Date.now() - (entry.confirmed_at ?? entry.at) > STILL_RIGHT) {
        await this.put({ ...entry, state: { kind: "old" } });
        return;
      }
      if (!(await this.attempt(entry))) return;
    }
    // oxlint-enable no-await-in-loop
  }

  /** True if the next entry may follow. */
  private async attempt(entry: QueuedMessage): Promise<boolean> {
    this.sending.add(entry.ref);
    try {
      const message = await this.parts.post(entry);
      this.attempts.delete(entry.conversation_id);
      this.forget(entry.ref);
      dispatch({ type: "message", message, ref: entry.ref });
      await this.removeFromDisk(entry.ref);
      this.parts.onStored(entry);
      return true;
    } catch (error) {
      return await this.handle(entry, error);
    } finally {
      this.sending.delete(entry.ref);
    }
  }

  private async handle(entry: QueuedMessage, error: unknown): Promise<boolean> {
    const outcome = outcomeOf(error);
    switch (outcome.kind) {
      case "again":
        this.scheduleAgain(entry.conversation_id, outcome.after);
        return false;
      case "session":
        return false;
      case "gone":
        if (entry.content.kind === "text" || entry.content.kind === "note") {
          this.parts.onGone(entry);
          this.forget(entry.ref);
          dispatch({ type: "queue_entry_removed", ref: entry.ref });
          await this.removeFromDisk(entry.ref);
        } else {
          await this.put({ ...entry, state: { kind: "refused", detail: outcome.detail } });
        }
        return true;
      case "asks":
        this.showNewer(outcome.state);
        await this.put({ ...entry, state: outcome.state });
        return outcome.state.kind === "refused";
    }
  }

  private showNewer(state: QueuedState): void {
    if (state.kind !== "stale") return;
    dispatch(...state.newer.map((message) => ({ type: "message" as const, message })));
  }

  private scheduleAgain(id: number, after: number | null): void {
    const attempt = this.attempts.get(id) ?? 0;
    this.attempts.set(id, attempt + 1);
    const wait = after === null ? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + Math.random() / 2) : after * 1000;
    this.timers.set(id, setTimeout(() => void this.drain(id), wait));
  }

  /** Refused ones wait for the person without holding back others. */
  private next(id: number): QueuedMessage | undefined {
    const entries = [...this.entries.values()].filter((entry) => entry.conversation_id === id);
    return inOrder(entries).find((entry) => entry.state.kind !== "refused");
  }

  /** Under the lock: another tab may have sent or changed entries. */
  private async syncWithDisk(): Promise<void> {
    const onDisk = new Map((await this.read()).map((entry) => [entry.ref, entry]));
    for (const [ref] of this.entries) {
      const entry = onDisk.get(ref);
      if (entry !== undefined) this.entries.set(ref, entry);
      else if (!this.unstored.has(ref)) this.drop(ref);
    }
  }

  private drop(ref: string): void {
    this.forget(ref);
    dispatch({ type: "queue_entry_removed", ref });
  }

  private forget(ref: string): void {
    this.entries.delete(ref);
    this.unstored.delete(ref);
  }

  private async put(entry: QueuedMessage): Promise<void> {
    this.entries.set(entry.ref, entry);
    this.unstored.add(entry.ref);
    dispatch({ type: "queue_entry", entry });
    try {
      await this.parts.storage.put(entry);
      this.unstored.delete(entry.ref);
      this.parts.tellTabs();
    } catch {
      // A browser without storage (private window, full disk): the entry lives as long as this tab.
    }
  }

  private async removeFromDisk(ref: string): Promise<void> {
    try {
      await this.parts.storage.remove(ref);
      this.parts.tellTabs();
    } catch {
      // It was never there; if it was, the server's answer to its repetition is the stored message.
    }
  }

  private async read(): Promise<QueuedMessage[]> {
    try {
      return await this.parts.storage.entriesOf(this.staffId);
    } catch {
      return [...this.entries.values()];
    }
  }

  /** The event of a message may come before the answer to its request, or instead of it. */
  private forgetStored(): void {
    if (this.entries.size === 0 || store.getState().me.id !== this.staffId) return;
    const shown = new Set([...store.getState().queued.values()].flat().map((entry) => entry.ref));
    for (const [ref, entry] of this.entries) {
      if (shown.has(ref) || this.sending.has(ref)) continue;
      this.forget(ref);
      void this.removeFromDisk(ref);
      this.parts.onStored(entry);
    }
  }
}
