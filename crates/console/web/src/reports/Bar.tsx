import styles from "./reports.module.css";

interface BarProps {
  /** Between 0 and 1. */
  share: number;
  tone?: "accent" | "warning" | "danger";
}

/** A bar below a number of the table. It repeats the number, so it is hidden from assistive technology. */
export function Bar({ share, tone = "accent" }: BarProps) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return (
    <svg className={styles["bar"]} data-tone={tone} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden focusable="false">
      <rect className={styles["track"]} width={100} height={4} />
      <rect width={width} height={4} />
    </svg>
  );
}
