import { BedDouble, Building2, ChartColumn, MessageSquareText, ScrollText, Users } from "lucide-react";
import type { ReactNode } from "react";

import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { DemoMenu } from "./DemoMenu";
import { Bidi } from "../ui/Bidi";
import styles from "./Frame.module.css";
import { QueueLinks } from "./QueueLinks";
import { RailLink } from "./RailLink";
import { SearchButton } from "./SearchButton";
import { SoundLine } from "./SoundLine";
import { UserMenu } from "./UserMenu";

/**
 * The side bar from 760 px: links to queues and screens, and the menu of the staff member. `strip` shows the
 * connection.
 */
export function Rail({ strip }: { strip: ReactNode }) {
  const t = useT();
  const me = useStore((state) => state.me);
  const hotelName = useStore((state) => state.directory.hotel.name) || me.hotel.name;
  return (
    <div className={styles["rail"]} data-region>
      <header className={styles["hotel"]}>
        <img src="/icon.svg" alt="" width={28} height={28} />
        <Bidi className={styles["hotelName"]}>{hotelName}</Bidi>
      </header>
      <SearchButton />
      <QueueLinks />
      <nav className={styles["nav"]} aria-label={t("frame.screens")}>
        <RailLink href="/stays" icon={<BedDouble size={18} aria-hidden />} name={t("frame.stays")} />
        {me.role === "manager" && (
          <>
            <RailLink
              href="/hotel/templates"
              icon={<MessageSquareText size={18} aria-hidden />}
              name={t("frame.templates")}
            />
            <RailLink href="/hotel/people" icon={<Users size={18} aria-hidden />} name={t("frame.people")} />
            <RailLink href="/hotel" icon={<Building2 size={18} aria-hidden />} name={t("frame.hotel")} />
            <RailLink href="/reports" icon={<ChartColumn size={18} aria-hidden />} name={t("frame.reports")} />
            <RailLink href="/audit" icon={<ScrollText size={18} aria-hidden />} name={t("frame.audit")} />
          </>
        )}
      </nav>
      <div className={styles["foot"]}>
        <div className={styles["railStrip"]}>{strip}</div>
        <SoundLine />
        <DemoMenu />
        <UserMenu />
      </div>
    </div>
  );
}
