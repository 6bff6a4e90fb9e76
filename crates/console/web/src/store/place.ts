import { QUEUES, type Queue } from "./queues";

/** A list of the inbox as it stands in the URL: a queue, or one department of `with_us`. */
export interface Place {
  readonly queue: Queue;
  readonly department: number | null;
}

/** Parses the URL segment after `/inbox/`. Returns null if it names no queue. */
export function parsePlace(segment: string): Place | null {
  const [name, department] = segment.split("-");
  const queue = QUEUES.find((each) => each === name);
  if (queue === undefined) return null;
  if (department === undefined) return { queue, department: null };
  const id = Number(department);
  return queue === "with_us" && Number.isInteger(id) && id > 0 ? { queue, department: id } : null;
}

/** Returns the path of a list or of a conversation in it: `/inbox/mine`, `/inbox/with_us-3/1977`. */
export function placePath({ queue, department }: Place, conversationId?: number): string {
  const list = department === null ? `/inbox/${queue}` : `/inbox/${queue}-${department}`;
  return conversationId === undefined ? list : `${list}/${conversationId}`;
}
