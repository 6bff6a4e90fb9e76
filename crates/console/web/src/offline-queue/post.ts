import { sendFile, sendMessage, sendNote, sendTemplate, type SendFields } from "../api/calls";
import { ApiError, NetworkError } from "../api/problem";
import type { Message } from "../api/types";
import type { QueuedMessage, QueuedState } from "./entry";

/** Sends an entry. All attempts have the same idempotency key and, except after a 409, the same body. */
export function post(entry: QueuedMessage): Promise<Message> {
  const { conversation_id: id, content, ref } = entry;
  const fields = fieldsOf(entry);
  switch (content.kind) {
    case "text":
      return sendMessage(id, content.text, entry.hold ? { ...fields, hold: true } : fields, ref);
    case "note":
      return sendNote(id, content.text, entry.clears_draft, ref);
    case "file":
      return sendFile(id, content, fields, ref);
    case "template":
      return sendTemplate(id, { template_id: content.template_id, variables: content.variables }, fields, ref);
  }
}

function fieldsOf({ seen_message_id, reply_to, clears_draft }: QueuedMessage): SendFields {
  return {
    ...(seen_message_id !== null && { seen_message_id }),
    ...(reply_to !== null && { reply_to }),
    ...(clears_draft && { clears_draft: true }),
  };
}

export type Outcome =
  /** Retry, because the server may not have stored the message. `after`: delay in seconds from `Retry-After`. */
  | { readonly kind: "again"; readonly after: number | null }
  /** Continue after a sign-in. */
  | { readonly kind: "session" }
  /** The conversation is no longer visible. */
  | { readonly kind: "gone"; readonly detail: string }
  /** Wait for a decision of the person. */
  | { readonly kind: "asks"; readonly state: QueuedState };

/** Maps the error of an attempt to its effect on the entry. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof NetworkError) return { kind: "again", after: null };
  if (!(error instanceof ApiError)) throw error;
  const { status, code, detail, retryAfter, newer, errors } = error.problem;
  if (status === 401 || code === "password_change_required") return { kind: "session" };
  if (status === 408 || status === 429 || status >= 500 || code === "incomplete_body") {
    return { kind: "again", after: retryAfter };
  }
  if (status === 404) return { kind: "gone", detail };
  if (code === "stale_reply") return { kind: "asks", state: { kind: "stale", newer: newer ?? [] } };
  if (code === "window_closed" || code === "conversation_closed") {
    return { kind: "asks", state: { kind: "blocked", by: code, detail } };
  }
  const sentences = Object.values(errors ?? {}).flat();
  return { kind: "asks", state: { kind: "refused", detail: sentences[0] ?? detail } };
}
