import type { Conversation } from "../api/types";

/** WhatsApp's 24-hour window of a conversation. */
export type WindowState =
  /** A hotel without a WhatsApp number has no window. */
  | { readonly kind: "none" }
  | { readonly kind: "open"; readonly hours: number; readonly minutes: number }
  /** `never`: the guest has not written yet. */
  | { readonly kind: "closed"; readonly never: boolean };

export function windowOf(conversation: Conversation, hasNumber: boolean, now: number): WindowState {
  const { window_expires_at: end, last_guest_message_at: last } = conversation;
  if (!hasNumber) return { kind: "none" };
  const left = end === null ? 0 : Date.parse(end) - now;
  if (left <= 0) return { kind: "closed", never: last === null };
  const minutes = Math.floor(left / 60_000);
  return { kind: "open", hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}
