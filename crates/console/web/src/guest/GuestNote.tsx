import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { patchGuest } from "../api/calls";
import type { Guest } from "../api/types";
import { useT } from "../i18n/i18n";
import { handlesStays } from "../store/rights";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { TextField } from "../ui/TextField";
import styles from "./GuestCard.module.css";

/** The note about the guest for colleagues, such as allergies. Managers and stay handlers can edit it. */
export function GuestNote({ guest }: { guest: Guest }) {
  const t = useT();
  const [isEditing, setEditing] = useState(false);
  const canEdit = useStore(handlesStays);
  const note = guest.note ?? "";
  if (note === "" && !canEdit) return null;
  return (
    <section className={styles["section"]}>
      <h3 className={styles["heading"]}>{t("guest.note")}</h3>
      {isEditing ? (
        <NoteForm guest={guest} onClose={() => setEditing(false)} />
      ) : (
        <>
          {note === "" ? (
            <p className={styles["muted"]}>{t("guest.note_empty")}</p>
          ) : (
            <p className={styles["noteText"]} dir="auto">
              {note}
            </p>
          )}
          {canEdit && (
            <div className={styles["actions"]}>
              <Button small onPress={() => setEditing(true)}>
                {t(note === "" ? "guest.note_add" : "guest.note_edit")}
              </Button>
            </div>
          )}
        </>
      )}
    </section>
  );
}

function NoteForm({ guest, onClose }: { guest: Guest; onClose: () => void }) {
  const t = useT();
  const queries = useQueryClient();
  const [problem, setProblem] = useState<string | null>(null);

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const note = String(new FormData(event.currentTarget).get("note") ?? "").trim();
    try {
      queries.setQueryData(["guest", guest.id], await patchGuest(guest.id, { note: note === "" ? null : note }));
      onClose();
    } catch (error) {
      setProblem(sentenceOf(error, t));
    }
  }

  return (
    <form className={styles["noteForm"]} onSubmit={(event) => void handleSubmit(event)}>
      <TextField
        label={t("guest.note_label")}
        name="note"
        rows={4}
        maxLength={2000}
        defaultValue={guest.note ?? ""}
        errors={problem === null ? [] : [problem]}
        // Autofocus is expected, because the person has just pressed Edit.
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
      />
      <div className={styles["actions"]}>
        <Button small type="submit" variant="primary">
          {t("ui.save")}
        </Button>
        <Button small onPress={onClose}>
          {t("ui.cancel")}
        </Button>
      </div>
    </form>
  );
}
