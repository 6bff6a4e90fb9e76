import type { Message } from "../api/types";

/**
 * A message of this person that has not reached the server. It is on disk before the request leaves; its fields are
 * fixed when it is made, because the server refuses the same key with another body.
 */
export interface QueuedMessage {
  /** The idempotency key of all attempts, and the `client_ref` of the stored message. */
  readonly ref: string;
  readonly staff_id: number;
  readonly conversation_id: number;
  readonly content: QueuedContent;
  /** The newest message on screen when it was written. */
  readonly seen_message_id: number | null;
  /** Outside WhatsApp's window: keep the text and send the opener. */
  readonly hold: boolean;
  readonly reply_to: number | null;
  readonly clears_draft: boolean;
  /** Time of writing, in milliseconds since 1970. */
  readonly at: number;
  /** When the person said that an old entry is still right, in milliseconds since 1970. */
  readonly confirmed_at: number | null;
  readonly state: QueuedState;
}

export type QueuedContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "file"; readonly file: Blob; readonly name: string; readonly text: string }
  | { readonly kind: "template"; readonly template_id: number; readonly variables: Record<string, string>; readonly preview: string };

/**
 * ```
 * waiting ──request──▶ (stored: the entry is deleted)
 * waiting ──409 stale_reply──▶ stale ──send anyway──▶ waiting
 * waiting ──409 window_closed, conversation_closed──▶ blocked ──the person chooses──▶ waiting, or back into the box
 * waiting ──older than ten minutes at the next attempt──▶ old ──still right──▶ waiting
 * waiting ──another 4xx──▶ refused
 * ```
 */
export type QueuedState =
  | { readonly kind: "waiting" }
  | { readonly kind: "stale"; readonly newer: readonly Message[] }
  | { readonly kind: "blocked"; readonly by: "window_closed" | "conversation_closed"; readonly detail: string }
  | { readonly kind: "old" }
  | { readonly kind: "refused"; readonly detail: string };
