import { Link } from "wouter";

import { useT } from "../i18n/i18n";
import { placePath, type Place } from "../store/place";
import { counts, isAnyoneWaiting, QUEUES } from "../store/queues";
import { useStore } from "../store/store";
import { QueueCount } from "../ui/QueueCount";
import { useMinute } from "../ui/useMinute";
import styles from "./ConversationList.module.css";

/** The links to the queues on telephones, in one line that scrolls sideways. */
export function QueueChips({ place }: { place: Place }) {
  const t = useT();
  const counted = useStore(counts);
  const isLoaded = useStore((state) => state.cursor !== null);
  const now = useMinute(useStore(isAnyoneWaiting));
  return (
    <nav className={styles["chips"]} aria-label={t("frame.queues")}>
      {QUEUES.map((queue) => {
        const { rows, waiting, nextDue } = counted[queue];
        const isCurrent = place.queue === queue && place.department === null;
        return (
          <Link
            key={queue}
            ref={isCurrent ? showChip : null}
            href={placePath({ queue, department: null })}
            className={styles["chip"]}
            aria-current={isCurrent ? "page" : undefined}
          >
            {t(`frame.queue.${queue}`)}
            {isLoaded && <QueueCount total={queue === "done" ? null : rows} waiting={waiting} isOverdue={nextDue <= now} />}
          </Link>
        );
      })}
    </nav>
  );
}

/** Scrolls the current chip into the viewport. */
function showChip(chip: HTMLAnchorElement | null): void {
  chip?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
