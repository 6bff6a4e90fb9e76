import { BedDouble, Inbox } from "lucide-react";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";

import { useT } from "../i18n/i18n";
import styles from "./Frame.module.css";
import { MoreTab } from "./MoreTab";
import { RailLink } from "./RailLink";

/** The screens on telephones. Hidden in a thread, which has its own way back, and while the keyboard is open. */
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
      <RailLink kind="tab" href="/stays" icon={<BedDouble size={20} aria-hidden />} name={t("frame.stays")} />
      <MoreTab />
    </nav>
  );
}

/** Less than this height is left while the on-screen keyboard is open. */
const KEYBOARD_HEIGHT = 500;

function useKeyboardOpen(): boolean {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const viewport = window.visualViewport;
    if (viewport === null) return;
    const measure = () => setOpen(viewport.height < KEYBOARD_HEIGHT && viewport.width < viewport.height * 2);
    measure();
    viewport.addEventListener("resize", measure);
    return () => viewport.removeEventListener("resize", measure);
  }, []);
  return isOpen;
}
