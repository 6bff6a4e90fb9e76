import { useState } from "react";

import { useT } from "../i18n/i18n";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { copyText } from "../ui/clipboard";
import { DialogActions } from "../ui/Dialog";
import styles from "./hotel.module.css";

export interface NewPassword {
  readonly name: string;
  readonly username: string;
  readonly password: string;
}

/** A generated password, shown once. The server stores only its hash. */
export function PasswordShown({ password: made, onClose }: { password: NewPassword; onClose: () => void }) {
  const t = useT();
  const [isCopied, setCopied] = useState(false);
  return (
    <div className={styles["form"]}>
      <p>{t("people.password_once", { name: isolate(made.name) })}</p>
      <dl className={styles["facts"]}>
        <dt>{t("people.username")}</dt>
        <dd>
          <bdi>{made.username}</bdi>
        </dd>
      </dl>
      <div className={styles["password"]}>
        <code className={styles["secret"]} dir="ltr">
          {made.password}
        </code>
        <Button onPress={() => void copyText(made.password).then(() => setCopied(true))}>
          {t("people.copy")}
        </Button>
        <span role="status">{isCopied && t("people.copied")}</span>
      </div>
      <p className={styles["hint"]}>{t("people.password_first", { name: isolate(made.name) })}</p>
      <DialogActions>
        <Button variant="primary" onPress={onClose}>
          {t("people.password_done")}
        </Button>
      </DialogActions>
    </div>
  );
}
