import type { ReactNode } from "react";

import styles from "./VisuallyHidden.module.css";

/** Text for assistive technology only. The parent must be positioned. */
export function VisuallyHidden({ children, as: Element = "span" }: { children: ReactNode; as?: "span" | "h1" | "h2" }) {
  return <Element className={styles["hidden"]}>{children}</Element>;
}
