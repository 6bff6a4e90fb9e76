import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { cancelStay, checkIn, checkOut, recordNoShow, reinstateStay } from "../api/hotel-calls";
import type { Stay } from "../api/types";
import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { isolate } from "../ui/Bidi";
import { Dialog, DialogActions } from "../ui/Dialog";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import type { StayStep } from "./stay-words";
import styles from "./stays.module.css";

const CALLS: Record<StayStep, (id: number) => Promise<Stay>> = {
  check_in: checkIn,
  check_out: checkOut,
  cancel: cancelStay,
  no_show: recordNoShow,
  reinstate: reinstateStay,
};

interface StepDialogProps {
  /** As it was asked: an event may change the stay under the question. */
  step: StayStep;
  stay: Stay;
  onClose: () => void;
}

/** Asks before a step: a check-in or check-out cannot be taken back, and a check-out writes to the guest. */
export function StepDialog({ step, stay, onClose }: StepDialogProps) {
  const t = useT();
  const queries = useQueryClient();
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function run() {
    setPending(true);
    setProblem(null);
    try {
      await CALLS[step](stay.id);
      void queries.invalidateQueries({ queryKey: ["stays"] });
      onClose();
    } catch (error) {
      setProblem(sentenceOf(error, t));
      setPending(false);
    }
  }

  return (
    <Dialog title={t(`stays.${step}`)} isOpen onClose={onClose} isAlert>
      <div className={styles["form"]}>
        <p>
          {stay.room_number === null || step === "reinstate" || step === "cancel"
            ? t(`stays.${step}_question_without_room`, { name: isolate(stay.guest_name) })
            : t(`stays.${step}_question`, { name: isolate(stay.guest_name), room: isolate(stay.room_number) })}
        </p>
        <p className={styles["hint"]}>{t(`stays.${step}_effect`)}</p>
        {problem !== null && <ProblemLine detail={problem} />}
      </div>
      <DialogActions>
        <Button onPress={onClose}>{t("ui.cancel")}</Button>
        {/* The person has just pressed a button with this name. */}
        {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
        <Button variant="primary" isPending={isPending} onPress={() => void run()} autoFocus>
          {t(`stays.${step}`)}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
