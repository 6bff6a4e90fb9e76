import type { ReactNode } from "react";

import styles from "./Bidi.module.css";

/**
 * Keeps a name, room or time whole beside text of another script. The class goes to an element around it, so that the
 * script of the text does not decide on which side it stands.
 */
export function Bidi({ children, className }: { children: ReactNode; className?: string | undefined }) {
  if (className === undefined) return <bdi>{children}</bdi>;
  return (
    <span className={className}>
      <bdi className={styles["text"]}>{children}</bdi>
    </span>
  );
}

/** The same in plain text, for accessible names and titles. */
export function isolate(text: string): string {
  return `\u2068${text}\u2069`;
}
