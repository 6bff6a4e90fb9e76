import { Link } from "wouter";

import type { Stay } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import { formatShortDay } from "../ui/time";
import styles from "./GuestCard.module.css";

/** The earlier and later stays of the guest, with links to their conversations. */
export function OtherStays({ stays }: { stays: readonly Stay[] }) {
  const t = useT();
  const { locale } = useLanguage();
  if (stays.length === 0) return null;
  const sorted = stays.toSorted((a, b) => b.check_in.localeCompare(a.check_in));
  return (
    <section className={styles["section"]}>
      <h3 className={styles["heading"]}>{t("guest.past_stays", { count: stays.length })}</h3>
      <ul className={styles["list"]}>
        {sorted.map((stay) => (
          <li key={stay.id} className={styles["stay"]}>
            <Bidi>
              {stay.check_in.slice(0, 4)}, {formatShortDay(stay.check_in, locale)}
            </Bidi>
            <Bidi>
              {stay.conversation_id === null ? (
                stay.room_number !== null && t("guest.room", { room: stay.room_number })
              ) : (
                <Link href={`/inbox/done/${stay.conversation_id}`}>
                  {stay.room_number === null ? t("guest.no_room") : t("guest.room", { room: stay.room_number })}
                </Link>
              )}
            </Bidi>
          </li>
        ))}
      </ul>
    </section>
  );
}
