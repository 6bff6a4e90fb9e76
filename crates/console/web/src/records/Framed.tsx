import type { ReactNode } from "react";

import styles from "./Framed.module.css";

/** Around a strip that does not reach from edge to edge. */
export function Framed({ children }: { children: ReactNode }) {
  return <div className={styles["framed"]}>{children}</div>;
}
