import type { Message } from "../api/types";
import { useT } from "../i18n/i18n";
import { editHeldMessage } from "../live/actions";
import { FormDialog } from "../records/FormDialog";
import { FormEnd } from "../records/FormEnd";
import { textOf, useForm } from "../records/useForm";
import { TextField } from "../ui/TextField";

const MOST_CHARACTERS = 4096;

interface EditHeldDialogProps {
  message: Message;
  guestName: string;
  onClose: () => void;
}

/**
 * The dialog to change the text of a held message. The message keeps its position, and the composer its text. If the
 * message was sent meanwhile, the new text stays in the dialog, with the server's error.
 */
export default function EditHeldDialog({ message, guestName, onClose }: EditHeldDialogProps) {
  const t = useT();
  const form = useForm(["text"], async (values) => {
    const text = textOf(values, "text");
    if (text !== message.content) await editHeldMessage(message, text);
    onClose();
  }, ["text"]);
  return (
    <FormDialog title={t("thread.edit_held_title")} onClose={onClose}>
      <form onSubmit={form.submit} noValidate>
        <TextField
          label={t("thread.edit_held_text")}
          hint={t("thread.edit_held_hint", { name: guestName })}
          name="text"
          rows={5}
          defaultValue={message.content}
          maxLength={MOST_CHARACTERS}
          errors={form.errors["text"]}
          // Autofocus is expected, because the person has just pressed "Edit".
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
        />
        <FormEnd problem={form.problem} isPending={form.isPending} onCancel={onClose} />
      </form>
    </FormDialog>
  );
}
