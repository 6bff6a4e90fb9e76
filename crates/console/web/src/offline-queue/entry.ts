import type { Message } from "../api/types";

/**
 * A message in the offline queue. It is stored in IndexedDB before its request leaves. Its fields change only after a
 * 409, because the server refuses an idempotency key with another body.
 */
export interface QueuedMessage {
  /** Idempotency key of all attempts, and `client_ref` of the stored message. */
  readonly ref: string;
  readonly staff_id: number;
  readonly conversation_id: number;
  readonly content: QueuedContent;
  /** Id of the newest message on screen at the time of writing. */
  readonly seen_message_id: number | null;
  /** If the 24-hour window is closed: the server holds the text and sends the opener template. */
  readonly hold: boolean;
  readonly reply_to: number | null;
  readonly clears_draft: boolean;
  /** Time of writing, in milliseconds since 1970. */
  readonly at: number;
  /** Time of the person's last decision about the entry, in milliseconds since 1970. It counts as written then. */
  readonly confirmed_at: number | null;
  readonly state: QueuedState;
}

export type QueuedContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "file"; readonly file: Blob; readonly name: string; readonly text: string }
  | { readonly kind: "template"; readonly template_id: number; readonly variables: Record<string, string>; readonly preview: string };

/**
 * State of a queue entry.
 *
 * ```
 * waiting ──stored──▶ entry deleted
 * waiting ──409 stale_reply──▶ stale ──send anyway──▶ waiting
 * waiting ──409 window_closed, conversation_closed──▶ blocked ──hold, reopen──▶ waiting, or edit──▶ back into the box
 * waiting ──older than ten minutes at the next attempt──▶ old ──confirm──▶ waiting
 * waiting ──404──▶ entry becomes a draft, or refused if it is a file or template
 * waiting ──another 4xx──▶ refused ──send again──▶ waiting
 * ```
 */
export type QueuedState =
  | { readonly kind: "waiting" }
  | { readonly kind: "stale"; readonly newer: readonly Message[] }
  | { readonly kind: "blocked"; readonly by: "window_closed" | "conversation_closed"; readonly detail: string }
  | { readonly kind: "old" }
  | { readonly kind: "refused"; readonly detail: string };
