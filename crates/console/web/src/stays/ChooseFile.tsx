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

/** Takes a file that is chosen, or dropped anywhere: beside its place it would replace the page. */
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
        acceptedFileTypes={[".csv", "text/csv"]}
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
        <code dir="ltr">reservation_code, guest_name, guest_phone, room_number, check_in, check_out</code>
      </p>
    </div>
  );
}
