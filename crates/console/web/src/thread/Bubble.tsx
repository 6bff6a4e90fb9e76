import { Bot, CalendarClock, EllipsisVertical, Lock } from "lucide-react";
import { memo } from "react";

import type { Message } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { Ticks } from "../ui/Ticks";
import { formatTime } from "../ui/time";
import { useFullTime } from "../ui/useFullTime";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import { AttachmentView } from "./AttachmentView";
import styles from "./bubble.module.css";
import { DeliveryState } from "./DeliveryState";
import { QuoteView } from "./QuoteView";
import { hasOnlyFileName, MessageText } from "./MessageText";

interface BubbleProps {
  message: Message;
  isFollowUp: boolean;
  guestName: string;
  isTarget: boolean;
  onMenu: (message: Message, button: HTMLElement) => void;
  onJump: (messageId: number) => void;
}

/** The bubble of a message or note. */
export const Bubble = memo(function Bubble({ message, isFollowUp, guestName, isTarget, onMenu, onJump }: BubbleProps) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const fullTime = useFullTime(zone);
  const isMine = useStore((state) => message.sender_type === "staff" && message.sender_id === state.me.id);

  const side = message.sender_type === "guest" ? "" : styles["ours"];
  const kind = message.internal ? styles["note"] : message.sender_type === "system" ? styles["system"] : "";
  const className = [styles["line"], side, kind, isFollowUp && styles["followUp"], isTarget && styles["isTarget"]];
  const author = isMine ? t("thread.you") : message.sender_type === "system" ? t("thread.assistant") : message.sender_name;
  const hasTicks = message.delivery !== null && message.delivery !== "removed";
  return (
    <li className={className.filter(Boolean).join(" ")} data-message={message.id}>
      <div className={styles["bubble"]}>
        {message.reply_to && <QuoteView quote={message.reply_to} onJump={onJump} />}
        {message.attachments.map((attachment) => (
          <AttachmentView key={attachment.id} attachment={attachment} />
        ))}
        {!hasOnlyFileName(message) && (
          <p className={styles["text"]} dir="auto">
            <MessageText text={message.content} />
          </p>
        )}
        <p className={styles["meta"]}>
          {message.internal && (
            <span className={styles["private"]}>
              <Lock size={12} aria-hidden />
              {t("thread.only_colleagues")}
            </span>
          )}
          {message.sender_type === "system" && <Bot size={14} aria-hidden />}
          <Bidi>{author}</Bidi>
          {message.send_at && (
            <span className={styles["scheduled"]} title={t("later.sent", { time: fullTime(message.send_at) })}>
              <CalendarClock size={14} aria-hidden />
              <VisuallyHidden>{t("later.sent", { time: fullTime(message.send_at) })}</VisuallyHidden>
            </span>
          )}
          <time dateTime={message.timestamp} title={fullTime(message.timestamp)}>
            {formatTime(message.timestamp, { locale, zone })}
          </time>
          {hasTicks && <Ticks state={message.delivery as Exclude<Message["delivery"], null | "removed">} />}
        </p>
        <DeliveryState message={message} guestName={guestName} isMine={isMine} />
        {message.reactions.length > 0 && (
          <p className={styles["reactions"]}>
            {message.reactions.map(({ emoji, by }) => (
              <span key={by} className={styles["reaction"]} title={by === "guest" ? guestName : undefined}>
                {emoji}
              </span>
            ))}
          </p>
        )}
      </div>
      <button
        type="button"
        className={styles["menuButton"]}
        aria-label={t("thread.message_menu")}
        aria-haspopup="menu"
        onClick={(event) => onMenu(message, event.currentTarget)}
      >
        <EllipsisVertical size={16} aria-hidden />
      </button>
    </li>
  );
});
