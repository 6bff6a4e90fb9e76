import type { ReactNode } from "react";

import type { Stay } from "../api/types";
import { useLanguage, useT, type Translate } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Bidi } from "../ui/Bidi";
import { dayOf, formatShortDay } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import styles from "./GuestCard.module.css";
import { stateOfStay } from "./stay-state";

interface StayFactsProps {
  room: string | null;
  hasStay: boolean;
  checkIn: string | null;
  checkOut: string | null;
  /** The stay of the guest's record; null until it is loaded. */
  stay: Stay | null;
  /** What can be done about the stay. */
  children?: ReactNode;
}

export function StayFacts({ room, hasStay, checkIn, checkOut, stay, children }: StayFactsProps) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const zone = useStore((state) => state.directory.hotel.timezone);
  return (
    <section className={styles["section"]}>
      <h3 className={styles["heading"]}>{t("guest.stay")}</h3>
      {hasStay ? (
        <>
          <Bidi className={styles["room"]}>{room === null ? t("guest.no_room") : t("guest.room", { room })}</Bidi>
          {checkIn !== null && checkOut !== null && (
            <>
              <p>
                <Bidi>
                  {t("guest.dates", { from: formatShortDay(checkIn, locale), to: formatShortDay(checkOut, locale) })}
                </Bidi>
              </p>
              <p className={styles["muted"]}>{wordsOf(stay, checkIn, checkOut, dayOf(now, zone), t)}</p>
            </>
          )}
        </>
      ) : (
        <p className={styles["muted"]}>{t("guest.no_stay")}</p>
      )}
      {children}
    </section>
  );
}

function wordsOf(stay: Stay | null, checkIn: string, checkOut: string, today: string, t: Translate): string {
  if (stay?.status === "cancelled" || stay?.status === "no_show") return t(`guest.${stay.status}`);
  if (stay?.status === "checked_out") return t("guest.left");
  const state = stateOfStay(checkIn, checkOut, today);
  switch (state.kind) {
    case "in_house":
      return t("guest.in_house", { day: state.day, days: state.days });
    case "arrives":
      return t("guest.arrives", { days: state.days });
    default:
      return t(`guest.${state.kind}`);
  }
}
