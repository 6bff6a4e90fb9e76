import { useLanguage, useT } from "../i18n/i18n";
import styles from "./QueueCount.module.css";
import { VisuallyHidden } from "./VisuallyHidden";

interface QueueCountProps {
  /** Number of conversations; null if only waiting guests are counted. */
  total: number | null;
  /** Number of conversations whose guest waits. */
  waiting: number;
  /** One of them should have been answered. */
  isOverdue: boolean;
}

/** The numbers beside a queue: waiting guests in bold, red if one is overdue, and all conversations. */
export function QueueCount({ total, waiting, isOverdue }: QueueCountProps) {
  const t = useT();
  const { locale } = useLanguage();
  const format = new Intl.NumberFormat(locale);
  const words = [total !== null && t("frame.conversations", { count: total }), waiting > 0 && t("waiting.count", { count: waiting })];
  return (
    <span className={styles["count"]}>
      {waiting > 0 && (
        <span aria-hidden className={`${styles["waiting"]} ${isOverdue ? styles["overdue"] : ""}`.trim()}>
          {format.format(waiting)}
        </span>
      )}
      {total !== null && (
        <span aria-hidden className={styles["total"]}>
          {format.format(total)}
        </span>
      )}
      <VisuallyHidden>
        {words.filter(Boolean).join(", ")}
        {isOverdue && `, ${t("waiting.late")}`}
      </VisuallyHidden>
    </span>
  );
}
