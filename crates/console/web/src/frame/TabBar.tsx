import { BedDouble, Inbox, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";

import { useT } from "../i18n/i18n";
import styles from "./Frame.module.css";
import { MoreTab } from "./MoreTab";
import { RailLink } from "./RailLink";

/**
 * The links between screens on telephones. Hidden in a thread, which has a back button, and while the on-screen
 * keyboard is open.
 */
export function TabBar() {
  const t = useT();
  const [path] = useLocation();
  const isThread = /^\/inbox\/[^/]+\/\d+/.test(path);
  const isKeyboardOpen = useKeyboardOpen();
  if (isThread || isKeyboardOpen) return null;
  return (
    <nav className={styles["tabBar"]} aria-label={t("frame.screens")} data-region>
      <RailLink
        kind="tab"
        href="/inbox/mine"
        icon={<Inbox size={20} aria-hidden />}
        name={t("frame.inbox")}
        isCurrent={path.startsWith("/inbox")}
      />
      <RailLink kind="tab" href="/search" icon={<Search size={20} aria-hidden />} name={t("frame.search")} />
      <RailLink kind="tab" href="/stays" icon={<BedDouble size={20} aria-hidden />} name={t("frame.stays")} />
      <MoreTab />
    </nav>
  );
}

/** The on-screen keyboard counts as open if the visual viewport is lower than this, in pixels. */
const MIN_HEIGHT_WITHOUT_KEYBOARD = 500;

function useKeyboardOpen(): boolean {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const viewport = window.visualViewport;
    if (viewport === null) return;
    const measure = () => setOpen(viewport.height < MIN_HEIGHT_WITHOUT_KEYBOARD && viewport.width < viewport.height * 2);
    measure();
    viewport.addEventListener("resize", measure);
    return () => viewport.removeEventListener("resize", measure);
  }, []);
  return isOpen;
}
