import { useEffect, useRef, useState, type FormEvent } from "react";

import { ApiError } from "../api/problem";
import { useT } from "../i18n/i18n";
import { changePassword, signOut } from "../session/session";
import { buttonClass } from "../ui/button-class";
import { PasswordField } from "./PasswordField";
import { refusalOf, type Refusal } from "./refusal";
import { RefusalText } from "./RefusalText";
import styles from "./signin.module.css";

interface NewPasswordScreenProps {
  username: string;
  /** The current password was just typed; otherwise the form asks for it too. */
  passwordKnown: boolean;
}

/** The screen for a password set by a manager: nothing else is possible before it is changed. */
export function NewPasswordScreen({ username, passwordKnown }: NewPasswordScreenProps) {
  const t = useT();
  const [refusal, setRefusal] = useState<{ field: "current" | "new"; reason: Refusal } | null>(null);
  const [isPending, setPending] = useState(false);
  const currentRef = useRef<HTMLInputElement>(null);
  const newRef = useRef<HTMLInputElement>(null);

  // The focus may move, because this screen is the result of the person's own sign-in.
  useEffect(() => (passwordKnown ? newRef : currentRef).current?.focus(), [passwordKnown]);

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isPending) return;
    const form = new FormData(event.currentTarget);
    setPending(true);
    setRefusal(null);
    try {
      const current = form.get("current");
      await changePassword(String(form.get("new") ?? ""), ...(typeof current === "string" ? [current] : []));
    } catch (error) {
      const next = refusalOfChange(error);
      setRefusal(next);
      (next.field === "current" ? currentRef : newRef).current?.focus();
    } finally {
      setPending(false);
    }
  }

  return (
    <div className={styles["scroll"]}>
      <main className={styles["screen"]}>
        <div className={styles["card"]}>
          <h1 className={styles["title"]}>{t("signin.new_title")}</h1>
          <p className={styles["lead"]}>{t("signin.new_text")}</p>
          <form className={styles["form"]} onSubmit={(event) => void handleSubmit(event)} noValidate>
            {/* Password managers store the new password under this name. */}
            <input type="hidden" name="username" autoComplete="username" value={username} />
            {!passwordKnown && (
              <PasswordField
                id="current"
                name="current"
                label={t("signin.current_password")}
                autoComplete="current-password"
                ref={currentRef}
                isInvalid={refusal?.field === "current"}
                describedBy={refusal?.field === "current" ? "refusal" : undefined}
              />
            )}
            <PasswordField
              id="new"
              name="new"
              label={t("signin.new_password")}
              autoComplete="new-password"
              ref={newRef}
              isInvalid={refusal?.field === "new"}
              describedBy={refusal?.field === "new" ? "refusal" : "new-hint"}
            />
            <p id="new-hint" className={styles["hint"]}>
              {t("signin.new_hint")}
            </p>
            {refusal && <RefusalText id="refusal" refusal={refusal.reason} />}
            <button type="submit" className={buttonClass("primary")} aria-disabled={isPending}>
              {t("signin.new_submit")}
            </button>
            <button type="button" className={buttonClass("quiet")} onClick={() => void signOut()}>
              {t("signin.sign_out")}
            </button>
          </form>
        </div>
      </main>
    </div>
  );
}

function refusalOfChange(error: unknown): { field: "current" | "new"; reason: Refusal } {
  if (error instanceof ApiError) {
    const { errors } = error.problem;
    const [current, next] = [errors?.["current_password"], errors?.["new_password"]];
    if (current) return { field: "current", reason: { kind: "other", detail: current.join(" ") } };
    if (next) return { field: "new", reason: { kind: "other", detail: next.join(" ") } };
  }
  return { field: "new", reason: refusalOf(error, Date.now()) };
}
