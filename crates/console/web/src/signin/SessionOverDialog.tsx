import { useEffect, useRef, useState } from "react";

import { useT } from "../i18n/i18n";
import { SignInForm } from "./SignInForm";
import styles from "./signin.module.css";

/** The sign-in dialog over the page when the session is over. The page below keeps its state. */
export function SessionOverDialog({ username }: { username: string }) {
  const t = useT();
  const dialogRef = useRef<HTMLDialogElement>(null);
  const passwordRef = useRef<HTMLInputElement>(null);
  const [name, setName] = useState(username);

  useEffect(() => {
    const dialog = dialogRef.current;
    if (dialog === null) return;
    const before = document.activeElement;
    dialog.showModal();
    passwordRef.current?.focus();
    return () => {
      dialog.close();
      // Return the focus to the element that had it before.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  return (
    <dialog
      ref={dialogRef}
      className={styles["over"]}
      aria-labelledby="over-title"
      onCancel={(event) => event.preventDefault()}
    >
      <h2 id="over-title" className={styles["title"]}>
        {t("signin.over_title")}
      </h2>
      <p className={styles["lead"]}>{t("signin.over_text")}</p>
      <SignInForm username={name} onUsernameChange={setName} passwordRef={passwordRef} />
    </dialog>
  );
}
