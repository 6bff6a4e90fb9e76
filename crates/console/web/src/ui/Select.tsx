import { Check, ChevronDown } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { FieldError } from "react-aria-components/FieldError";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { Select as AriaSelect, SelectValue } from "react-aria-components/Select";

import fieldStyles from "./field.module.css";
import popoverStyles from "./popover.module.css";

export interface Option {
  readonly id: string | number;
  readonly name: string;
}

interface SelectProps {
  label: string;
  options: readonly Option[];
  value: string | number | null;
  onChange: (value: string | number) => void;
  errors?: readonly string[] | undefined;
  placeholder?: string;
  isDisabled?: boolean;
  name?: string;
}

/** A select for a short list of options. For long lists use `SearchSelect`. */
export function Select({ label, options, value, onChange, errors, placeholder, isDisabled, name }: SelectProps) {
  return (
    <AriaSelect
      className={fieldStyles["field"] ?? ""}
      value={value}
      onChange={(key) => key !== null && !Array.isArray(key) && onChange(key as string | number)}
      isInvalid={(errors?.length ?? 0) > 0}
      {...(placeholder !== undefined && { placeholder })}
      {...(isDisabled !== undefined && { isDisabled })}
      {...(name !== undefined && { name })}
    >
      <Label className={fieldStyles["label"] ?? ""}>{label}</Label>
      <Button className={`${fieldStyles["input"]} ${fieldStyles["trigger"]}`}>
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <FieldError className={fieldStyles["error"] ?? ""}>{errors?.join(" ")}</FieldError>
      <Popover className={popoverStyles["popover"] ?? ""} offset={4}>
        <ListBox className={popoverStyles["list"] ?? ""} items={options}>
          {(option: Option) => <OptionItem option={option} />}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

/** One option in the list of a `Select` or `ComboBox`; the selected one has a check mark. */
export function OptionItem({ option }: { option: Option }) {
  return (
    <ListBoxItem
      id={option.id}
      textValue={option.name}
      className={`${popoverStyles["item"]} ${popoverStyles["plainItem"]}`}
    >
      {({ isSelected }) => (
        <>
          <bdi>{option.name}</bdi>
          {isSelected && <Check size={16} aria-hidden />}
        </>
      )}
    </ListBoxItem>
  );
}
