import type { ReactNode } from "react";
import { Switch as AriaSwitch, type SwitchProps as AriaSwitchProps } from "react-aria-components/Switch";

import styles from "./field.module.css";

interface SwitchProps extends Omit<AriaSwitchProps, "children" | "className" | "style"> {
  children: ReactNode;
}

/** A setting that takes effect at once. In a form with a submit button use `Checkbox`. */
export function Switch({ children, ...rest }: SwitchProps) {
  return (
    <AriaSwitch {...rest} className={styles["check"] ?? ""}>
      <span className={styles["track"]} />
      <span>{children}</span>
    </AriaSwitch>
  );
}
