import { lazy, Suspense, useEffect } from "react";
import { useSearch } from "wouter";

import { useT } from "./i18n/i18n";
import styles from "./InboxPage.module.css";
import { QueueList } from "./inbox/QueueList";
import type { Place } from "./store/place";
import { FOUR_COLUMNS, TOUCH, TWO_PANES, useMediaQuery } from "./ui/useMediaQuery";

const loadPane = () => import("./ConversationPane");
const ConversationPane = lazy(loadPane);

interface InboxPageProps {
  place: Place;
  /** The open conversation. */
  openId: number | null;
}

/** The inbox: list, thread and guest card, side by side or, on telephones, one at a time. */
export function InboxPage({ place, openId }: InboxPageProps) {
  const t = useT();
  const hasTwoPanes = useMediaQuery(TWO_PANES);
  const hasCardColumn = useMediaQuery(FOUR_COLUMNS);
  const isTouch = useMediaQuery(TOUCH);
  const around = messageIn(useSearch());
  // Preloads the chunk before the first press on a row. A failure appears when the pane is rendered.
  useEffect(() => void loadPane().catch(() => undefined), []);
  return (
    <div className={`${styles["page"]} ${hasCardColumn && openId !== null ? styles["hasCard"] : ""}`.trim()}>
      {/* A role, because another element type would remount the list. */}
      <div
        className={styles["list"]}
        role={hasTwoPanes || openId !== null ? undefined : "main"}
        inert={!hasTwoPanes && openId !== null}
      >
        <QueueList place={place} openId={openId} />
      </div>
      {openId !== null && (
        <Suspense fallback={<main className={styles["thread"]} />}>
          {/* The key ties all state, above all the text box, to one conversation. */}
          <ConversationPane key={openId} place={place} openId={openId} around={around} hasCardColumn={hasCardColumn} />
        </Suspense>
      )}
      {openId === null && hasTwoPanes && (
        <main className={styles["none"]}>
          <p>{t("inbox.choose")}</p>
          {!isTouch && <p>{t("inbox.choose_hint")}</p>}
        </main>
      )}
    </div>
  );
}

/** Returns the message that the address names: `?around=1977`. */
function messageIn(search: string): number | null {
  const id = Number(new URLSearchParams(search).get("around"));
  return Number.isSafeInteger(id) && id > 0 ? id : null;
}
