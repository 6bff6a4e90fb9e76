import { useState, type FormEvent } from "react";

import type { Conversation } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/TextField";
import { dayOf, formatSoon } from "../ui/time";
import { addDays } from "../ui/zoned-time";
import { chosenTime, snoozeChoices } from "./snooze-choices";
import styles from "./Snooze.module.css";
import { useSnooze } from "./useSnooze";

interface SnoozeDialogProps {
  conversation: Conversation;
  isOpen: boolean;
  onClose: () => void;
}

/** The dialog to hide a conversation until a time. */
export function SnoozeDialog({ conversation, isOpen, onClose }: SnoozeDialogProps) {
  const t = useT();
  return (
    <Dialog title={t("snooze.title", { name: conversation.guest_name })} isOpen={isOpen} onClose={onClose}>
      <SnoozeForm conversation={conversation} onClose={onClose} />
    </Dialog>
  );
}

function SnoozeForm({ conversation, onClose }: Omit<SnoozeDialogProps, "isOpen">) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const [now] = useState(() => Date.now());
  const [problem, setProblem] = useState<string | null>(null);
  const { snooze } = useSnooze();
  const today = dayOf(now, zone);

  function choose(until: number) {
    onClose();
    void snooze(conversation, until);
  }

  function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const chosen = chosenTime(String(values.get("day")), String(values.get("time")), Date.now(), zone);
    if ("problem" in chosen) setProblem(t(`snooze.${chosen.problem}`));
    else choose(chosen.until);
  }

  return (
    <div className={styles["content"]}>
      <p className={styles["hint"]}>{t("snooze.hint")}</p>
      <div className={styles["choices"]}>
        {snoozeChoices(now, zone).map(({ name, until }) => (
          <Button key={name} onPress={() => choose(until)}>
            <span>{t(`snooze.${name}`)}</span>
            <span className={styles["time"]}>{formatSoon(new Date(until).toISOString(), now, { locale, zone })}</span>
          </Button>
        ))}
      </div>
      <form onSubmit={handleSubmit} noValidate>
        <fieldset className={styles["other"]}>
          <legend className={styles["legend"]}>{t("snooze.other")}</legend>
          <div className={styles["fields"]}>
            <TextField label={t("snooze.day")} name="day" type="date" defaultValue={addDays(today, 1)} />
            <TextField label={t("snooze.time")} name="time" type="time" defaultValue="08:00" />
            <Button type="submit" variant="primary">
              {t("snooze.submit")}
            </Button>
          </div>
          {problem !== null && (
            <p className={styles["problem"]} role="alert">
              {problem}
            </p>
          )}
        </fieldset>
      </form>
    </div>
  );
}
