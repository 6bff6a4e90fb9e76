import { dispatch } from "../store/store";
import type { Commands } from "./commands";

/** Intervals in milliseconds. */
const TYPING_INTERVAL = 3_000;
const VIEWING_INTERVAL = 60_000;
const EXPIRY_INTERVAL = 1_000;

/** Publishes this staff member's typing and viewing signals, and expires those of colleagues. */
export class PresenceReporter {
  private readonly commands: Commands;
  private readonly viewed = new Set<number>();
  private lastTyping: { id: number; at: number } | null = null;
  private readonly timers: ReturnType<typeof setInterval>[];

  constructor(commands: Commands) {
    this.commands = commands;
    this.timers = [
      setInterval(() => this.report(), VIEWING_INTERVAL),
      setInterval(() => dispatch({ type: "presence_expired", now: Date.now() }), EXPIRY_INTERVAL),
    ];
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  typing(id: number): void {
    const now = Date.now();
    if (this.lastTyping?.id === id && now - this.lastTyping.at < TYPING_INTERVAL) return;
    this.lastTyping = { id, at: now };
    this.commands.tell({ command: "typing", conversation_id: id, typing: true });
  }

  setViewing(id: number, viewing: boolean): void {
    if (viewing === this.viewed.has(id)) return;
    if (viewing) this.viewed.add(id);
    else this.viewed.delete(id);
    this.tell(id, viewing);
    if (!viewing && this.lastTyping?.id === id) {
      this.lastTyping = null;
      this.commands.tell({ command: "typing", conversation_id: id, typing: false });
    }
  }

  /** Repeats the viewing signals. Also needed after a replay, because they end with the socket. */
  report(): void {
    for (const id of this.viewed) this.tell(id, true);
  }

  private tell(id: number, viewing: boolean): void {
    this.commands.tell({ command: "viewing", conversation_id: id, viewing });
  }
}
