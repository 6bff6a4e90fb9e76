import { useState } from "react";

import { useLanguage, useT } from "../i18n/i18n";
import { FormDialog } from "../records/FormDialog";
import { FormEnd } from "../records/FormEnd";
import { textOf, useForm } from "../records/useForm";
import { useStore } from "../store/store";
import { TextField } from "../ui/TextField";
import { formatTime } from "../ui/time";
import { atWallClock, inAnHour, timeRange, wallClock } from "./send-times";

const MOST_CHARACTERS = 4096;

interface TimeDialogProps {
  title: string;
  submit: string;
  /** The present time of the message; without it an hour from now. */
  at?: number;
  /** The present text, if it can be changed. */
  text?: string;
  /** Gets the chosen time, null if it stays, and the text. */
  onSave: (chosen: { readonly at: number | null; readonly text: string }) => Promise<void>;
  onClose: () => void;
}

/** The dialog that asks for the time of a message, by the hotel's clock, and for its text. */
export default function TimeDialog({ title, submit, at, text, onSave, onClose }: TimeDialogProps) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const [openedAt] = useState(() => Date.now());
  const before = wallClock(at ?? inAnHour(openedAt), zone);
  const form = useForm(
    ["send_at", "text"],
    async (values) => {
      const wall = textOf(values, "send_at");
      const isSame = at !== undefined && wall === before;
      await onSave({ at: isSame ? null : atWallClock(wall, zone), text: textOf(values, "text") });
      onClose();
    },
    text === undefined ? ["send_at"] : ["send_at", "text"],
  );
  return (
    <FormDialog title={title} onClose={onClose}>
      <form onSubmit={form.submit} noValidate>
        <TextField
          label={t("later.time")}
          hint={t("later.hotel_time", { time: formatTime(new Date(openedAt).toISOString(), { locale, zone }) })}
          name="send_at"
          type="datetime-local"
          defaultValue={before}
          {...timeRange(openedAt, zone)}
          errors={form.errors["send_at"]}
          // Autofocus is expected, because the person has just asked for another time.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
        />
        {text !== undefined && (
          <TextField
            label={t("later.text")}
            name="text"
            rows={4}
            defaultValue={text}
            maxLength={MOST_CHARACTERS}
            errors={form.errors["text"]}
          />
        )}
        <FormEnd problem={form.problem} isPending={form.isPending} submit={submit} onCancel={onClose} />
      </form>
    </FormDialog>
  );
}
