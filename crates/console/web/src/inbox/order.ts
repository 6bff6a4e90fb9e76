import type { Order } from "../store/order";
import type { Queue } from "../store/queues";

const STORAGE_KEY = "mm.order.";

/** The orders that a person can choose. */
export const CHOSEN_ORDERS = ["waiting", "newest", "window"] as const satisfies readonly Order[];
export type ChosenOrder = (typeof CHOSEN_ORDERS)[number];

const USUAL: ChosenOrder = "waiting";

/** Returns the order last chosen for a queue on this device. */
export function rememberedOrder(queue: Queue): ChosenOrder {
  try {
    const stored = localStorage.getItem(STORAGE_KEY + queue);
    return CHOSEN_ORDERS.find((order) => order === stored) ?? USUAL;
  } catch {
    return USUAL;
  }
}

export function rememberOrder(queue: Queue, order: ChosenOrder): void {
  try {
    localStorage.setItem(STORAGE_KEY + queue, order);
  } catch {
    // Without storage the choice lasts until a reload.
  }
}
