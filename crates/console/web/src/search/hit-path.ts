import type { Conversation, Me, SearchHit } from "../api/types";
import { placePath } from "../store/place";
import { queueOf } from "../store/queues";

export function conversationPath(conversation: Conversation, me: Me): string {
  return placePath({ queue: queueOf(conversation, me), department: null }, conversation.id);
}

/** Returns the address of a message in its thread. A conversation that is not loaded is closed, or one of very many. */
export function hitPath(hit: SearchHit, conversation: Conversation | undefined, me: Me): string {
  const path =
    conversation === undefined
      ? placePath({ queue: "done", department: null }, hit.conversation_id)
      : conversationPath(conversation, me);
  return `${path}?around=${hit.message.id}`;
}
