import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

import { getMessages } from "../api/calls";
import type { Message } from "../api/types";
import { newlyFailed } from "../attention/failures";
import { useT } from "../i18n/i18n";
import { placePath } from "../store/place";
import { queueOf } from "../store/queues";
import { observe, store } from "../store/store";
import { isolate } from "../ui/Bidi";
import { showToast } from "../ui/toast";

/** Number of the newest messages that are searched for the failed one. */
const WINDOW = 50;
/** Maximum age in milliseconds of a message whose failure is shown. */
const RECENT = 24 * 60 * 60_000;

/**
 * Shows a toast if a message of this staff member fails in a conversation that is not on screen. Events contain only
 * the number of failed messages, so the messages are fetched, if this staff member is the owner or has sent one there.
 */
export function useFailedMessages(): void {
  const t = useT();
  const [, navigate] = useLocation();
  const latest = useRef({ t, navigate });
  useEffect(() => {
    latest.current = { t, navigate };
  });
  useEffect(() => {
    const written = new Set<number>();
    const reported = new Set<number>();

    async function report(id: number) {
      const message = await findFailed(id, reported);
      const conversation = store.getState().conversations.get(id);
      if (message === undefined || conversation === undefined || isOnScreen(id)) return;
      reported.add(message.id);
      const name = isolate(conversation.guest_name);
      const { t: translate, navigate: go } = latest.current;
      showToast({
        text: translate(message.delivery === "failed" ? "frame.message_failed" : "frame.message_unknown", { name }),
        action: {
          label: translate("frame.open_conversation"),
          onPress: () => {
            const { conversations, me } = store.getState();
            const queue = queueOf(conversations.get(id) ?? conversation, me);
            go(placePath({ queue, department: null }, id));
          },
        },
      });
    }

    return observe(({ before, after, actions }) => {
      for (const action of actions) {
        if (action.type !== "message") continue;
        // After a send or a retry, the message can fail again.
        reported.delete(action.message.id);
        if (action.ref !== undefined) written.add(action.message.conversation_id);
      }
      for (const id of newlyFailed(before, after)) {
        const isOwner = after.conversations.get(id)?.assigned_to?.id === after.me.id;
        // Without a connection there is no toast; the mark in the list remains.
        if ((isOwner || written.has(id)) && !isOnScreen(id)) report(id).catch(() => undefined);
      }
    });
  }, []);
}

async function findFailed(id: number, reported: ReadonlySet<number>): Promise<Message | undefined> {
  const { data: messages } = await getMessages(id, { limit: WINDOW });
  const { me } = store.getState();
  return messages.findLast(
    ({ id: messageId, sender_type: type, sender_id: sender, delivery, timestamp }) =>
      type === "staff" &&
      sender === me.id &&
      (delivery === "failed" || delivery === "unknown") &&
      !reported.has(messageId) &&
      Date.now() - Date.parse(timestamp) < RECENT,
  );
}

/** Returns whether the thread is on screen, which shows the failure itself. */
function isOnScreen(id: number): boolean {
  return document.visibilityState === "visible" && location.pathname.endsWith(`/${id}`);
}
