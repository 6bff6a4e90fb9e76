import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import styles from "./attachment.module.css";

/** A file that the server has not fetched yet, or that could not be loaded. */
export function FileFailed({ onRetry }: { onRetry: () => void }) {
  const t = useT();
  return (
    <p className={styles["failed"]}>
      {t("thread.file_failed")}
      <Button small onPress={onRetry}>
        {t("ui.try_again")}
      </Button>
    </p>
  );
}
