import { useState, type FormEvent } from "react";

import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { transferConversation } from "../live/actions";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { TextField } from "../ui/TextField";
import { useAttempt } from "./DeliveryState";
import styles from "./Thread.module.css";

interface TransferDialogProps {
  conversation: Conversation;
  isOpen: boolean;
  onClose: () => void;
}

/** The dialog to transfer a conversation to another department, with a note for colleagues. */
export function TransferDialog({ conversation, isOpen, onClose }: TransferDialogProps) {
  const t = useT();
  return (
    <Dialog title={t("thread.transfer_title", { name: conversation.guest_name })} isOpen={isOpen} onClose={onClose}>
      <TransferForm conversation={conversation} onClose={onClose} />
    </Dialog>
  );
}

function TransferForm({ conversation, onClose }: Omit<TransferDialogProps, "isOpen">) {
  const t = useT();
  const attempt = useAttempt();
  const { id, department_id: present } = conversation;
  const departments = useStore((state) => state.directory.departments).filter(
    (department) => department.active && department.id !== present,
  );
  const [chosen, setChosen] = useState(departments[0]?.id ?? null);

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const target = departments.find((department) => department.id === chosen);
    if (target === undefined) return;
    const note = String(new FormData(event.currentTarget).get("note") ?? "").trim();
    onClose();
    await attempt(transferConversation(id, target.id, ...(note === "" ? [] : [note])));
  }

  if (departments.length === 0) return <p>{t("thread.transfer_empty")}</p>;
  return (
    <form onSubmit={(event) => void handleSubmit(event)}>
      <fieldset className={styles["fieldset"]}>
        <legend className={styles["legend"]}>{t("thread.transfer_to")}</legend>
        <div className={styles["departments"]}>
          {departments.map((department) => (
            <label key={department.id} className={styles["option"]}>
              <input
                type="radio"
                name="department"
                value={department.id}
                checked={chosen === department.id}
                onChange={() => setChosen(department.id)}
              />
              <bdi>{department.name}</bdi>
            </label>
          ))}
        </div>
      </fieldset>
      <TextField label={t("thread.transfer_note")} name="note" rows={2} maxLength={4096} />
      <DialogActions>
        <Button onPress={onClose}>{t("ui.cancel")}</Button>
        <Button type="submit" variant="primary">
          {t("thread.transfer_submit")}
        </Button>
      </DialogActions>
    </form>
  );
}
