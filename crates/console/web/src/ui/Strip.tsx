import type { ReactNode } from "react";

import styles from "./Strip.module.css";

interface StripProps {
  tone: "calm" | "warning" | "danger";
  children: ReactNode;
  /** Buttons at the end. */
  actions?: ReactNode;
  /** `status` is announced at the next pause, `alert` at once. */
  role?: "status" | "alert";
}

/** A line across a region that shows a state and the actions for it. */
export function Strip({ tone, children, actions, role }: StripProps) {
  return (
    <div className={`${styles["strip"]} ${styles[tone]}`} role={role}>
      <div className={styles["text"]}>{children}</div>
      {actions !== undefined && <div className={styles["actions"]}>{actions}</div>}
    </div>
  );
}
