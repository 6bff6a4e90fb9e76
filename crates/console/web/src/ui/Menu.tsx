import type { ReactElement, ReactNode } from "react";
import { Menu as AriaMenu, MenuItem as AriaMenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";

import { keyNames, type KeyAction } from "./keys";
import styles from "./popover.module.css";

interface MenuProps {
  /** The button that opens the menu. */
  trigger: ReactElement;
  label: string;
  isOpen?: boolean;
  onOpenChange?: (isOpen: boolean) => void;
  children: ReactNode;
}

/** A button with a menu. Children are `MenuItem` and `MenuSeparator`. */
export function Menu({ trigger, label, isOpen, onOpenChange, children }: MenuProps) {
  const controlled = { ...(isOpen !== undefined && { isOpen }), ...(onOpenChange && { onOpenChange }) };
  return (
    <MenuTrigger {...controlled}>
      {trigger}
      <Popover className={styles["popover"] ?? ""} offset={4} containerPadding={8}>
        <AriaMenu className={styles["list"] ?? ""} aria-label={label}>
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

interface MenuItemProps {
  icon?: ReactNode;
  children: ReactNode;
  /** Text for type-ahead, needed if the children are not plain text. */
  textValue?: string;
  onAction?: () => void;
  href?: string;
  isDisabled?: boolean;
  action?: KeyAction;
  id?: string;
}

export function MenuItem({ icon, children, textValue, action, ...rest }: MenuItemProps) {
  const className = [styles["item"], icon === undefined ? styles["plainItem"] : ""].join(" ").trim();
  const text = textValue ?? (typeof children === "string" ? children : undefined);
  return (
    <AriaMenuItem {...rest} {...(text !== undefined && { textValue: text })} className={className}>
      {icon}
      <span>{children}</span>
      {action && <kbd className={styles["keys"]}>{keyNames(action)[0]}</kbd>}
    </AriaMenuItem>
  );
}

export function MenuSeparator() {
  return <Separator className={styles["separator"] ?? ""} />;
}
