import { Search, X } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { SearchField as AriaSearchField } from "react-aria-components/SearchField";

import fieldStyles from "../ui/field.module.css";
import styles from "./SearchField.module.css";

interface SearchFieldProps {
  /** The accessible name, also used as placeholder. */
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** The search field above a list. Esc clears it. */
export function SearchField({ label, value, onChange }: SearchFieldProps) {
  return (
    <AriaSearchField className={styles["search"] ?? ""} aria-label={label} value={value} onChange={onChange}>
      <Search size={16} aria-hidden className={styles["icon"]} />
      <Input className={`${fieldStyles["input"]} ${styles["input"]}`} placeholder={label} />
      {value !== "" && (
        <Button className={styles["clear"] ?? ""}>
          <X size={16} aria-hidden />
        </Button>
      )}
    </AriaSearchField>
  );
}
