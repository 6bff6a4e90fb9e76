import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";

import styles from "./reports.module.css";

interface ChoicesProps<T extends string> {
  label: string;
  options: readonly { readonly id: T; readonly name: string }[];
  /** Null: none of the options. */
  value: T | null;
  onChange: (value: T) => void;
}

/** A row of buttons of which one is pressed. */
export function Choices<T extends string>({ label, options, value, onChange }: ChoicesProps<T>) {
  return (
    <ToggleButtonGroup
      className={styles["choices"] ?? ""}
      aria-label={label}
      disallowEmptySelection
      selectedKeys={value === null ? [] : [value]}
      onSelectionChange={([key]) => {
        const chosen = options.find(({ id }) => id === key);
        if (chosen !== undefined) onChange(chosen.id);
      }}
    >
      {options.map(({ id, name }) => (
        <ToggleButton key={id} id={id} className={styles["choice"] ?? ""}>
          {name}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
