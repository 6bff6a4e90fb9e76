import type { Conversation } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { isSnoozed } from "../store/waiting";
import { Button } from "../ui/Button";
import { Strip } from "../ui/Strip";
import { formatSoon } from "../ui/time";
import { useMinute } from "../ui/useMinute";
import { useSnooze } from "./useSnooze";

/** Shows that the conversation is hidden from the queues, and until when. */
export function SnoozedStrip({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const { locale } = useLanguage();
  const zone = useStore((state) => state.directory.hotel.timezone);
  const now = useMinute(false);
  const { wake } = useSnooze();
  const { snoozed_until: until } = conversation;
  if (until === null || !isSnoozed(conversation)) return null;
  return (
    <Strip
      tone="calm"
      actions={
        <Button small onPress={() => void wake(conversation)}>
          {t("snooze.wake")}
        </Button>
      }
    >
      {t("snooze.until", { time: formatSoon(until, now, { locale, zone }) })}
    </Strip>
  );
}
