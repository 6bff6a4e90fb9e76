import {
  createContext,
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

/** The virtual list. Only rows in view, the open one and the one with the focus are in the page. */
export function ConversationRows({ place, rows, openId, scrollRef, onOpen, ref }: ConversationRowsProps) {
  const t = useT();
  const now = useMinute();
  const conversations = useStore((state) => state.conversations);
  const drafts = useStore((state) => state.drafts);
  const virtualizer = useRef<VirtualizerHandle>(null);
  /** The row that arrow keys start from; Tab reaches this one alone. */
  const [current, setCurrent] = useState({ id: openId, openId });
  if (current.openId !== openId) setCurrent({ id: openId ?? current.id, openId });
  const currentId = current.id;
  const wantsFocus = useRef(false);

  const places = useMemo(() => new Map(rows.map(({ id }, index) => [id, index])), [rows]);
  const openPlace = openId === null ? undefined : places.get(openId);
  const currentPlace = (currentId === null ? undefined : places.get(currentId)) ?? openPlace ?? 0;
  const keepMounted = openPlace === undefined ? [currentPlace] : [currentPlace, openPlace];

  // A row that is far away is mounted first and takes the focus then.
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

  // The focused conversation has left: the focus goes to the next row.
  const isCurrentGone = rows[currentPlace]?.isGone === true;
  useEffect(() => {
    const hasFocus = scrollRef.current?.contains(document.activeElement) === true;
    const next = rows.find(({ isGone }, index) => index > currentPlace && !isGone);
    if (!isCurrentGone || !hasFocus || next === undefined) return;
    wantsFocus.current = true;
    setCurrent({ id: next.id, openId });
  }, [isCurrentGone, currentPlace, rows, openId, scrollRef]);

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
      {/* Arrow keys move between the links of the list. */}
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
                onOpen={(opened) => {
                  onOpen(opened);
                  if (opened === openId) focusOn("composer");
                }}
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
    // virtua's types still name the legacy references of React 18.
    <li ref={ref as Ref<HTMLLIElement>} style={style} aria-setsize={total} aria-posinset={index + 1}>
      {children}
    </li>
  );
}

/** In pixels; rows have one fixed height in rem. */
function rowHeight(): number {
  const root = getComputedStyle(document.documentElement);
  return Number.parseFloat(root.getPropertyValue("--row")) * Number.parseFloat(root.fontSize);
}
