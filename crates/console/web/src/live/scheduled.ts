import * as calls from "../api/calls";
import type { Scheduled } from "../api/types";
import { dispatch, store } from "../store/store";

// Messages that are sent later. Each action rejects with the `ApiError` or `NetworkError` for a toast or a form.

/** Fetches the open scheduled messages of a conversation. A failure is repaired by the next replay. */
export async function loadScheduled(id: number): Promise<void> {
  const seq = store.getState().cursor?.seq ?? 0;
  try {
    const { results } = await calls.listScheduled(id);
    dispatch({ type: "scheduled_list", id, fetched: results, seq });
  } catch {
    // The thread's own request reports that the conversation is gone or the server cannot be reached.
  }
}

export async function schedule(id: number, text: string, fields: calls.ScheduleFields): Promise<void> {
  dispatch({ type: "scheduled", message: await calls.scheduleMessage(id, text, fields) });
}

export async function changeScheduled(message: Scheduled, change: calls.ScheduledChange): Promise<void> {
  dispatch({ type: "scheduled", message: await calls.changeScheduled(message.id, change) });
}

export async function cancelScheduled(message: Scheduled): Promise<void> {
  await calls.cancelScheduled(message.id);
  dispatch({ type: "scheduled", message: { ...message, status: "cancelled" } });
}
