import { useState } from "react";

import { createLabel, deleteLabel, listLabels, patchLabel } from "../api/hotel-calls";
import type { Label, LabelColour } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { DeleteQuestion } from "../records/DeleteQuestion";
import { FormEnd } from "../records/FormEnd";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { textOf, useForm } from "../records/useForm";
import { dispatch, useStore } from "../store/store";
import { LabelDot } from "../ui/LabelDot";
import { TextField } from "../ui/TextField";
import hotelStyles from "./hotel.module.css";
import styles from "./Labels.module.css";

const COLOURS: readonly LabelColour[] = [
  "red", "orange", "amber", "yellow", "green", "teal", "cyan", "blue", "indigo", "purple", "pink", "grey",
];

interface LabelDialogProps {
  /** Null for a new label. */
  label: Label | null;
  onClose: () => void;
}

export function LabelDialog({ label, onClose }: LabelDialogProps) {
  const t = useT();
  const { base, version, isStale, show } = useBase(label);
  return (
    <FormDialog title={base?.name ?? t("hotel.add_label")} onClose={onClose}>
      {isStale && <StaleStrip onShow={() => show(label)} />}
      <LabelForm key={version} label={base} onClose={onClose} />
    </FormDialog>
  );
}

function LabelForm({ label, onClose }: LabelDialogProps) {
  const t = useT();
  const [unused] = useState(useUnusedColour());
  const used = useStore(
    ({ conversations }) =>
      [...conversations.values()].filter(({ labels, status }) => status !== "closed" && labels.some(({ id }) => id === label?.id)).length,
  );
  const form = useForm(["name", "colour"], async (values) => {
    const next = {
      name: textOf(values, "name"),
      colour: COLOURS.find((each) => each === values.get("colour")) ?? unused,
    };
    if (label === null) await createLabel(next);
    else {
      const change = changesOf(label, next);
      if (Object.keys(change).length > 0) await patchLabel(label.id, change);
    }
    await leave();
  }, ["name"]);

  async function leave() {
    onClose();
    dispatch({ type: "directory", part: { labels: await listLabels() } });
  }

  return (
    <form className={hotelStyles["form"]} onSubmit={form.submit} noValidate>
      <TextField
        label={t("hotel.label_name")}
        name="name"
        autoComplete="off"
        maxLength={40}
        defaultValue={label?.name ?? ""}
        errors={form.errors["name"]}
        // Autofocus is expected, because the person has just pressed "Add".
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={label === null}
      />
      <fieldset className={hotelStyles["group"]}>
        <legend className={hotelStyles["legend"]}>{t("hotel.colour")}</legend>
        <div className={styles["colours"]}>
          {COLOURS.map((colour) => (
            <label key={colour} className={styles["colour"]}>
              <input type="radio" name="colour" value={colour} defaultChecked={colour === (label?.colour ?? unused)} />
              <LabelDot colour={colour} />
              {t(`hotel.colour.${colour}`)}
            </label>
          ))}
        </div>
        {form.errors["colour"] !== undefined && <p className={hotelStyles["error"]}>{form.errors["colour"].join(" ")}</p>}
      </fieldset>
      {label !== null && (
        <DeleteQuestion
          label={t("hotel.delete_label")}
          question={t("hotel.delete_label_effect", { count: used })}
          remove={async () => {
            await deleteLabel(label.id);
            await leave();
          }}
        />
      )}
      <FormEnd
        problem={form.problem}
        isPending={form.isPending}
        onCancel={onClose}
        {...(label === null && { submit: t("people.add") })}
      />
    </form>
  );
}

/** Returns the first colour without a label, for a new label. */
function useUnusedColour(): LabelColour {
  const labels = useStore((state) => state.directory.labels);
  return COLOURS.find((colour) => labels.every((each) => each.colour !== colour)) ?? "grey";
}
