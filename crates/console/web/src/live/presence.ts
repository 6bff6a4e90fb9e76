import { dispatch } from "../store/store";
import type { Commands } from "./commands";

/** In milliseconds. */
const TYPING_AGAIN = 3_000;
const VIEWING_AGAIN = 60_000;
const EXPIRY = 1_000;

/** What this person does is told to colleagues, and what they no longer do is forgotten. */
export class PresenceReporter {
  private readonly commands: Commands;
  private readonly viewed = new Set<number>();
  private lastTyping: { id: number; at: number } | null = null;
  private readonly timers: ReturnType<typeof setInterval>[];

  constructor(commands: Commands) {
    this.commands = commands;
    this.timers = [
      setInterval(() => this.report(), VIEWING_AGAIN),
      setInterval(() => dispatch({ type: "presence_expired", now: Date.now() }), EXPIRY),
    ];
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  typing(id: number): void {
    const now = Date.now();
    if (this.lastTyping?.id === id && now - this.lastTyping.at < TYPING_AGAIN) return;
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

  /** Repeats what is viewed; also after a replay, since viewing ends with the socket. */
  report(): void {
    for (const id of this.viewed) this.tell(id, true);
  }

  private tell(id: number, viewing: boolean): void {
    this.commands.tell({ command: "viewing", conversation_id: id, viewing });
  }
}
