import styles from "./Button.module.css";

export type ButtonVariant = "primary" | "plain" | "quiet" | "danger";

/** The class of links and of buttons without React Aria that look like a button. */
export function buttonClass(variant: ButtonVariant = "plain", small = false): string {
  const parts = [styles["button"], variant === "plain" ? "" : styles[variant], small ? styles["small"] : ""];
  return parts.filter(Boolean).join(" ");
}
