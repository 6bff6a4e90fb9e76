import { useEffect, useState } from "react";

import { useT, type Translate } from "../i18n/i18n";
import type { Refusal } from "./refusal";
import styles from "./signin.module.css";

/** The error of a sign-in. After too many attempts it counts down the waiting time. */
export function RefusalText({ refusal, id }: { refusal: Refusal; id: string }) {
  const t = useT();
  const seconds = useSecondsUntil(refusal.kind === "rate_limited" ? refusal.until : 0);
  return (
    <p id={id} className={styles["error"]} role="alert">
      {sentenceOf(refusal, seconds, t)}
    </p>
  );
}

function sentenceOf(refusal: Refusal, seconds: number, t: Translate): string {
  switch (refusal.kind) {
    case "rate_limited":
      if (seconds > 90) return t("signin.rate_limited_minutes", { minutes: Math.ceil(seconds / 60) });
      return seconds > 0 ? t("signin.rate_limited", { seconds }) : t("signin.rate_over");
    case "other":
      return refusal.detail;
    case "missing_name":
      return t("signin.missing_name");
    case "missing_password":
      return t("signin.missing_password");
    case "bad_credentials":
      return t("signin.bad_credentials");
    case "bad_origin":
      return t("signin.bad_origin");
    case "unreachable":
      return t("signin.unreachable");
  }
}

function useSecondsUntil(until: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (until === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [until]);
  return Math.max(0, Math.ceil((until - now) / 1_000));
}
