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
import { useEdgeAnchor } from "./useEdgeAnchor";
import { useNewestFirst } from "./useNewestFirst";
import { isLeftInMiddle, useReadingPlace } from "./useReadingPlace";

interface MessageScrollerProps {
  conversationId: number;
  guestName: string;
  thread: Thread;
  /** A message to show and highlight, such as a hit of a search. */
  around: number | null;
}

/** Distance from the end in pixels within which the end counts as in the viewport. */
const END_DISTANCE = 48;
/** Distance from an edge in pixels at which the next messages are fetched. */
const LOAD_DISTANCE = 800;
/** Heights are rounded, scroll positions are not: within this distance in pixels the scroller is at an edge. */
const AT_EDGE = 3;
/** Time in milliseconds without announcements after older messages were inserted. */
const QUIET_TIME = 400;

/** The scroll container of a thread. It opens at the newest message and grows from the end. */
export function MessageScroller({ conversationId: id, guestName, thread, around }: MessageScrollerProps) {
  const t = useT();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const scrollerRef = useRef<HTMLDivElement>(null);
  const contentRef = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(() => around === null && !isLeftInMiddle(id));
  const [targetId, setTargetId] = useState<number | null>(null);
  const [menu, setMenu] = useState<{ message: Message; button: HTMLElement } | null>(null);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const items = useMemo(() => listItems(thread, zone), [thread, zone]);
  const { shown, isWhole } = useNewestFirst(items, !thread.hasNewer);
  const isLive = useAnnouncing(thread, isWhole);
  const lastId = thread.ids.at(-1) ?? 0;
  const [seenId, setSeenId] = useState(lastId);
  const endInView = isAtEnd && !thread.hasNewer;
  // Messages of the first page do not count as new, whatever the scroll position.
  if ((endInView || seenId === 0) && seenId !== lastId) setSeenId(lastId);
  const newBelow = endInView ? 0 : countNewer(thread, seenId);

  useEffect(() => {
    setEndInView(id, endInView && thread.phase === "ready");
    return () => setEndInView(id, false);
  }, [id, endInView, thread.phase]);

  const keepAtEdge = useEdgeAnchor(scrollerRef);
  const stopRestoring = useReadingPlace({ id, thread, around, scrollerRef, isAtEnd, isWhole });

  useEffect(() => {
    const [scroller, content] = [scrollerRef.current, contentRef.current];
    return scroller && content ? anchorScrollWithoutBrowser(scroller, content) : undefined;
  }, []);

  function handleScroll() {
    const scroller = scrollerRef.current;
    if (scroller === null) return;
    // In `column-reverse`, the end is at `scrollTop` 0 and all positions above it are negative.
    const fromEnd = -scroller.scrollTop;
    const fromStart = scroller.scrollHeight - scroller.clientHeight - fromEnd;
    setAtEnd(fromEnd < END_DISTANCE);
    keepAtEdge(fromStart < AT_EDGE && thread.hasOlder ? "start" : fromEnd < AT_EDGE && thread.hasNewer ? "end" : null);
    if (fromStart < LOAD_DISTANCE && thread.hasOlder) void loadOlder(id).catch(ignoreLoss);
    if (fromEnd < LOAD_DISTANCE && thread.hasNewer) void loadNewer(id).catch(ignoreLoss);
  }

  const scrollToEnd = useCallback(() => {
    stopRestoring();
    scrollerRef.current?.scrollTo({ top: 0 });
  }, [stopRestoring]);

  async function jumpToEnd() {
    stopRestoring();
    // The pressed button will be unmounted, so the focus moves to the scroll container.
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
  // Opened at a message: `useReadingPlace` scrolls to it, here it is highlighted once it is there.
  const [openedAround, setOpenedAround] = useState(around);
  if (openedAround !== null && thread.phase === "ready" && isWhole && thread.messages.has(openedAround)) {
    setOpenedAround(null);
    setTargetId(openedAround);
  }
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
      {/* A scroll container must be focusable, so that it scrolls by keyboard. */}
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
                  {shown.map((item) => {
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

/**
 * Returns whether new messages are announced: not before all loaded messages are rendered, nor just after older ones
 * were inserted.
 */
function useAnnouncing(thread: Thread, isWhole: boolean): boolean {
  const firstId = thread.ids[0] ?? 0;
  const [quietFirstId, setQuietFirstId] = useState<number | null>(null);
  useEffect(() => {
    if (thread.phase !== "ready" || !isWhole) return;
    const timer = setTimeout(() => setQuietFirstId(firstId), QUIET_TIME);
    return () => clearTimeout(timer);
  }, [firstId, thread.phase, isWhole]);
  return thread.phase === "ready" && quietFirstId === firstId;
}

function countNewer(thread: Thread, seenId: number): number {
  return thread.ids.filter((id) => id > seenId).length;
}

function findMessage(content: HTMLElement | null, messageId: number): HTMLElement | null {
  return content?.querySelector<HTMLElement>(`[data-message="${messageId}"]`) ?? null;
}

/** Ignores a failed fetch: the connection strip shows the problem, and scrolling fetches again. */
function ignoreLoss(): void {}
