import { getCounts } from "../api/calls";
import { ApiError, NetworkError } from "../api/problem";
import { dispatch, store } from "../store/store";
import { CommandError, type Commands } from "./commands";

/**
 * Follows the server's numbers of the inbox if the store contains only a part of it. Call after each replay: a new
 * connection has not asked for them, and a replay contains none.
 */
export async function followCounts(commands: Commands): Promise<void> {
  if (!store.getState().truncated) return;
  try {
    await commands.request({ command: "subscribe_to_inbox", counts: true });
    // What has changed before the subscription causes no event.
    dispatch({ type: "counts", counts: await getCounts() });
  } catch (error) {
    // The next event brings the numbers, or the next connection does.
    if (!(error instanceof CommandError || error instanceof ApiError || error instanceof NetworkError)) throw error;
  }
}
