import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type Ref,
  type RefObject,
} from "react";
import { Virtualizer, type CustomItemComponentProps, type VirtualizerHandle } from "virtua";

import { useT } from "../i18n/i18n";
import { placePath, type Place } from "../store/place";
import { isAnyoneWaiting } from "../store/queues";
import { useStore } from "../store/store";
import { focusOn, offerFocus } from "../ui/focus";
import { isKey } from "../ui/keys";
import { openKeySheet } from "../ui/keySheet";
import { useMinute } from "../ui/useMinute";
import { ConversationRow } from "./ConversationRow";
import rowStyles from "./ConversationRow.module.css";
import type { ShownRow } from "./frozen-order";

export interface RowsHandle {
  /** Moves the focus to the current row. */
  focusCurrent(): void;
}

interface ConversationRowsProps {
  place: Place;
  rows: readonly ShownRow[];
  openId: number | null;
  scrollRef: RefObject<HTMLDivElement | null>;
  onOpen: (id: number) => void;
  ref: Ref<RowsHandle>;
}

/** The virtual list of rows: only those in the viewport, the open row and the current row are mounted. */
export function ConversationRows({ place, rows, openId, scrollRef, onOpen, ref }: ConversationRowsProps) {
  const t = useT();
  const now = useMinute(useStore(isAnyoneWaiting));
  const conversations = useStore((state) => state.conversations);
  const drafts = useStore((state) => state.drafts);
  const virtualizer = useRef<VirtualizerHandle>(null);
  /** The row from which arrow keys move, and the only one that Tab reaches (roving tabindex). */
  const [current, setCurrent] = useState({ id: openId, openId });
  if (current.openId !== openId) setCurrent({ id: openId ?? current.id, openId });
  const currentId = current.id;
  const wantsFocus = useRef(false);

  const places = useMemo(() => new Map(rows.map(({ id }, index) => [id, index])), [rows]);
  const openPlace = openId === null ? undefined : places.get(openId);
  const currentPlace = (currentId === null ? undefined : places.get(currentId)) ?? openPlace ?? 0;
  const keepMounted = openPlace === undefined ? [currentPlace] : [currentPlace, openPlace];

  // A row outside the viewport is mounted first and takes the focus in a later effect.
  useEffect(() => {
    if (!wantsFocus.current) return;
    const id = rows[currentPlace]?.id;
    const link = scrollRef.current?.querySelector<HTMLElement>(`[data-conversation="${id}"]`);
    if (!link) return;
    wantsFocus.current = false;
    link.focus({ preventScroll: true });
    virtualizer.current?.scrollToIndex(currentPlace, { align: "nearest" });
  });

  function moveTo(index: number, step: 1 | -1) {
    let target = Math.min(rows.length - 1, Math.max(0, index));
    while (rows[target]?.isGone) target += step;
    const row = rows[target];
    if (row === undefined) return;
    wantsFocus.current = true;
    setCurrent({ id: row.id, openId });
  }

  useImperativeHandle(ref, () => ({ focusCurrent: () => moveTo(openPlace ?? 0, 1) }));
  useEffect(() => offerFocus("list", () => moveTo(currentPlace, 1)));

  // If the focused conversation leaves the list, the focus moves to the next row.
  const isCurrentGone = rows[currentPlace]?.isGone === true;
  useEffect(() => {
    const hasFocus = scrollRef.current?.contains(document.activeElement) === true;
    const next = rows.find(({ isGone }, index) => index > currentPlace && !isGone);
    if (!isCurrentGone || !hasFocus || next === undefined) return;
    wantsFocus.current = true;
    setCurrent({ id: next.id, openId });
  }, [isCurrentGone, currentPlace, rows, openId, scrollRef]);

  // A stable function, so that an event re-renders only the memoized rows that it changes.
  const handleOpen = useCallback(
    (opened: number) => {
      onOpen(opened);
      if (opened === openId) focusOn("composer");
    },
    [onOpen, openId],
  );

  function handleKeyDown(event: KeyboardEvent) {
    const { nativeEvent } = event;
    if (isKey(nativeEvent, "nextRow")) moveTo(currentPlace + 1, 1);
    else if (isKey(nativeEvent, "previousRow")) moveTo(currentPlace - 1, -1);
    else if (isKey(nativeEvent, "firstRow")) moveTo(0, 1);
    else if (isKey(nativeEvent, "lastRow")) moveTo(rows.length - 1, -1);
    else if (isKey(nativeEvent, "showKeys")) openKeySheet();
    else return;
    event.preventDefault();
  }

  return (
    <RowTotal value={rows.length}>
      {/* The handler moves the focus between the links inside. */}
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div onKeyDown={handleKeyDown}>
        <Virtualizer
          ref={virtualizer}
          as="ul"
          item={RowItem}
          itemSize={rowHeight()}
          keepMounted={keepMounted}
          scrollRef={scrollRef}
          data={rows}
        >
          {({ id, isGone }, index) => {
            const conversation = conversations.get(id);
            if (conversation === undefined || isGone) {
              return (
                <div key={id} className={rowStyles["gone"]}>
                  {t(conversation === undefined ? "inbox.row.gone_elsewhere" : "inbox.row.gone")}
                </div>
              );
            }
            return (
              <ConversationRow
                key={id}
                conversation={conversation}
                href={placePath(place, id)}
                isOpen={id === openId}
                hasDraft={(drafts.get(id)?.text ?? "") !== "" && id !== openId}
                isCurrent={index === currentPlace}
                now={now}
                onOpen={handleOpen}
              />
            );
          }}
        </Virtualizer>
      </div>
    </RowTotal>
  );
}

const RowTotal = createContext(0);

function RowItem({ style, index, children, ref }: CustomItemComponentProps) {
  const total = useContext(RowTotal);
  return (
    // virtua still types this reference as a legacy `Ref` of React 18.
    <li ref={ref as Ref<HTMLLIElement>} style={style} aria-setsize={total} aria-posinset={index + 1}>
      {children}
    </li>
  );
}

/** Returns the row height in pixels; it is a fixed value in rem. */
function rowHeight(): number {
  const root = getComputedStyle(document.documentElement);
  return Number.parseFloat(root.getPropertyValue("--row")) * Number.parseFloat(root.fontSize);
}
