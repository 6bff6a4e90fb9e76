import { useT } from "../i18n/i18n";
import fieldStyles from "./field.module.css";
import styles from "./TimeSpan.module.css";

interface TimeSpanProps {
  /** What begins and ends, for assistive technology. */
  label: string;
  /** Start and end as times of day; empty while not chosen. */
  value: readonly [string, string];
  onChange: (value: readonly [string, string]) => void;
  isInvalid?: boolean;
  isDisabled?: boolean;
}

/** Two times of day, from and to. */
export function TimeSpan({ label, value: [from, to], onChange, isInvalid = false, isDisabled = false }: TimeSpanProps) {
  const t = useT();
  const shared = { type: "time", className: fieldStyles["input"], disabled: isDisabled, "aria-invalid": isInvalid || undefined } as const;
  return (
    <span className={styles["span"]} role="group" aria-label={label}>
      <input {...shared} aria-label={`${label}: ${t("ui.from")}`} value={from} onChange={({ target }) => onChange([target.value, to])} />
      <span aria-hidden>–</span>
      <input {...shared} aria-label={`${label}: ${t("ui.to")}`} value={to} onChange={({ target }) => onChange([from, target.value])} />
    </span>
  );
}
