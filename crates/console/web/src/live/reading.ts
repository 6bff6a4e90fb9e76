import { unreadOf } from "../store/queues";
import { dispatch, store } from "../store/store";
import type { Commands } from "./commands";

/** Delay in milliseconds before a message in the viewport counts as read, so that scrolling past does not. */
const READ_DELAY = 300;

/** Marks messages as read while the end of the thread is in the viewport, the tab visible and the window focused. */
export class Reading {
  private readonly commands: Commands;
  private inView: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The conversation for which the timer runs. */
  private glancedAt: number | null = null;
  /** Read positions without an ack, by conversation. */
  private readonly unsent = new Map<number, number>();
  /** The conversation that the person has marked as unread; it stays so until its end leaves the viewport. */
  private keptUnread: number | null = null;

  constructor(commands: Commands) {
    this.commands = commands;
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  setEndInView(id: number, inView: boolean): void {
    if (!inView && this.keptUnread === id) this.keptUnread = null;
    if (inView) this.inView = id;
    else if (this.inView === id) this.inView = null;
    this.look();
  }

  keepUnread(id: number): void {
    this.keptUnread = id;
  }

  /** Starts or cancels the timer. Call after each change of the store, the focus or the visibility. */
  look(): void {
    const id = this.unreadEnd()?.id ?? null;
    // A running timer is not restarted: frequent events would delay it for ever.
    if (id === this.glancedAt) return;
    clearTimeout(this.timer);
    this.glancedAt = id;
    if (id !== null) this.timer = setTimeout(() => this.read(), READ_DELAY);
  }

  mark(id: number, messageId: number): void {
    dispatch({ type: "read", id, messageId });
    this.unsent.set(id, Math.max(messageId, this.unsent.get(id) ?? 0));
    void this.send(id);
  }

  /** Sends the read positions without an ack again, after a replay. */
  sendAgain(): void {
    for (const id of this.unsent.keys()) void this.send(id);
  }

  private read(): void {
    this.glancedAt = null;
    const end = this.unreadEnd();
    if (end !== null) this.mark(end.id, end.messageId);
  }

  private unreadEnd(): { id: number; messageId: number } | null {
    if (this.inView === null || this.inView === this.keptUnread || !isAttentive()) return null;
    const state = store.getState();
    const thread = state.threads.get(this.inView);
    const conversation = state.conversations.get(this.inView);
    const last = thread?.ids.at(-1);
    if (thread === undefined || conversation === undefined || last === undefined) return null;
    if (thread.hasNewer || thread.phase !== "ready") return null;
    const isRead = unreadOf(conversation) === 0 && !hasGuestMessageAfter(thread, state.readUpTo.get(this.inView) ?? last);
    return isRead || last <= (state.readUpTo.get(this.inView) ?? 0) ? null : { id: this.inView, messageId: last };
  }

  private async send(id: number): Promise<void> {
    const messageId = this.unsent.get(id);
    try {
      await this.commands.request({ command: "mark_read", conversation_id: id, message_id: messageId });
    } catch (error) {
      // Kept for the next replay, unless the server has rejected the message or the conversation.
      if (!(error instanceof Error) || error.message === "lost" || error.message === "unavailable") return;
    }
    if (this.unsent.get(id) === messageId) this.unsent.delete(id);
  }
}

function hasGuestMessageAfter(thread: { ids: readonly number[]; messages: ReadonlyMap<number, { sender_type: string }> }, id: number): boolean {
  for (let at = thread.ids.length - 1; at >= 0; at -= 1) {
    const other = thread.ids[at];
    if (other === undefined || other <= id) return false;
    if (thread.messages.get(other)?.sender_type === "guest") return true;
  }
  return false;
}

export function isAttentive(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "visible" && document.hasFocus();
}
