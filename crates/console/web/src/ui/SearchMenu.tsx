import type { ReactElement } from "react";
import { Autocomplete } from "react-aria-components/Autocomplete";
import { Input } from "react-aria-components/Input";
import { Menu as AriaMenu, MenuItem as AriaMenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { SearchField } from "react-aria-components/SearchField";

import fieldStyles from "./field.module.css";
import popoverStyles from "./popover.module.css";
import styles from "./SearchMenu.module.css";

export interface FoundItem {
  readonly id: number;
  readonly name: string;
  /** A second line, in the muted colour. */
  readonly detail: string;
}

interface SearchMenuProps {
  /** The button that opens the menu. */
  trigger: ReactElement;
  label: string;
  /** The accessible name of the search field, also its placeholder. */
  searchLabel: string;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  words: string;
  onWordsChange: (words: string) => void;
  /** What was found for the words. */
  items: readonly FoundItem[];
  /** The text instead of an empty list. */
  empty: string;
  onChoose: (id: number) => void;
}

/** A button with a menu whose items are searched for elsewhere, as the person types. */
export function SearchMenu(props: SearchMenuProps) {
  const { trigger, label, searchLabel, isOpen, onOpenChange, words, onWordsChange, items, empty, onChoose } = props;
  return (
    <MenuTrigger isOpen={isOpen} onOpenChange={onOpenChange}>
      {trigger}
      <Popover
        className={`${popoverStyles["popover"]} ${popoverStyles["searched"]} ${styles["popover"]}`}
        offset={4}
        containerPadding={8}
        aria-label={label}
      >
        <Autocomplete inputValue={words} onInputChange={onWordsChange}>
          {/* Autofocus is expected, because the person has just opened the menu. */}
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
          <SearchField className={popoverStyles["search"] ?? ""} aria-label={searchLabel} autoFocus>
            <Input className={fieldStyles["input"] ?? ""} placeholder={searchLabel} />
          </SearchField>
          <AriaMenu
            className={popoverStyles["list"] ?? ""}
            aria-label={label}
            items={items}
            onAction={(key) => onChoose(Number(key))}
            renderEmptyState={() => <p className={popoverStyles["heading"]}>{empty}</p>}
          >
            {({ id, name, detail }: FoundItem) => (
              <AriaMenuItem id={id} textValue={`${name}, ${detail}`} className={`${popoverStyles["item"]} ${popoverStyles["plainItem"]}`}>
                <span className={styles["item"]}>
                  <bdi className={styles["name"]}>{name}</bdi>
                  <bdi className={styles["detail"]}>{detail}</bdi>
                </span>
              </AriaMenuItem>
            )}
          </AriaMenu>
        </Autocomplete>
      </Popover>
    </MenuTrigger>
  );
}
