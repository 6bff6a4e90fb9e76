import { useEffect, useRef } from "react";

import { useT } from "../i18n/i18n";
import type { QueuedMessage } from "../offline-queue/entry";
import { useStore } from "../store/store";
import { QueuedBubble } from "./QueuedBubble";

const NONE: readonly QueuedMessage[] = [];

interface QueuedBubblesProps {
  conversationId: number;
  /** Called when the person has sent a message. */
  onAdded: () => void;
}

/**
 * The bubbles of the offline queue below the thread. Entries that need a decision are shown in the composer instead.
 */
export function QueuedBubbles({ conversationId, onAdded }: QueuedBubblesProps) {
  const t = useT();
  const queued = useStore((state) => state.queued.get(conversationId) ?? NONE);
  const count = useRef(queued.length);
  useEffect(() => {
    if (queued.length > count.current) onAdded();
    count.current = queued.length;
  }, [queued, onAdded]);
  const shown = queued.filter(({ state }) => state.kind !== "stale" && state.kind !== "blocked");
  if (shown.length === 0) return null;
  return (
    <ol aria-label={t("thread.queued")}>
      {shown.map((entry) => (
        <QueuedBubble key={entry.ref} entry={entry} />
      ))}
    </ol>
  );
}
