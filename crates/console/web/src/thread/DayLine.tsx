import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { nameDay } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import styles from "./MessageScroller.module.css";

/** The line above the messages of a day of the hotel: "Today", "Sunday", "Fri 20 November". */
export function DayLine({ day }: { day: string }) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const name = nameDay(day, now, { locale, zone });
  return (
    <li className={styles["day"]}>
      <time dateTime={day}>{name.kind === "date" ? name.text : t(`ui.${name.kind}`)}</time>
    </li>
  );
}
