import { useRef, useState, type FormEvent } from "react";

import { ApiError } from "../api/problem";
import { useT } from "../i18n/i18n";
import { changePassword } from "../session/session";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { TextField } from "../ui/TextField";
import styles from "./MeScreen.module.css";
import { Section } from "./Section";

type FieldErrors = Partial<Record<"current_password" | "new_password", readonly string[]>>;

/** The form for a new password. A change ends the person's sessions on other devices. */
export function PasswordSection() {
  const t = useT();
  const [errors, setErrors] = useState<FieldErrors>({});
  const [status, setStatus] = useState<string | null>(null);
  const [isPending, setPending] = useState(false);
  const currentRef = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const newRef = useRef<HTMLInputElement & HTMLTextAreaElement>(null);

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isPending) return;
    const form = event.currentTarget;
    const values = new FormData(form);
    setPending(true);
    setErrors({});
    setStatus(null);
    try {
      await changePassword(String(values.get("new") ?? ""), String(values.get("current") ?? ""));
      form.reset();
      setStatus(t("me.password_changed"));
    } catch (error) {
      refuse(error);
    } finally {
      setPending(false);
    }
  }

  function refuse(error: unknown) {
    const refused: FieldErrors = (error instanceof ApiError && error.problem.errors) || {};
    if (refused.current_password === undefined && refused.new_password === undefined) {
      setStatus(sentenceOf(error, t));
      return;
    }
    setErrors(refused);
    (refused.current_password ? currentRef : newRef).current?.focus();
  }

  return (
    <Section title={t("me.password")}>
      <form className={styles["form"]} onSubmit={(event) => void handleSubmit(event)} noValidate>
        <TextField
          label={t("me.password_current")}
          name="current"
          type="password"
          autoComplete="current-password"
          errors={errors.current_password}
          ref={currentRef}
        />
        <TextField
          label={t("me.password_new")}
          hint={t("me.password_hint")}
          name="new"
          type="password"
          autoComplete="new-password"
          errors={errors.new_password}
          ref={newRef}
        />
        <div className={styles["actions"]}>
          <Button type="submit" variant="primary" isPending={isPending}>
            {t("me.password_change")}
          </Button>
          <span role="status">{status}</span>
        </div>
      </form>
    </Section>
  );
}
