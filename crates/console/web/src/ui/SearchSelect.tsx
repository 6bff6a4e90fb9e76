import { ChevronDown } from "lucide-react";
import { useEffect, useRef } from "react";
import { Autocomplete, useFilter } from "react-aria-components/Autocomplete";
import { Button } from "react-aria-components/Button";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { SearchField } from "react-aria-components/SearchField";
import { Select as AriaSelect, SelectValue } from "react-aria-components/Select";

import { useT } from "../i18n/i18n";
import fieldStyles from "./field.module.css";
import popoverStyles from "./popover.module.css";
import { OptionItem, type Option } from "./Select";

interface SearchSelectProps {
  label: string;
  options: readonly Option[];
  value: string | number | null;
  onChange: (value: string | number) => void;
  errors?: readonly string[] | undefined;
}

/**
 * A select with text search, for long lists. Not React Aria's `ComboBox`: while that is open, the rest of the page is
 * hidden from assistive technology but still focusable. This one makes the rest inert.
 */
export function SearchSelect({ label, options, value, onChange, errors }: SearchSelectProps) {
  const t = useT();
  const { contains } = useFilter({ sensitivity: "base" });
  const search = t("ui.search_in", { label });
  return (
    <AriaSelect
      className={fieldStyles["field"] ?? ""}
      value={value}
      onChange={(key) => key !== null && !Array.isArray(key) && onChange(key as string | number)}
      isInvalid={(errors?.length ?? 0) > 0}
    >
      <Label className={fieldStyles["label"] ?? ""}>{label}</Label>
      <Button className={`${fieldStyles["input"]} ${fieldStyles["trigger"]}`}>
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <FieldError className={fieldStyles["error"] ?? ""}>{errors?.join(" ")}</FieldError>
      <Popover className={`${popoverStyles["popover"]} ${popoverStyles["searched"]}`} offset={4} aria-label={label}>
        <Autocomplete filter={contains}>
          {/* Autofocus is expected, because the person has just opened the list. */}
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
          <SearchField className={popoverStyles["search"] ?? ""} aria-label={search} autoFocus>
            <Input className={fieldStyles["input"] ?? ""} placeholder={search} />
          </SearchField>
          <ListBox
            className={popoverStyles["list"] ?? ""}
            aria-label={label}
            items={options}
            renderEmptyState={() => <p className={popoverStyles["heading"]}>{t("ui.nothing_found")}</p>}
          >
            {(option: Option) => <OptionItem option={option} />}
          </ListBox>
          <ShowSelected />
        </Autocomplete>
      </Popover>
    </AriaSelect>
  );
}

/** Scrolls the list to the selected option when it opens. */
function ShowSelected() {
  const end = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const popover = end.current?.parentElement;
    if (!popover) return;
    // In the first frame the browser scrolls to the search field, which has the focus.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => popover.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "center" }));
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  return <span ref={end} hidden />;
}
