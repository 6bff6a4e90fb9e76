import { MessageSquareText } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";

import { writeFirst } from "../api/hotel-calls";
import type { Stay } from "../api/types";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { placePath } from "../store/place";
import { queueOf } from "../store/queues";
import { store } from "../store/store";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

/** The button that opens the conversation of a stay, or creates it if the guest has not written yet. */
export function ConversationButton({ stay }: { stay: Stay }) {
  const t = useT();
  const [, navigate] = useLocation();
  const isOffline = useOffline();
  const [isPending, setPending] = useState(false);
  const { conversation_id: known } = stay;

  function open(id: number) {
    const { conversations, me } = store.getState();
    const conversation = conversations.get(id);
    const queue = conversation === undefined ? "done" : queueOf(conversation, me);
    navigate(placePath({ queue, department: null }, id));
  }

  async function write() {
    setPending(true);
    try {
      open((await writeFirst(stay.id)).id);
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
      setPending(false);
    }
  }

  if (known === null && (stay.status === "cancelled" || stay.status === "no_show")) return null;
  return (
    <Button
      isPending={isPending}
      isDisabled={known === null && isOffline}
      onPress={() => (known === null ? void write() : open(known))}
    >
      <MessageSquareText size={16} aria-hidden />
      {t(known === null ? "stays.write_first" : "stays.conversation")}
    </Button>
  );
}
