import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import styles from "./attachment.module.css";

/** The error below an attachment that could not be loaded, with a button to retry. */
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
