import type { ReactNode } from "react";

import styles from "./Bidi.module.css";

/**
 * Isolates a name, room or time from surrounding text of the other direction. `className` goes to an outer element, so
 * that the direction of the text does not change its alignment.
 */
export function Bidi({ children, className }: { children: ReactNode; className?: string | undefined }) {
  if (className === undefined) return <bdi>{children}</bdi>;
  return (
    <span className={className}>
      <bdi className={styles["text"]}>{children}</bdi>
    </span>
  );
}

/** The same for plain text, such as accessible names and titles. */
export function isolate(text: string): string {
  return `\u2068${text}\u2069`;
}
