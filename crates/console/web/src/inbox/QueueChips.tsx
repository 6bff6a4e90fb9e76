import { Link } from "wouter";

import { useLanguage, useT } from "../i18n/i18n";
import { placePath, type Place } from "../store/place";
import { counts, QUEUES } from "../store/queues";
import { useStore } from "../store/store";
import styles from "./ConversationList.module.css";

/** The links to the queues on telephones, in one line that scrolls sideways. */
export function QueueChips({ place }: { place: Place }) {
  const t = useT();
  const { locale } = useLanguage();
  const counted = useStore(counts);
  const isLoaded = useStore((state) => state.cursor !== null);
  return (
    <nav className={styles["chips"]} aria-label={t("frame.queues")}>
      {QUEUES.map((queue) => {
        const count = queue === "done" || !isLoaded ? null : counted[queue];
        const isCurrent = place.queue === queue && place.department === null;
        return (
          <Link
            key={queue}
            ref={isCurrent ? showChip : null}
            href={placePath({ queue, department: null })}
            className={`${styles["chip"]} ${count !== null && count.unread > 0 ? styles["hasUnread"] : ""}`.trim()}
            aria-current={isCurrent ? "page" : undefined}
          >
            {t(`frame.queue.${queue}`)}
            {count && <span>{new Intl.NumberFormat(locale).format(count.rows)}</span>}
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
