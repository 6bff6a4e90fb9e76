import type { ReactNode } from "react";

import styles from "./Framed.module.css";

/** The frame around a strip inside a page or dialog. */
export function Framed({ children }: { children: ReactNode }) {
  return <div className={styles["framed"]}>{children}</div>;
}
