import { useRef, useState } from "react";

import { useT } from "../i18n/i18n";
import { DemoSignIns } from "./DemoSignIns";
import { LanguageSelect } from "./LanguageSelect";
import { SignInForm } from "./SignInForm";
import styles from "./signin.module.css";

/** The sign-in screen. Without React Aria, so that the first chunk stays small. */
export function SignInScreen({ blocked }: { blocked: "unreachable" | "bad_origin" | null }) {
  const t = useT();
  const [username, setUsername] = useState("");
  const passwordRef = useRef<HTMLInputElement>(null);
  return (
    <div className={styles["scroll"]}>
      <main className={styles["screen"]}>
        <div className={styles["brand"]}>
          <img src="/icon.svg" alt="" width={40} height={40} />
          {t("signin.product")}
        </div>
        <div className={styles["card"]}>
          <h1 className={styles["title"]}>{t("signin.title")}</h1>
          <SignInForm
            username={username}
            onUsernameChange={setUsername}
            initialRefusal={blocked && { kind: blocked }}
            passwordRef={passwordRef}
          />
        </div>
        <DemoSignIns
          onChoose={(chosen) => {
            setUsername(chosen);
            passwordRef.current?.focus();
          }}
        />
        <LanguageSelect />
      </main>
    </div>
  );
}
