import { useEffect } from "react";

import { setScreenTitle } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { AppearanceSection } from "./AppearanceSection";
import { AttentionSection } from "./AttentionSection";
import { DevicesSection } from "./DevicesSection";
import styles from "./MeScreen.module.css";
import { PasswordSection } from "./PasswordSection";

/** The screen with the staff member's own settings. Each takes effect at once, on all devices. */
export default function MeScreen() {
  const t = useT();
  const me = useStore((state) => state.me);
  useEffect(() => setScreenTitle(t("me.title")), [t]);
  return (
    <main className={styles["screen"]} data-region aria-labelledby="me-title">
      <div className={styles["column"]}>
        <header className={styles["head"]}>
          <h1 id="me-title" className={styles["title"]}>
            {t("me.title")}
          </h1>
          <p className={styles["who"]}>
            <bdi>{me.name}</bdi>
            {me.departments.length > 0 && (
              <>
                {" · "}
                <bdi>{me.departments.map(({ name }) => name).join(", ")}</bdi>
              </>
            )}
          </p>
        </header>
        <AppearanceSection />
        <AttentionSection />
        <PasswordSection />
        <DevicesSection />
      </div>
    </main>
  );
}
