import { ChevronLeft, ChevronRight } from "lucide-react";

import { useT } from "../i18n/i18n";
import { IconButton } from "../ui/IconButton";
import styles from "./Pager.module.css";

interface PagerProps {
  page: number;
  pages: number;
  onPage: (page: number) => void;
}

/** The links between the pages of a table; nothing for a single page. */
export function Pager({ page, pages, onPage }: PagerProps) {
  const t = useT();
  if (pages < 2) return null;
  return (
    <nav className={styles["pager"]} aria-label={t("records.pages")}>
      <IconButton
        label={t("records.previous_page")}
        icon={<ChevronLeft size={20} aria-hidden data-directional />}
        isDisabled={page <= 1}
        onPress={() => onPage(page - 1)}
      />
      <span role="status">{t("records.page", { page, pages })}</span>
      <IconButton
        label={t("records.next_page")}
        icon={<ChevronRight size={20} aria-hidden data-directional />}
        isDisabled={page >= pages}
        onPress={() => onPage(page + 1)}
      />
    </nav>
  );
}
