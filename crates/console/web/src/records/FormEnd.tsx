import type { ReactNode } from "react";

import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { ProblemLine } from "../ui/Problem";
import { Framed } from "./Framed";
import styles from "./FormEnd.module.css";
import { useOffline } from "./useOffline";

interface FormEndProps {
  problem: string | null;
  isPending: boolean;
  submit?: string;
  onCancel?: () => void;
  /** Content at the start of the row: another button, or a status. */
  children?: ReactNode;
}

/** The end of a form: an error that belongs to no field, and the buttons. */
export function FormEnd({ problem, isPending, submit, onCancel, children }: FormEndProps) {
  const t = useT();
  const isOffline = useOffline();
  return (
    <div className={styles["end"]}>
      {problem !== null && (
        <Framed>
          <ProblemLine detail={problem} />
        </Framed>
      )}
      {isOffline && <p className={styles["offline"]}>{t("records.needs_connection")}</p>}
      <div className={styles["row"]}>
        <div className={styles["start"]}>{children}</div>
        {onCancel && <Button onPress={onCancel}>{t("ui.cancel")}</Button>}
        <Button type="submit" variant="primary" isPending={isPending} isDisabled={isOffline}>
          {submit ?? t("ui.save")}
        </Button>
      </div>
    </div>
  );
}
