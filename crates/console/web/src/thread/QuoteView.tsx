import type { Quote } from "../api/types";
import { useT } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import styles from "./bubble.module.css";

/** The quoted message of a reply; a press scrolls to it in the thread. */
export function QuoteView({ quote, onJump }: { quote: Quote; onJump: (messageId: number) => void }) {
  const t = useT();
  if (quote.id === null) return <span className={styles["quote"]}>{t("thread.quote_unknown")}</span>;
  const { id, sender_name: name, content } = quote;
  return (
    <button type="button" className={styles["quote"]} title={t("thread.show_quoted")} onClick={() => onJump(id)}>
      <strong>
        <Bidi>{name}</Bidi>
      </strong>
      <span className={styles["quoteText"]} dir="auto">
        {content}
      </span>
    </button>
  );
}
