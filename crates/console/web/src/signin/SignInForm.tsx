import { useRef, useState, type FormEvent, type RefObject } from "react";

import { useT } from "../i18n/i18n";
import { signIn } from "../session/session";
import { buttonClass } from "../ui/button-class";
import fieldStyles from "../ui/field.module.css";
import { PasswordField } from "./PasswordField";
import { fieldOf, refusalOf, type Refusal } from "./refusal";
import { RefusalText } from "./RefusalText";
import styles from "./signin.module.css";

interface SignInFormProps {
  username: string;
  onUsernameChange: (username: string) => void;
  /** Shown before the first attempt: the reason why the session cookie was not usable. */
  initialRefusal?: Refusal | null;
  passwordRef: RefObject<HTMLInputElement | null>;
}

/** The form with user name and password, used by the sign-in screen and by `SessionOverDialog`. */
export function SignInForm({ username, onUsernameChange, initialRefusal = null, passwordRef }: SignInFormProps) {
  const t = useT();
  const [refusal, setRefusal] = useState<Refusal | null>(initialRefusal);
  const [isPending, setPending] = useState(false);
  const nameRef = useRef<HTMLInputElement>(null);

  function refuse(next: Refusal) {
    setRefusal(next);
    (fieldOf(next) === "name" ? nameRef : passwordRef).current?.focus();
  }

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isPending) return;
    const form = new FormData(event.currentTarget);
    const password = String(form.get("password") ?? "");
    if (username.trim() === "") return refuse({ kind: "missing_name" });
    if (password === "") return refuse({ kind: "missing_password" });
    setPending(true);
    setRefusal(null);
    try {
      await signIn(username, password, form.get("shared") === null);
    } catch (error) {
      refuse(refusalOf(error, Date.now()));
    } finally {
      setPending(false);
    }
  }

  const field = refusal && fieldOf(refusal);
  return (
    <form className={styles["form"]} onSubmit={(event) => void handleSubmit(event)} noValidate>
      <div className={styles["field"]}>
        <label htmlFor="signin-name">{t("signin.name")}</label>
        <input
          id="signin-name"
          ref={nameRef}
          name="username"
          className={fieldStyles["input"]}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={200}
          value={username}
          onChange={(event) => onUsernameChange(event.target.value)}
          aria-invalid={field === "name"}
          aria-describedby={field === "name" ? "signin-refusal" : undefined}
        />
      </div>
      <PasswordField
        id="signin-password"
        name="password"
        label={t("signin.password")}
        autoComplete="current-password"
        ref={passwordRef}
        isInvalid={field === "password"}
        describedBy={field === "password" ? "signin-refusal" : undefined}
      />
      <label className={styles["shared"]}>
        <input type="checkbox" name="shared" aria-describedby="signin-shared" />
        <span>
          {t("signin.shared")}
          <span id="signin-shared" className={styles["hint"]}>
            {t("signin.shared_hint")}
          </span>
        </span>
      </label>
      {refusal && <RefusalText id="signin-refusal" refusal={refusal} />}
      <button type="submit" className={buttonClass("primary")} aria-disabled={isPending}>
        {isPending ? t("signin.checking") : t("signin.submit")}
      </button>
    </form>
  );
}
