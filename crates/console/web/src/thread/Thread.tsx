import { useEffect, useState, type ReactNode } from "react";
import { Link } from "wouter";

import { setOnScreen } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { closeThread, loadNewest, openThread } from "../live/sync";
import { placePath, type Place } from "../store/place";
import { useStore } from "../store/store";
import { EMPTY_THREAD } from "../store/threads";
import { buttonClass } from "../ui/button-class";
import { ProblemLine } from "../ui/Problem";
import { Strip } from "../ui/Strip";
import { TWO_PANES, useMediaQuery } from "../ui/useMediaQuery";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import { MessageScroller } from "./MessageScroller";
import { SnoozedStrip } from "./SnoozedStrip";
import styles from "./Thread.module.css";
import { ThreadHeader } from "./ThreadHeader";

interface ThreadProps {
  conversationId: number;
  place: Place;
  /** A message to show and highlight. */
  around: number | null;
  composer: ReactNode;
  /** Opens the guest card as a drawer; null if the card has its own column. */
  onShowCard: (() => void) | null;
}

/** The thread of a conversation: header, messages, composer. */
export function Thread({ conversationId: id, place, around, composer, onShowCard }: ThreadProps) {
  const t = useT();
  const conversation = useLastKnown(useStore((state) => state.conversations.get(id)));
  const thread = useStore((state) => state.threads.get(id) ?? EMPTY_THREAD);

  useEffect(() => {
    openThread(id);
    setOnScreen(id);
    return () => {
      closeThread(id);
      setOnScreen(null);
    };
  }, [id]);

  const hasTwoPanes = useMediaQuery(TWO_PANES);
  const isGone = thread.phase === "gone";
  return (
    <main className={`${styles["thread"]} ${isGone ? styles["isGone"] : ""}`.trim()} data-region aria-labelledby="thread-title">
      {!hasTwoPanes && <VisuallyHidden as="h1">{t("inbox.title")}</VisuallyHidden>}
      <ThreadHeader id={id} conversation={conversation} isGone={isGone} place={place} onShowCard={onShowCard} />
      {thread.phase === "failed" && (
        <ProblemLine
          detail={thread.problem?.detail ?? t("thread.failed")}
          requestId={thread.problem?.requestId ?? null}
          onRetry={() => void loadNewest(id)}
        />
      )}
      {isGone && (
        <Strip
          tone="warning"
          role="status"
          actions={
            <Link href={placePath(place)} className={buttonClass("plain", true)}>
              {t("thread.back")}
            </Link>
          }
        >
          {t("thread.gone")}
        </Strip>
      )}
      {conversation && !isGone && <SnoozedStrip conversation={conversation} />}
      {/* The key: a hit in the thread that is open already opens the thread anew, at that message. */}
      <MessageScroller key={around} conversationId={id} guestName={conversation?.guest_name ?? ""} thread={thread} around={around} />
      {!isGone && composer}
    </main>
  );
}

/** Returns the last defined value, so that a conversation that is no longer visible keeps its header. */
function useLastKnown<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  if (value !== undefined && value !== last) setLast(value);
  return value ?? last;
}
