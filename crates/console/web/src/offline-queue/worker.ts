import type { Message } from "../api/types";
import { inOrder } from "../store/queued";
import { dispatch, store } from "../store/store";
import type { QueuedMessage, QueuedState } from "./entry";
import { outcomeOf } from "./post";
import type { QueueStorage } from "./storage";

/** Maximum age of an entry that is sent without a confirmation of the person, in milliseconds. */
export const STILL_RIGHT = 10 * 60_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export interface WorkerParts {
  readonly storage: QueueStorage;
  readonly post: (entry: QueuedMessage) => Promise<Message>;
  readonly lock: <T>(name: string, job: () => Promise<T>) => Promise<T>;
  /** Notifies the other tabs that the entries on disk have changed. */
  readonly tellTabs: () => void;
  /** Called when the server has stored the message. */
  readonly onStored: (entry: QueuedMessage) => void;
  /** Called if the conversation is no longer visible: the text has to become a draft. */
  readonly onGone: (entry: QueuedMessage) => void;
}

/**
 * Sends the queue entries of one staff member: per conversation one at a time and in order, by one tab at a time (Web
 * Lock). An entry that needs a decision blocks the later entries of its conversation; a refused one does not.
 */
export class QueueWorker {
  private readonly staffId: number;
  private readonly parts: WorkerParts;
  private readonly entries = new Map<string, QueuedMessage>();
  /** Entries that are not on disk, for example because it is full: only this tab has them. */
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

  /** Reads the entries from disk, at the start and when another tab has changed them. */
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

  /** Retries all conversations at once, after a replay, a sign-in or the start of a tab. */
  drainAll(): void {
    this.attempts.clear();
    for (const id of new Set([...this.entries.values()].map((entry) => entry.conversation_id))) void this.drain(id);
  }

  /** Sends the waiting entries of a conversation. A call during a run starts another run after it. */
  async drain(id: number): Promise<void> {
    if (this.draining.has(id)) {
      this.draining.set(id, "again");
      return;
    }
    clearTimeout(this.timers.get(id));
    do {
      this.draining.set(id, "once");
      // Sequential on purpose: the next run begins after this one.
      // oxlint-disable-next-line no-await-in-loop
      await this.parts.lock(`mm-send-${this.staffId}-${id}`, () => this.sendInOrder(id));
    } while (this.draining.get(id) === "again" && !this.isStopped);
    this.draining.delete(id);
  }

  private async sendInOrder(id: number): Promise<void> {
    // Sequential on purpose: an entry may go only when the one before is stored.
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

  /** Returns `true` if the next entry may follow. */
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

  /** Returns the first entry of a conversation, skipping refused ones: they wait without blocking others. */
  private next(id: number): QueuedMessage | undefined {
    const entries = [...this.entries.values()].filter((entry) => entry.conversation_id === id);
    return inOrder(entries).find((entry) => entry.state.kind !== "refused");
  }

  /** Takes over the changes of other tabs; runs under the lock. */
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
      // Without storage (private window, full disk) the entry exists only in this tab.
    }
  }

  private async removeFromDisk(ref: string): Promise<void> {
    try {
      await this.parts.storage.remove(ref);
      this.parts.tellTabs();
    } catch {
      // An entry left on disk is harmless: its retry has the same idempotency key and returns the stored message.
    }
  }

  private async read(): Promise<QueuedMessage[]> {
    try {
      return await this.parts.storage.entriesOf(this.staffId);
    } catch {
      return [...this.entries.values()];
    }
  }

  /** Deletes entries whose message has arrived as an event, before or instead of the response. */
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
