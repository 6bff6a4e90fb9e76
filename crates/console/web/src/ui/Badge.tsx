import { useLanguage } from "../i18n/i18n";
import styles from "./Badge.module.css";

/** A number of unread conversations or messages. */
export function Badge({ count }: { count: number }) {
  const { locale } = useLanguage();
  return <span className={styles["badge"]}>{new Intl.NumberFormat(locale).format(count)}</span>;
}
