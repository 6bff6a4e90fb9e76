import { FileTrigger } from "react-aria-components/FileTrigger";

import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import styles from "./ImportDialog.module.css";
import { useFileDrop } from "./useFileDrop";

interface ChooseFileProps {
  isPending: boolean;
  isDisabled: boolean;
  onFile: (file: File) => void;
}

/**
 * The first step of an import: choose a file, or drop it anywhere on the page. By default the browser would open a
 * dropped file.
 */
export function ChooseFile({ isPending, isDisabled, onFile }: ChooseFileProps) {
  const t = useT();
  const isOver = useFileDrop((file) => {
    if (!isPending && !isDisabled) onFile(file);
  });

  return (
    <div
      className={`${styles["drop"]} ${isOver ? styles["over"] : ""}`}
      role="group"
      aria-label={t("stays.import_title")}
    >
      <FileTrigger
        acceptedFileTypes={[".csv", ".tsv", ".txt", "text/csv", "text/tab-separated-values"]}
        onSelect={(files) => {
          const [file] = files ?? [];
          if (file !== undefined) onFile(file);
        }}
      >
        <Button variant="primary" isPending={isPending} isDisabled={isDisabled}>
          {t("stays.import_choose")}
        </Button>
      </FileTrigger>
      <p role="status">{t(isPending ? "stays.import_checking" : "stays.import_drop")}</p>
      <p className={styles["hint"]}>
        {t("stays.import_columns")}{" "}
        <code dir="ltr">reservation_code, guest_name, guest_phone, room_number, check_in, check_out</code>{" "}
        {t("stays.import_more_columns")} <code dir="ltr">status, part, email, language, note</code>
      </p>
    </div>
  );
}
