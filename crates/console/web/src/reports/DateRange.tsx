import { useState } from "react";

import { useT } from "../i18n/i18n";
import { TextField } from "../ui/TextField";
import { daysBetween } from "../ui/time";
import { isDay, MAX_DAYS, type Period } from "./periods";
import styles from "./reports.module.css";

interface DateRangeProps {
  period: Period;
  onChange: (period: Period) => void;
}

/** Two fields for the first and the last day. A period that the server would refuse is not passed on. */
export function DateRange({ period, onChange }: DateRangeProps) {
  const t = useT();
  const [typed, setTyped] = useState(period);
  const fault = faultOf(typed);
  function change(next: Period) {
    setTyped(next);
    if (isDay(next.from) && isDay(next.to) && faultOf(next) === null) onChange(next);
  }
  return (
    <div className={styles["range"]}>
      <TextField
        label={t("reports.from")}
        type="date"
        value={typed.from}
        onChange={(from) => change({ ...typed, from })}
      />
      <TextField
        label={t("reports.to")}
        type="date"
        value={typed.to}
        onChange={(to) => change({ ...typed, to })}
        errors={fault === null ? undefined : [t(fault, { days: MAX_DAYS })]}
      />
    </div>
  );
}

function faultOf({ from, to }: Period): "reports.order" | "reports.too_long" | null {
  if (!isDay(from) || !isDay(to)) return null;
  const days = daysBetween(from, to) + 1;
  if (days < 1) return "reports.order";
  return days > MAX_DAYS ? "reports.too_long" : null;
}
