import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { importStays } from "../api/hotel-calls";
import type { ImportRow } from "../api/types";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { ChooseFile } from "./ChooseFile";
import { parseCsv, type CsvTable } from "./csv";
import { countRows } from "./import-rows";
import { ImportPreview } from "./ImportPreview";
import { ImportResult } from "./ImportResult";
import styles from "./ImportDialog.module.css";

/** Maximum file size that the server accepts. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface CheckedFile {
  readonly file: File;
  /** The parsed file, for guests and rooms in the preview; null if the browser cannot parse it. */
  readonly table: CsvTable | null;
  readonly rows: readonly ImportRow[];
}

const STEPS = ["file", "check", "result"] as const;

/**
 * The dialog to import stays, in three steps: file, check, result. Nothing is stored before the person has confirmed
 * the check.
 */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const [checked, setChecked] = useState<CheckedFile | null>(null);
  const [imported, setImported] = useState<CheckedFile | null>(null);
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const step = imported !== null ? "result" : checked !== null ? "check" : "file";

  async function attempt(run: () => Promise<void>) {
    setPending(true);
    setProblem(null);
    try {
      await run();
    } catch (error) {
      setProblem(sentenceOf(error, t));
    } finally {
      setPending(false);
    }
  }

  function check(file: File) {
    if (file.size > MAX_BYTES) {
      setProblem(t("stays.import_too_large"));
      return;
    }
    void attempt(async () => {
      const [text, { rows }] = await Promise.all([file.text(), importStays(file, true)]);
      setChecked({ file, table: parseCsv(text), rows });
    });
  }

  function store({ file, table }: CheckedFile) {
    void attempt(async () => {
      const { rows } = await importStays(file, false);
      setImported({ file, table, rows });
      void queries.invalidateQueries({ queryKey: ["stays"] });
    });
  }

  function startAgain() {
    setChecked(null);
    setImported(null);
    setProblem(null);
  }

  const rowsToStore = checked === null ? 0 : checked.rows.length - countRows(checked.rows).failed;
  return (
    <Dialog title={t("stays.import_title")} isOpen onClose={onClose} shape="wide" isAlert={isPending}>
      <div className={styles["steps"]}>
        <ol className={styles["path"]}>
          {STEPS.map((each) => (
            <li key={each} className={styles["step"]} aria-current={each === step ? "step" : undefined}>
              {t(`stays.import_step.${each}`)}
            </li>
          ))}
        </ol>
        {problem !== null && <ProblemLine detail={problem} />}
        {step === "file" && <ChooseFile isPending={isPending} isDisabled={isOffline} onFile={check} />}
        {step === "check" && checked !== null && <ImportPreview checked={checked} />}
        {imported !== null && <ImportResult imported={imported} />}
      </div>
      <DialogActions>
        {step !== "file" && (
          <Button isDisabled={isPending} onPress={startAgain}>
            {t("stays.import_other")}
          </Button>
        )}
        {step === "check" && checked !== null && rowsToStore > 0 && (
          <Button variant="primary" isPending={isPending} isDisabled={isOffline} onPress={() => store(checked)}>
            {t("stays.import_rows", { count: rowsToStore })}
          </Button>
        )}
        {step === "result" && (
          <Button variant="primary" onPress={onClose}>
            {t("ui.close")}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
