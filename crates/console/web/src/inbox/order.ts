import type { Order, Queue } from "../store/queues";

const STORAGE_KEY = "mm.order.";

/** Returns the order last chosen for a queue on this device. */
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
    // Without storage the choice lasts until a reload.
  }
}
