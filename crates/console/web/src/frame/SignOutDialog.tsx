import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";

interface SignOutDialogProps {
  /** Number of messages in the offline queue. */
  count: number;
  onCancel: () => void;
  onSignOut: () => void;
}

export default function SignOutDialog({ count, onCancel, onSignOut }: SignOutDialogProps) {
  const t = useT();
  return (
    <Dialog title={t("frame.sign_out_title")} isOpen onClose={onCancel} isAlert>
      <p>{t("frame.sign_out_text", { count })}</p>
      <DialogActions>
        <Button onPress={onCancel}>{t("ui.cancel")}</Button>
        <Button variant="primary" onPress={onSignOut}>
          {t("frame.sign_out")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
