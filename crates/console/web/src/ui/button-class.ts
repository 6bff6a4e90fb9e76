import styles from "./Button.module.css";

export type ButtonVariant = "primary" | "plain" | "quiet" | "danger";

/** Returns the class of a link, or of a button without React Aria, that looks like a `Button`. */
export function buttonClass(variant: ButtonVariant = "plain", small = false): string {
  const parts = [styles["button"], variant === "plain" ? "" : styles[variant], small ? styles["small"] : ""];
  return parts.filter(Boolean).join(" ");
}
