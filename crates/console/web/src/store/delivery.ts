import type { Delivery, Message } from "../api/types";

/** The order in which delivery statuses move forward. Reports can arrive in any order. */
const ORDER: readonly (Delivery | null)[] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read", "removed"];

/** Returns the later of two delivery statuses. Exception: a retry moves `failed` or `unknown` back to `queued`. */
export function laterDelivery(before: Delivery | null, reported: Delivery | null): Delivery | null {
  const isRetry = reported === "queued" && (before === "failed" || before === "unknown");
  return isRetry || ORDER.indexOf(reported) >= ORDER.indexOf(before) ? reported : before;
}

/** Returns the reported message, but with the known delivery status and failure if they are later. */
export function mergeMessage(before: Message | undefined, reported: Message): Message {
  if (before === undefined) return reported;
  const delivery = laterDelivery(before.delivery, reported.delivery);
  return delivery === reported.delivery ? reported : { ...reported, delivery, failure: before.failure };
}
