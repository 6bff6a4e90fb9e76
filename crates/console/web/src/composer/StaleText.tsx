import type { Message } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { minutesSince } from "../ui/time";
import { useMinute } from "../ui/useMinute";

/** The text of a stale reply's strip: "Maria answered 12 s ago: …" */
export function StaleText({ newer }: { newer: readonly Message[] }) {
  const t = useT();
  const { locale } = useLanguage();
  const now = useMinute();
  const message = newer.findLast(({ sender_type: type }) => type === "staff") ?? newer.at(-1);
  if (message === undefined) return null;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const minutes = minutesSince(message.timestamp, now);
  const seconds = Math.max(0, Math.round((Math.max(now, Date.parse(message.timestamp)) - Date.parse(message.timestamp)) / 1_000));
  const time = minutes === 0 ? format.format(-seconds, "second") : format.format(-minutes, "minute");
  return t("composer.stale", { name: message.sender_name, time, text: message.content });
}
