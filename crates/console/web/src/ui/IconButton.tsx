import type { ReactNode, Ref } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components/Button";

import styles from "./Button.module.css";
import { keyShortcuts, type KeyAction } from "./keys";
import { WithTooltip } from "./Tooltip";

interface IconButtonProps extends Omit<AriaButtonProps, "children" | "className" | "style" | "aria-label"> {
  /** The accessible name, also shown as a tooltip. */
  label: string;
  icon: ReactNode;
  /** The action whose keys the tooltip shows. */
  action?: KeyAction;
  variant?: "primary" | "quiet";
  small?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

/** A square button with an icon and a tooltip. */
export function IconButton({ label, icon, action, variant = "quiet", small = false, ref, ...rest }: IconButtonProps) {
  const className = [styles["button"], styles["icon"], styles[variant], small ? styles["small"] : ""].join(" ").trim();
  return (
    <WithTooltip text={label} {...(action && { action })}>
      <AriaButton
        {...rest}
        {...(ref && { ref })}
        {...(action && { "aria-keyshortcuts": keyShortcuts(action) })}
        aria-label={label}
        className={className}
      >
        {icon}
      </AriaButton>
    </WithTooltip>
  );
}
