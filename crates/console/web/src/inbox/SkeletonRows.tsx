import { useT } from "../i18n/i18n";
import { Skeleton } from "../ui/Skeleton";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import styles from "./ConversationList.module.css";

const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Placeholder rows of the final height. */
export function SkeletonRows() {
  const t = useT();
  return (
    <div role="status">
      <VisuallyHidden>{t("ui.loading")}</VisuallyHidden>
      {ROWS.map((row) => (
        <div key={row} className={styles["skeleton"]}>
          <Skeleton shape="circle" />
          <Skeleton shape="short" />
          <Skeleton shape="text" />
        </div>
      ))}
    </div>
  );
}
