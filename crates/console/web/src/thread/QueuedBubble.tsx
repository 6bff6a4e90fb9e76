import { Clock, Lock } from "lucide-react";

import { useLanguage, useT } from "../i18n/i18n";
import type { QueuedMessage } from "../offline-queue/entry";
import { confirmOld, discard, sendAgain, takeBack } from "../offline-queue/queue";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { formatTime } from "../ui/time";
import { useDelayed } from "../ui/useDelayed";
import styles from "./bubble.module.css";
import { useDraftActions } from "./useDraftActions";

/** Time in milliseconds after which a waiting message shows its state and can be edited or discarded. */
const SLOW_DELAY = 2_500;

/** The bubble of an entry of the offline queue. */
export function QueuedBubble({ entry }: { entry: QueuedMessage }) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const { content, ref, state } = entry;
  const isNote = content.kind === "note";
  return (
    <li className={`${styles["line"]} ${styles["ours"]} ${isNote ? styles["note"] : ""}`.trim()}>
      <div className={styles["bubble"]}>
        {content.kind === "file" && <p>{content.name}</p>}
        <p className={styles["text"]} dir="auto">
          {content.kind === "template" ? content.preview : content.text}
        </p>
        <p className={styles["meta"]}>
          {isNote && (
            <span className={styles["private"]}>
              <Lock size={12} aria-hidden />
              {t("thread.only_colleagues")}
            </span>
          )}
          <span>{t("thread.you")}</span>
          <time>{formatTime(new Date(entry.at).toISOString(), { locale, zone })}</time>
          <Clock size={14} aria-hidden />
        </p>
        {state.kind === "waiting" && <Waiting entry={entry} />}
        {state.kind === "old" && (
          <div className={styles["state"]}>
            <span>{t("thread.old", { time: formatTime(new Date(entry.at).toISOString(), { locale, zone }) })}</span>
            <Button small variant="primary" onPress={() => confirmOld(ref)}>
              {t("thread.send")}
            </Button>
            <EditAndDiscard entry={entry} />
          </div>
        )}
        {state.kind === "refused" && (
          <div className={`${styles["state"]} ${styles["failed"]}`}>
            <span dir="auto">{state.detail}</span>
            <Button small onPress={() => sendAgain(ref)}>
              {t("thread.try_again")}
            </Button>
            <EditAndDiscard entry={entry} />
          </div>
        )}
      </div>
    </li>
  );
}

function Waiting({ entry }: { entry: QueuedMessage }) {
  const t = useT();
  const isOffline = useStore((state) => state.connection.phase === "offline");
  const isSlow = useDelayed(true, SLOW_DELAY);
  if (!isSlow && !isOffline) return null;
  return (
    <div className={styles["state"]}>
      <span>{t(isOffline ? "thread.waits_connection" : "thread.sending")}</span>
      <EditAndDiscard entry={entry} />
    </div>
  );
}

function EditAndDiscard({ entry: { ref, conversation_id: id, content } }: { entry: QueuedMessage }) {
  const t = useT();
  const { editText } = useDraftActions(id);
  return (
    <>
      {(content.kind === "text" || content.kind === "note") && (
        <Button
          small
          variant="quiet"
          onPress={() => {
            const taken = takeBack(ref);
            if (taken?.kind === "text" || taken?.kind === "note") editText(taken.text, taken.kind === "note");
          }}
        >
          {t("thread.edit")}
        </Button>
      )}
      <Button small variant="quiet" onPress={() => discard(ref)}>
        {t("thread.discard")}
      </Button>
    </>
  );
}
