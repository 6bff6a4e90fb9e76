import { AlarmClock, CircleAlert, Pause, Pencil, Smartphone } from "lucide-react";
import { memo, useRef } from "react";
import { Link } from "wouter";

import type { Conversation } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { prefetch } from "../live/sync";
import { unreadOf } from "../store/queues";
import { useStore } from "../store/store";
import { isSnoozed, urgencyOf } from "../store/waiting";
import { Badge } from "../ui/Badge";
import { Bidi } from "../ui/Bidi";
import { Initials } from "../ui/Initials";
import { LabelDot } from "../ui/LabelDot";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import styles from "./ConversationRow.module.css";
import { LastWords } from "./LastWords";
import { nameRow, timeOfRow, urgencyWords } from "./row-words";

/** Delay in milliseconds with the pointer on a row before its thread is prefetched. */
const PREFETCH_DELAY = 100;

interface ConversationRowProps {
  conversation: Conversation;
  href: string;
  isOpen: boolean;
  hasDraft: boolean;
  /** The only row of the list with `tabIndex` 0 (roving tabindex). */
  isCurrent: boolean;
  now: number;
  onOpen: (id: number) => void;
}

/** A row of the list: a link of two lines that opens the conversation. */
export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, href, isOpen, hasDraft, isCurrent, now, onOpen } = props;
  const t = useT();
  const { locale } = useLanguage();
  const me = useStore((state) => state.me);
  const zone = useStore((state) => state.directory.hotel.timezone);
  const prefetchTimer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const { id, room_number: room, guest_name: guest, assigned_to: owner, labels } = conversation;
  const unread = unreadOf(conversation);
  const urgency = useStore((state) => urgencyOf(conversation, state.directory, now));
  const format = { locale, zone };
  const time = timeOfRow(conversation, urgency, now, t, format);
  return (
    <Link
      href={href}
      className={`${styles["row"]} ${unread > 0 ? styles["hasUnread"] : ""}`.trim()}
      aria-current={isOpen ? "page" : undefined}
      tabIndex={isCurrent ? 0 : -1}
      data-conversation={id}
      {...(isCurrent && { "data-region-focus": "" })}
      draggable={false}
      onClick={() => onOpen(id)}
      onPointerEnter={() => {
        prefetchTimer.current = setTimeout(() => prefetch(id), PREFETCH_DELAY);
      }}
      onPointerLeave={() => clearTimeout(prefetchTimer.current)}
    >
      <VisuallyHidden>{nameRow(conversation, { time, urgency, hasDraft }, now, t, format)}</VisuallyHidden>
      <span className={styles["shown"]} aria-hidden>
        {room === null ? (
          <span className={`${styles["room"]} ${styles["noRoom"]}`}>
            <Smartphone size={22} aria-hidden />
          </span>
        ) : (
          <Bidi className={`${styles["room"]} ${room.length > 4 ? styles["longRoom"] : ""}`.trim()}>{room}</Bidi>
        )}
        <Bidi className={styles["name"]}>{guest}</Bidi>
        <span className={`${styles["time"]} ${urgency === null ? "" : styles[urgency]}`.trim()} title={urgencyWords(conversation, urgency, now, t, format) ?? undefined}>
          {(urgency === "overdue" || isSnoozed(conversation)) && <AlarmClock size={13} aria-hidden />}
          {time}
        </span>
        <span className={styles["line"]}>
          <span className={styles["words"]}>
            <UnsentMark conversation={conversation} />
            {hasDraft && (
              <span className={`${styles["mark"]} ${styles["draft"]}`}>
                <Pencil size={13} aria-hidden />
                {t("inbox.row.draft")}
              </span>
            )}
            <LastWords message={conversation.last_message} me={me} />
          </span>
          <span className={styles["marks"]}>
            {labels.slice(0, 3).map((label) => (
              <span key={label.id} title={label.name}>
                <LabelDot colour={label.colour} />
              </span>
            ))}
            {owner && <Initials name={owner.name} isMe={owner.id === me.id} />}
            {unread > 0 && <Badge count={unread} />}
          </span>
        </span>
      </span>
    </Link>
  );
});

function UnsentMark({ conversation: { unsent } }: { conversation: Conversation }) {
  const t = useT();
  if (unsent.failed + unsent.unknown > 0) {
    return (
      <span className={`${styles["mark"]} ${styles["danger"]}`}>
        <CircleAlert size={13} aria-hidden />
        {t(unsent.failed > 0 ? "inbox.row.failed" : "inbox.row.unknown")}
      </span>
    );
  }
  if (unsent.held === 0) return null;
  return (
    <span className={`${styles["mark"]} ${styles["warning"]}`}>
      <Pause size={13} aria-hidden />
      {t("inbox.row.held")}
    </span>
  );
}
