import { Eye, EyeOff } from "lucide-react";
import { useState, type Ref } from "react";

import { useT } from "../i18n/i18n";
import fieldStyles from "../ui/field.module.css";
import styles from "./signin.module.css";

interface PasswordFieldProps {
  id: string;
  name: string;
  label: string;
  autoComplete: "current-password" | "new-password";
  isInvalid?: boolean;
  describedBy?: string | undefined;
  ref?: Ref<HTMLInputElement>;
}

/** A password field with a button that shows the password. */
export function PasswordField({ id, name, label, autoComplete, isInvalid = false, describedBy, ref }: PasswordFieldProps) {
  const t = useT();
  const [isShown, setShown] = useState(false);
  return (
    <div className={styles["field"]}>
      <label htmlFor={id}>{label}</label>
      <div className={styles["passwordLine"]}>
        <input
          id={id}
          ref={ref}
          name={name}
          type={isShown ? "text" : "password"}
          className={fieldStyles["input"]}
          autoComplete={autoComplete}
          autoCapitalize="none"
          spellCheck={false}
          aria-invalid={isInvalid}
          aria-describedby={describedBy}
        />
        <button
          type="button"
          className={styles["reveal"]}
          aria-label={t("signin.show_password")}
          aria-pressed={isShown}
          onClick={() => setShown(!isShown)}
        >
          {isShown ? <EyeOff size={18} aria-hidden /> : <Eye size={18} aria-hidden />}
        </button>
      </div>
    </div>
  );
}
