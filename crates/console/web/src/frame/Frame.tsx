import { lazy, Suspense, useEffect, type ReactNode } from "react";

import { FOUR_COLUMNS, TWO_PANES, useMediaQuery } from "../ui/useMediaQuery";
import { focusRegion } from "../ui/focus";
import { isKey } from "../ui/keys";
import { ConnectionStrip } from "./ConnectionStrip";
import styles from "./Frame.module.css";
import { NewVersionStrip } from "./NewVersionStrip";
import { KeySheetOpener } from "./KeySheetOpener";
import { PaletteOpener } from "./PaletteOpener";
import { Rail } from "./Rail";
import { ScreenBoundary } from "./ScreenBoundary";
import { TabBar } from "./TabBar";
import { useFailedMessages } from "./useFailedMessages";

const ToastRegion = lazy(() => import("../ui/ToastRegion"));

/**
 * The frame around every screen: the rail, or the tab bar on telephones, and the strips about connection and version.
 */
export function Frame({ children }: { children: ReactNode }) {
  const isWide = useMediaQuery(FOUR_COLUMNS);
  const hasRail = useMediaQuery(TWO_PANES);
  useFailedMessages();

  useEffect(() => {
    function handleKeyDown(event: KeyboardEvent) {
      const step = isKey(event, "nextRegion") ? 1 : isKey(event, "previousRegion") ? -1 : null;
      if (step === null) return;
      event.preventDefault();
      focusRegion(step);
    }
    document.addEventListener("keydown", handleKeyDown);
    return () => document.removeEventListener("keydown", handleKeyDown);
  }, []);

  return (
    <div className={styles["frame"]}>
      {hasRail && <Rail strip={isWide ? <Strips /> : null} />}
      <div className={styles["content"]}>
        <ScreenBoundary>{children}</ScreenBoundary>
      </div>
      {!isWide && (
        <div className={styles["strip"]}>
          <Strips />
        </div>
      )}
      {!hasRail && <TabBar />}
      <KeySheetOpener />
      <PaletteOpener />
      <Suspense>
        <ToastRegion />
      </Suspense>
    </div>
  );
}

/** The strips that concern every screen. */
function Strips() {
  return (
    <>
      <ConnectionStrip />
      <NewVersionStrip />
    </>
  );
}
