import { ChevronDown } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { ComboBox as AriaComboBox } from "react-aria-components/ComboBox";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";

import fieldStyles from "./field.module.css";
import popoverStyles from "./popover.module.css";
import { OptionItem, type Option } from "./Select";

interface ComboBoxProps {
  label: string;
  options: readonly Option[];
  value: string | number | null;
  onChange: (value: string | number | null) => void;
  errors?: readonly string[] | undefined;
  placeholder?: string;
}

/** One choice of a long list, found by typing. */
export function ComboBox({ label, options, value, onChange, errors, placeholder }: ComboBoxProps) {
  return (
    <AriaComboBox
      className={fieldStyles["field"] ?? ""}
      defaultItems={options}
      value={value}
      onChange={(key) => !Array.isArray(key) && onChange(key as string | number | null)}
      isInvalid={(errors?.length ?? 0) > 0}
      menuTrigger="focus"
    >
      <Label className={fieldStyles["label"] ?? ""}>{label}</Label>
      <div className={fieldStyles["comboBox"]}>
        <Input className={fieldStyles["input"] ?? ""} {...(placeholder !== undefined && { placeholder })} />
        <Button className={fieldStyles["comboButton"] ?? ""}>
          <ChevronDown size={16} aria-hidden />
        </Button>
      </div>
      <FieldError className={fieldStyles["error"] ?? ""}>{errors?.join(" ")}</FieldError>
      <Popover className={popoverStyles["popover"] ?? ""} offset={4}>
        <ListBox className={popoverStyles["list"] ?? ""}>{(option: Option) => <OptionItem option={option} />}</ListBox>
      </Popover>
    </AriaComboBox>
  );
}
