import type { HTMLInputTypeAttribute, Ref } from "react";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField as AriaTextField, type TextFieldProps as AriaTextFieldProps } from "react-aria-components/TextField";

import styles from "./field.module.css";

interface TextFieldProps extends Omit<AriaTextFieldProps, "children" | "className" | "style" | "type"> {
  label: string;
  hint?: string;
  /** Errors of the server for this field. */
  errors?: readonly string[] | undefined;
  type?: HTMLInputTypeAttribute;
  placeholder?: string;
  /** "none" for names and codes that an on-screen keyboard must not capitalize. */
  autoCapitalize?: string;
  /** Takes the direction of the text from the text itself. */
  isBidi?: boolean;
  /** Renders a text area with this number of rows. */
  rows?: number;
  ref?: Ref<HTMLInputElement & HTMLTextAreaElement>;
}

/** A labelled input or text area with hint and errors. */
export function TextField({ label, hint, errors, type = "text", placeholder, autoCapitalize, isBidi = false, rows, ref, ...rest }: TextFieldProps) {
  const input = {
    className: styles["input"] ?? "",
    ...(placeholder !== undefined && { placeholder }),
    ...(autoCapitalize !== undefined && { autoCapitalize }),
    ...(isBidi && { dir: "auto" }),
    ...(ref && { ref }),
  };
  return (
    <AriaTextField {...rest} type={type} className={styles["field"] ?? ""} isInvalid={(errors?.length ?? 0) > 0}>
      <Label className={styles["label"] ?? ""}>{label}</Label>
      {rows === undefined ? <Input {...input} /> : <TextArea {...input} rows={rows} dir="auto" />}
      {hint !== undefined && (
        <Text slot="description" className={styles["hint"] ?? ""}>
          {hint}
        </Text>
      )}
      <FieldError className={styles["error"] ?? ""}>{errors?.join(" ")}</FieldError>
    </AriaTextField>
  );
}
