import type { Order, Queue } from "../store/queues";

const STORAGE_KEY = "mm.order.";

/** The order that was last chosen for a queue on this device. */
export function rememberedOrder(queue: Queue): Order {
  try {
    return localStorage.getItem(STORAGE_KEY + queue) === "window" ? "window" : "newest";
  } catch {
    return "newest";
  }
}

export function rememberOrder(queue: Queue, order: Order): void {
  try {
    localStorage.setItem(STORAGE_KEY + queue, order);
  } catch {
    // A browser without storage forgets it.
  }
}
