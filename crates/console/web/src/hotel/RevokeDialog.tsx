import { deleteApiKey } from "../api/hotel-calls";
import type { ApiKey } from "../api/types";
import { useT } from "../i18n/i18n";
import { DeleteQuestion } from "../records/DeleteQuestion";
import { Dialog } from "../ui/Dialog";
import styles from "./hotel.module.css";

interface RevokeDialogProps {
  entry: ApiKey;
  onRevoked: () => void;
  onClose: () => void;
}

/** The dialog of an API key, which can be revoked but not changed. */
export function RevokeDialog({ entry, onRevoked, onClose }: RevokeDialogProps) {
  const t = useT();
  return (
    <Dialog title={entry.name} isOpen onClose={onClose}>
      <div className={styles["form"]}>
        <p className={styles["note"]}>{t("hotel.api_key_rights")}</p>
        <DeleteQuestion
          label={t("hotel.revoke_api_key")}
          question={t("hotel.revoke_api_key_effect")}
          remove={async () => {
            await deleteApiKey(entry.id);
            onClose();
            onRevoked();
          }}
        />
      </div>
    </Dialog>
  );
}
