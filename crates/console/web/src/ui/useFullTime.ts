import { useLanguage, useT } from "../i18n/i18n";
import { dayOf, formatFull, formatTime } from "./time";

/** Time zone of the browser. */
const OWN_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns the function that formats a tooltip: date and time of the hotel, and those of the browser if they differ. */
export function useFullTime(zone: string): (at: string) => string {
  const t = useT();
  const { locale } = useLanguage();
  return (at) => {
    const time = formatFull(at, { locale, zone });
    if (OWN_ZONE === zone) return time;
    const ownFormat = { locale, zone: OWN_ZONE };
    if (formatFull(at, ownFormat) === time) return time;
    const isSameDay = dayOf(at, OWN_ZONE) === dayOf(at, zone);
    return t("ui.own_time", { time, own: isSameDay ? formatTime(at, ownFormat) : formatFull(at, ownFormat) });
  };
}
