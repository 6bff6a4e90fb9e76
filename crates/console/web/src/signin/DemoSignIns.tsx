import { useEffect, useState } from "react";

import { demoSignIns } from "../api/demo";
import type { Demo } from "../api/types";
import { useT } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import styles from "./signin.module.css";

/** The sign-ins of the demo to choose from; empty if the server has no demo. */
export function DemoSignIns({ onChoose }: { onChoose: (username: string) => void }) {
  const t = useT();
  const [demo, setDemo] = useState<Demo | null>(null);
  useEffect(() => {
    let isShown = true;
    demoSignIns().then(
      (found) => isShown && setDemo(found),
      // Without a response the list stays empty. The form shows the error at the first attempt.
      () => undefined,
    );
    return () => {
      isShown = false;
    };
  }, []);
  if (demo === null) return null;
  return (
    <section className={styles["demo"]} aria-labelledby="demo-title">
      <h2 id="demo-title">{t("signin.demo_title")}</h2>
      <p className={styles["hint"]}>{t("signin.demo_text")}</p>
      <ul className={styles["people"]}>
        {demo.sign_ins.map(({ username, name, role, departments }) => (
          <li key={username}>
            <button type="button" onClick={() => onChoose(username)}>
              <Bidi className={styles["person"]}>{name}</Bidi>
              <bdi>{departments.length > 0 ? departments.map((department) => department.name).join(", ") : t(`signin.role.${role}`)}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
