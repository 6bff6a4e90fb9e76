import { Download } from "lucide-react";

import { useT } from "../i18n/i18n";
import { saveFile } from "../records/save-file";
import { Button } from "../ui/Button";
import { excerptCsv } from "./csv";
import type { CheckedFile } from "./ImportDialog";
import { countRows, faultsOf } from "./import-rows";
import { fieldName } from "./ImportPreview";
import styles from "./ImportDialog.module.css";

/** The last step of an import: its result, and the failed rows as a file to correct and import again. */
export function ImportResult({ imported }: { imported: CheckedFile }) {
  const t = useT();
  const { rows, table, file } = imported;
  const counts = countRows(rows);

  function download() {
    if (table === null) return;
    const failed = rows
      .filter(({ result }) => result === "failed")
      .map((row) => ({ row: row.row, error: faultsOf(row, (field) => fieldName(field, t)) }));
    const content = new Blob([excerptCsv(table, failed, "error")], { type: "text/csv" });
    saveFile(content, `${file.name.replace(/\.csv$/i, "")}-errors.csv`);
  }

  return (
    <>
      <p role="status" className={styles["result"]}>
        {t("stays.import_done", { ...counts })}
      </p>
      {counts.failed > 0 && table !== null && (
        <div>
          <Button onPress={download}>
            <Download size={16} aria-hidden />
            {t("stays.import_download", { count: counts.failed })}
          </Button>
        </div>
      )}
      <p className={styles["hint"]}>{t("stays.import_again")}</p>
    </>
  );
}
