import { useState } from "react";

import { Composer } from "./composer/Composer";
import { GuestCard } from "./guest/GuestCard";
import { useT } from "./i18n/i18n";
import styles from "./InboxPage.module.css";
import WithQueries from "./queries";
import type { Place } from "./store/place";
import { useStore } from "./store/store";
import { Thread } from "./thread/Thread";
import { Dialog } from "./ui/Dialog";

interface ConversationPaneProps {
  place: Place;
  openId: number;
  /** A message to show and highlight. */
  around: number | null;
  /** Whether the guest card has its own column; otherwise it is a drawer. */
  hasCardColumn: boolean;
}

/** Thread, composer and guest card of one conversation. A separate chunk, loaded while the list is shown. */
export default function ConversationPane({ place, openId, around, hasCardColumn }: ConversationPaneProps) {
  const t = useT();
  const [isCardOpen, setCardOpen] = useState(false);
  const isKnown = useStore((state) => state.conversations.has(openId));
  return (
    <WithQueries>
      <div className={styles["thread"]}>
        <Thread
          conversationId={openId}
          place={place}
          around={around}
          composer={<Composer conversationId={openId} />}
          onShowCard={hasCardColumn ? null : () => setCardOpen(true)}
        />
      </div>
      {hasCardColumn && <div className={styles["card"]}>{isKnown && <GuestCard conversationId={openId} />}</div>}
      {!hasCardColumn && (
        <Dialog title={t("guest.card")} shape="drawer" isOpen={isCardOpen} onClose={() => setCardOpen(false)}>
          <GuestCard conversationId={openId} isInDrawer />
        </Dialog>
      )}
    </WithQueries>
  );
}
