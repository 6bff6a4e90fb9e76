import { useId, type ReactNode } from "react";

import styles from "./MeScreen.module.css";

/** A card of settings with a heading. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles["section"]} aria-labelledby={id}>
      <h2 id={id} className={styles["sectionTitle"]}>
        {title}
      </h2>
      {children}
    </section>
  );
}
