import type { ReactNode, Ref } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components/Button";

import { buttonClass, type ButtonVariant } from "./button-class";

export interface ButtonProps extends Omit<AriaButtonProps, "children" | "className" | "style"> {
  variant?: ButtonVariant;
  small?: boolean;
  children: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

/** A button with text; for an icon alone use `IconButton`. While `isPending` it keeps the focus and ignores presses. */
export function Button({ variant = "plain", small = false, isPending = false, type, onPress, ref, ...rest }: ButtonProps) {
  // React Aria's own `isPending` announces elements by id, which no longer exist after a dialog has closed.
  const action = isPending ? { type: "button" as const } : { ...(type && { type }), ...(onPress && { onPress }) };
  return (
    <AriaButton
      {...rest}
      {...action}
      {...(ref && { ref })}
      {...(isPending && { "data-pending": true })}
      className={buttonClass(variant, small)}
    />
  );
}
