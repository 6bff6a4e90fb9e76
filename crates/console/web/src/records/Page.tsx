import { useEffect, useId, type ReactNode } from "react";

import { setScreenTitle } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { Strip } from "../ui/Strip";
import { Framed } from "./Framed";
import styles from "./Page.module.css";
import { useOffline } from "./useOffline";

interface PageProps {
  title: string;
  /** Buttons beside the title. */
  actions?: ReactNode;
  /** `narrow` for forms, `wide` for tables. */
  width?: "narrow" | "wide";
  children: ReactNode;
}

/** The layout of a screen with tables and forms. Offline, a strip shows that nothing can be changed. */
export function Page({ title, actions, width = "wide", children }: PageProps) {
  const t = useT();
  const id = useId();
  const isOffline = useOffline();
  useEffect(() => setScreenTitle(title), [title]);
  return (
    <main className={styles["screen"]} data-region aria-labelledby={id}>
      <div className={`${styles["column"]} ${styles[width]}`}>
        <header className={styles["head"]}>
          <h1 id={id} className={styles["title"]}>
            {title}
          </h1>
          {actions !== undefined && <div className={styles["actions"]}>{actions}</div>}
        </header>
        {isOffline && (
          <Framed>
            <Strip tone="warning" role="status">
              {t("records.offline")}
            </Strip>
          </Framed>
        )}
        {children}
      </div>
    </main>
  );
}
