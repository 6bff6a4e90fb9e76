import { Search } from "lucide-react";
import { Button } from "react-aria-components/Button";

import { useT } from "../i18n/i18n";
import { keyNames, keyShortcuts } from "../ui/keys";
import { openPalette } from "../ui/palette";
import styles from "./Frame.module.css";

/** The button of the rail that opens the palette, with its key. */
export function SearchButton() {
  const t = useT();
  return (
    <Button className={`${styles["link"]} ${styles["search"]}`} aria-keyshortcuts={keyShortcuts("search")} onPress={openPalette}>
      <Search size={18} aria-hidden />
      <span className={styles["linkName"]}>{t("frame.search")}</span>
      <kbd className={styles["searchKey"]} dir="ltr" aria-hidden>
        {keyNames("search")[0]}
      </kbd>
    </Button>
  );
}
