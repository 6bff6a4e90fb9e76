import type { ReactElement } from "react";

import { keyNames, type KeyAction } from "./keys";
import styles from "./Tooltip.module.css";

interface WithTooltipProps {
  text: string;
  action?: KeyAction;
  children: ReactElement;
}

/** Shows a text and the keys of an action as the browser's native tooltip. */
export function WithTooltip({ text, action, children }: WithTooltipProps) {
  const title = action === undefined ? text : `${text} (${keyNames(action)[0]})`;
  return (
    <span className={styles["anchor"]} title={title}>
      {children}
    </span>
  );
}
