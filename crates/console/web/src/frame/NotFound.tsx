import { Link } from "wouter";

import { useT } from "../i18n/i18n";
import styles from "./Page.module.css";

export function NotFound() {
  const t = useT();
  return (
    <main className={styles["centre"]}>
      <h1>{t("frame.not_found")}</h1>
      <Link href="/inbox/mine">{t("frame.to_inbox")}</Link>
    </main>
  );
}

/** Shown to staff at a URL for managers. */
export function ManagersOnly() {
  const t = useT();
  return (
    <main className={styles["centre"]}>
      <h1>{t("frame.managers_only")}</h1>
      <Link href="/inbox/mine">{t("frame.to_inbox")}</Link>
    </main>
  );
}
