import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type FocusEvent, type PointerEvent, type ReactNode } from "react";
import { useLocation } from "wouter";

import type { Conversation } from "../api/types";
import { setScreenTitle } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { placePath, type Place } from "../store/place";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { focusSoon } from "../ui/focus";
import { keepOverReload, takeKept } from "../ui/reload-memory";
import { TWO_PANES, useMediaQuery } from "../ui/useMediaQuery";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import styles from "./ConversationList.module.css";
import { ConversationRows, type RowsHandle } from "./ConversationRows";
import { SkeletonRows } from "./SkeletonRows";
import { useFrozenRows } from "./useFrozenRows";
import { useListKeys } from "./useListKeys";

interface ConversationListProps {
  place: Place;
  title: string;
  /** In the live order, not frozen. */
  conversations: readonly Conversation[];
  openId: number | null;
  isLoading: boolean;
  /** Beside the title: the order menu. */
  controls?: ReactNode;
  /** Between head and rows: queue chips, an error. */
  above?: ReactNode;
  /** Shown if there are no rows. */
  empty: ReactNode;
  /** Below the rows: the button for the next page. */
  below?: ReactNode;
}

/** A list of conversations. Its order is frozen while the pointer or the focus is in it. */
export function ConversationList(props: ConversationListProps) {
  const { place, title, conversations, openId, isLoading, controls, above, empty, below } = props;
  const t = useT();
  const [, navigate] = useLocation();
  const hasTwoPanes = useMediaQuery(TWO_PANES);
  const truncated = useStore((state) => state.truncated);
  const hotel = useStore((state) => state.directory.hotel.name);
  useEffect(() => setScreenTitle(hotel === "" ? title : `${title} · ${hotel}`), [title, hotel]);
  const [hasPointer, setHasPointer] = useState(false);
  const [hasFocus, setHasFocus] = useState(false);
  const rowsRef = useRef<RowsHandle>(null);
  const scrollRef = useRef<HTMLDivElement>(null);

  const live = useMemo(() => conversations.map(({ id }) => id), [conversations]);
  const { rows, moved, applyOrder } = useFrozenRows(live, hasPointer || hasFocus);
  const ids = useMemo(() => rows.filter(({ isGone }) => !isGone).map(({ id }) => id), [rows]);

  // Restores the scroll position after a reload.
  const list = placePath(place);
  const hasRows = rows.length > 0 && !isLoading;
  useLayoutEffect(() => {
    if (!hasRows) return;
    const kept = takeKept(`list ${list}`);
    if (typeof kept === "number") scrollRef.current?.scrollTo({ top: kept });
    return keepOverReload(`list ${list}`, () => scrollRef.current?.scrollTop);
  }, [list, hasRows]);

  const handleOpen = useCallback(() => {
    // With two panes the person continues in the composer; with one pane the thread covers the list.
    if (hasTwoPanes) focusSoon("composer");
  }, [hasTwoPanes]);

  const openConversation = useCallback(
    (id: number) => {
      handleOpen();
      navigate(placePath(place, id));
    },
    [handleOpen, navigate, place],
  );
  useListKeys({ ids, openId, onOpen: openConversation });

  return (
    <section
      className={styles["pane"]}
      aria-labelledby="list-title"
      data-region
      onPointerEnter={() => setHasPointer(true)}
      onPointerLeave={(event: PointerEvent) => event.pointerType === "mouse" && setHasPointer(false)}
      onPointerUp={(event: PointerEvent) => event.pointerType !== "mouse" && setHasPointer(false)}
      onPointerCancel={() => setHasPointer(false)}
    >
      <VisuallyHidden as="h1">{t("inbox.title")}</VisuallyHidden>
      <div className={styles["head"]}>
        <h2 id="list-title" className={styles["title"]}>
          {title}
        </h2>
        {moved > 0 && (
          <button
            type="button"
            className={styles["moved"]}
            onClick={() => {
              applyOrder();
              scrollRef.current?.scrollTo({ top: 0 });
              rowsRef.current?.focusCurrent();
            }}
          >
            {t("inbox.moved", { count: moved })}
          </button>
        )}
        {controls}
      </div>
      {above}
      <div
        ref={scrollRef}
        className={styles["scroll"]}
        onFocus={() => setHasFocus(true)}
        onBlur={(event: FocusEvent<HTMLDivElement>) => {
          if (!event.currentTarget.contains(event.relatedTarget)) setHasFocus(false);
        }}
      >
        {truncated && place.queue !== "done" && <p className={styles["note"]}>{t("inbox.truncated")}</p>}
        {isLoading ? (
          <SkeletonRows />
        ) : rows.length === 0 ? (
          <div className={styles["empty"]}>{empty}</div>
        ) : (
          <ConversationRows
            ref={rowsRef}
            key={placePath(place)}
            place={place}
            rows={rows}
            openId={openId}
            scrollRef={scrollRef}
            onOpen={handleOpen}
          />
        )}
        {below}
      </div>
    </section>
  );
}

/** The button that loads the next page of a list. */
export function MoreButton({ onPress }: { onPress: () => void }) {
  const t = useT();
  return (
    <div className={styles["more"]}>
      <Button onPress={onPress}>{t("inbox.load_more")}</Button>
    </div>
  );
}
