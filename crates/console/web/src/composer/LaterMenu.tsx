import { ChevronDown, Clock, Clock8, CalendarClock } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { IconButton } from "../ui/IconButton";
import { Menu, MenuItem } from "../ui/Menu";
import { dayOf, formatTime } from "../ui/time";
import { inAnHour, nextMorning } from "./send-times";

const TimeDialog = lazy(() => import("./TimeDialog"));

interface LaterMenuProps {
  /** Returns whether the box has a text that can be sent later; otherwise shows the problem. */
  onCheck: () => boolean;
  onSendAt: (at: number) => Promise<void>;
}

/** The menu beside Send: in an hour, in the morning, at another time. Times are the hotel's. */
export function LaterMenu({ onCheck, onSendAt }: LaterMenuProps) {
  const t = useT();
  const { locale } = useLanguage();
  const hotel = useStore((state) => state.directory.hotel);
  const [openedAt, setOpenedAt] = useState<number | null>(null);
  const [isChoosing, setChoosing] = useState(false);
  const format = { locale, zone: hotel.timezone };

  const now = openedAt ?? 0;
  const morning = nextMorning(hotel.quiet_hours, now, hotel.timezone);
  const isToday = dayOf(morning, hotel.timezone) === dayOf(now, hotel.timezone);
  return (
    <>
      <Menu
        label={t("later.menu")}
        isOpen={openedAt !== null}
        onOpenChange={(isOpen) => setOpenedAt(isOpen ? Date.now() : null)}
        trigger={<IconButton label={t("later.menu")} icon={<ChevronDown size={18} aria-hidden />} />}
      >
        <MenuItem
          icon={<Clock size={18} aria-hidden />}
          textValue={t("later.in_an_hour")}
          onAction={() => void onSendAt(inAnHour(Date.now()))}
        >
          {t("later.in_an_hour")}
        </MenuItem>
        <MenuItem icon={<Clock8 size={18} aria-hidden />} onAction={() => void onSendAt(morning)}>
          {t(isToday ? "later.at" : "later.tomorrow_at", { time: formatTime(new Date(morning).toISOString(), format) })}
        </MenuItem>
        <MenuItem icon={<CalendarClock size={18} aria-hidden />} onAction={() => setChoosing(onCheck())}>
          {t("later.other")}
        </MenuItem>
      </Menu>
      {isChoosing && (
        <Suspense>
          <TimeDialog
            title={t("later.menu")}
            submit={t("later.schedule")}
            onSave={async ({ at }) => {
              if (at !== null) await onSendAt(at);
            }}
            onClose={() => setChoosing(false)}
          />
        </Suspense>
      )}
    </>
  );
}
