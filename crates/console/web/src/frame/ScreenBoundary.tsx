import type { ReactNode } from "react";
import { useLocation } from "wouter";

import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import styles from "./Page.module.css";

/** Shows an error page in place of a screen that throws. The rail stays, so that other screens can be opened. */
export function ScreenBoundary({ children }: { children: ReactNode }) {
  const t = useT();
  const [path] = useLocation();
  return (
    <ErrorBoundary
      resetKey={path}
      fallback={
        <main className={styles["centre"]}>
          <h1>{t("ui.failed_unknown")}</h1>
          <Button variant="primary" onPress={() => location.reload()}>
            {t("ui.reload")}
          </Button>
        </main>
      }
    >
      {children}
    </ErrorBoundary>
  );
}
