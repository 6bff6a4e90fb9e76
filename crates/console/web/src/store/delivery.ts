import type { Delivery, Message } from "../api/types";

/** The order in which deliveries move, in whatever order reports arrive. */
const ORDER: readonly (Delivery | null)[] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read", "removed"];

/** Which of two deliveries of a message holds: the later one, except that a retry goes back to `queued`. */
export function laterDelivery(before: Delivery | null, reported: Delivery | null): Delivery | null {
  const isRetry = reported === "queued" && (before === "failed" || before === "unknown");
  return isRetry || ORDER.indexOf(reported) >= ORDER.indexOf(before) ? reported : before;
}

/** The message as reported now, with the delivery and failure that hold. */
export function mergeMessage(before: Message | undefined, reported: Message): Message {
  if (before === undefined) return reported;
  const delivery = laterDelivery(before.delivery, reported.delivery);
  return delivery === reported.delivery ? reported : { ...reported, delivery, failure: before.failure };
}
