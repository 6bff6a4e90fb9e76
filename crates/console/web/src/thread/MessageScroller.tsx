import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { Message } from "../api/types";
import { useT } from "../i18n/i18n";
import { loadAround, loadNewer, loadNewest, loadOlder, setEndInView } from "../live/sync";
import type { Thread } from "../store/state";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Skeleton } from "../ui/Skeleton";
import { Bubble } from "./Bubble";
import { DayLine } from "./DayLine";
import { listItems } from "./items";
import { MessageMenu } from "./MessageMenu";
import styles from "./MessageScroller.module.css";
import { QueuedBubbles } from "./QueuedBubbles";
import { TypingLine } from "./TypingLine";
import { anchorScrollWithoutBrowser } from "./scroll-anchor";

interface MessageScrollerProps {
  conversationId: number;
  guestName: string;
  thread: Thread;
}

/** Within this distance of the end, in pixels, the end counts as in view. */
const END_DISTANCE = 48;
/** More messages are fetched this far before an edge. */
const LOAD_DISTANCE = 800;
/** Announcements are off for this long after old messages were put in. */
const QUIET_TIME = 400;

/** The messages, from the end upwards. */
export function MessageScroller({ conversationId: id, guestName, thread }: MessageScrollerProps) {
  const t = useT();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const scrollerRef = useRef<HTMLDivElement>(null);
  const contentRef = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [targetId, setTargetId] = useState<number | null>(null);
  const [menu, setMenu] = useState<{ message: Message; button: HTMLElement } | null>(null);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const items = useMemo(() => listItems(thread, zone), [thread, zone]);
  const isLive = useAnnouncing(thread);
  const lastId = thread.ids.at(-1) ?? 0;
  const [seenId, setSeenId] = useState(lastId);
  const endInView = isAtEnd && !thread.hasNewer;
  if (endInView && seenId !== lastId) setSeenId(lastId);
  const newBelow = endInView ? 0 : countNewer(thread, seenId);

  useEffect(() => {
    setEndInView(id, endInView && thread.phase === "ready");
    return () => setEndInView(id, false);
  }, [id, endInView, thread.phase]);

  useEffect(() => {
    const [scroller, content] = [scrollerRef.current, contentRef.current];
    return scroller && content ? anchorScrollWithoutBrowser(scroller, content) : undefined;
  }, []);

  function handleScroll() {
    const scroller = scrollerRef.current;
    if (scroller === null) return;
    // In a reversed column the end is 0 and everything above is negative.
    const fromEnd = -scroller.scrollTop;
    const fromStart = scroller.scrollHeight - scroller.clientHeight - fromEnd;
    setAtEnd(fromEnd < END_DISTANCE);
    if (fromStart < LOAD_DISTANCE && thread.hasOlder) void loadOlder(id).catch(ignoreLoss);
    if (fromEnd < LOAD_DISTANCE && thread.hasNewer) void loadNewer(id).catch(ignoreLoss);
  }

  const scrollToEnd = useCallback(() => scrollerRef.current?.scrollTo({ top: 0 }), []);

  async function jumpToEnd() {
    // The button leaves with its press.
    scrollerRef.current?.focus({ preventScroll: true });
    if (thread.hasNewer) await loadNewest(id);
    scrollToEnd();
  }

  const handleJump = useCallback(
    async (messageId: number) => {
      if (findMessage(contentRef.current, messageId) === null) await loadAround(id, messageId).catch(ignoreLoss);
      setTargetId(messageId);
    },
    [id],
  );
  useLayoutEffect(() => {
    if (targetId === null) return;
    findMessage(contentRef.current, targetId)?.scrollIntoView({ block: "center" });
    const timer = setTimeout(() => setTargetId(null), 2_000);
    return () => clearTimeout(timer);
  }, [targetId]);

  const handleMenu = useCallback((message: Message, button: HTMLElement) => {
    setMenu({ message, button });
    setMenuOpen(true);
  }, []);

  return (
    <div className={styles["frame"]}>
      {/* A scroll container must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={scrollerRef} className={styles["scroller"]} onScroll={handleScroll} tabIndex={0} data-region-focus="">
        <div ref={contentRef} className={styles["content"]}>
          {thread.phase === "loading" && thread.ids.length === 0 ? (
            <SkeletonBubbles />
          ) : (
            <>
              {thread.hasOlder && (
                <div className={styles["top"]}>
                  <Button small variant="quiet" onPress={() => void loadOlder(id).catch(ignoreLoss)}>
                    {t("thread.older")}
                  </Button>
                </div>
              )}
              {thread.phase === "ready" && thread.ids.length === 0 && <p className={styles["empty"]}>{t("thread.empty")}</p>}
              <div
                role="log"
                aria-live={isLive ? "polite" : "off"}
                aria-relevant="additions"
                aria-label={t("thread.log", { name: guestName })}
              >
                <ol>
                  {items.map((item) => {
                    if (item.kind === "day") return <DayLine key={item.key} day={item.day} />;
                    if (item.kind === "new") {
                      return (
                        <li key={item.key} className={styles["newLine"]}>
                          {t("thread.new_line")}
                        </li>
                      );
                    }
                    return (
                      <Bubble
                        key={item.key}
                        message={item.message}
                        isFollowUp={item.isFollowUp}
                        guestName={guestName}
                        isTarget={item.message.id === targetId}
                        onMenu={handleMenu}
                        onJump={handleJump}
                      />
                    );
                  })}
                </ol>
              </div>
              <QueuedBubbles conversationId={id} onAdded={scrollToEnd} />
            </>
          )}
          <TypingLine conversationId={id} />
        </div>
      </div>
      {!endInView && (
        <div className={styles["jump"]}>
        <Button variant={newBelow > 0 ? "primary" : "plain"} onPress={() => void jumpToEnd()}>
          {newBelow > 0 ? t("thread.new_below", { count: newBelow }) : t("thread.to_newest")}
          <ArrowDown size={16} aria-hidden />
        </Button>
        </div>
      )}
      <MessageMenu opened={menu} isOpen={isMenuOpen} onClose={() => setMenuOpen(false)} conversationId={id} />
    </div>
  );
}

function SkeletonBubbles() {
  return (
    <div className={styles["skeletons"]}>
      <Skeleton shape="bubble" />
      <Skeleton shape="bubble" />
      <Skeleton shape="bubble" />
      <Skeleton shape="bubble" />
    </div>
  );
}

/** Only what comes while the thread is open is read aloud, never the history that is put in. */
function useAnnouncing(thread: Thread): boolean {
  const firstId = thread.ids[0] ?? 0;
  const [quietFirstId, setQuietFirstId] = useState<number | null>(null);
  useEffect(() => {
    if (thread.phase !== "ready") return;
    const timer = setTimeout(() => setQuietFirstId(firstId), QUIET_TIME);
    return () => clearTimeout(timer);
  }, [firstId, thread.phase]);
  return thread.phase === "ready" && quietFirstId === firstId;
}

function countNewer(thread: Thread, seenId: number): number {
  return thread.ids.filter((id) => id > seenId).length;
}

function findMessage(content: HTMLElement | null, messageId: number): HTMLElement | null {
  return content?.querySelector<HTMLElement>(`[data-message="${messageId}"]`) ?? null;
}

/** The strip says that there is no connection; scrolling tries again. */
function ignoreLoss(): void {}
