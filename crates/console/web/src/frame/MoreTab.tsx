import { Building2, ChartColumn, Ellipsis, LogOut, MessageSquareText, ScrollText, Settings, Users, VolumeX } from "lucide-react";
import { Button as AriaButton } from "react-aria-components/Button";
import { useLocation } from "wouter";

import { unlockSound, useSoundBlocked } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Menu, MenuItem, MenuSeparator } from "../ui/Menu";
import styles from "./Frame.module.css";
import { useSignOut } from "./useSignOut";

/** The last tab on telephones: a menu with the links of the rail other than queues and stays. */
export function MoreTab() {
  const t = useT();
  const [path] = useLocation();
  const isManager = useStore((state) => state.me.role === "manager");
  const isBlocked = useSoundBlocked();
  const signOut = useSignOut();
  const isCurrent = ["/me", "/reports", "/audit"].includes(path) || path.startsWith("/hotel");
  return (
    <>
      <Menu
        label={t("ui.more")}
        trigger={
          <AriaButton className={[styles["link"], styles["tab"], isCurrent ? styles["currentTab"] : ""].join(" ")}>
            <Ellipsis size={20} aria-hidden />
            {t("ui.more")}
          </AriaButton>
        }
      >
        {isBlocked && (
          <MenuItem icon={<VolumeX size={18} aria-hidden />} onAction={unlockSound}>
            {t("frame.sound_off")}
          </MenuItem>
        )}
        <MenuItem icon={<Settings size={18} aria-hidden />} href="/me">
          {t("frame.me")}
        </MenuItem>
        {isManager && (
          <>
            <MenuItem icon={<MessageSquareText size={18} aria-hidden />} href="/hotel/templates">
              {t("frame.templates")}
            </MenuItem>
            <MenuItem icon={<Users size={18} aria-hidden />} href="/hotel/people">
              {t("frame.people")}
            </MenuItem>
            <MenuItem icon={<Building2 size={18} aria-hidden />} href="/hotel">
              {t("frame.hotel")}
            </MenuItem>
            <MenuItem icon={<ChartColumn size={18} aria-hidden />} href="/reports">
              {t("frame.reports")}
            </MenuItem>
            <MenuItem icon={<ScrollText size={18} aria-hidden />} href="/audit">
              {t("frame.audit")}
            </MenuItem>
          </>
        )}
        <MenuSeparator />
        <MenuItem icon={<LogOut size={18} aria-hidden />} onAction={signOut.ask}>
          {t("frame.sign_out")}
        </MenuItem>
      </Menu>
      {signOut.question}
    </>
  );
}
