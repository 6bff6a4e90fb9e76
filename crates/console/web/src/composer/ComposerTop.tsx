import { useT } from "../i18n/i18n";
import { keyNames, keyShortcuts } from "../ui/keys";
import styles from "./Composer.module.css";
import type { WindowState } from "./window";

interface ComposerTopProps {
  isNote: boolean;
  onToggle: () => void;
  windowState: WindowState;
}

/** The line above the box: reply or note, and the time left in the 24-hour window. */
export function ComposerTop({ isNote, onToggle, windowState }: ComposerTopProps) {
  const t = useT();
  return (
    <div className={styles["top"]}>
      <div
        className={styles["modes"]}
        role="group"
        aria-label={t("composer.mode")}
        title={`${t("keys.toggle_note")} (${keyNames("toggleNote")[0]})`}
      >
        <button type="button" className={styles["mode"]} aria-pressed={!isNote} onClick={() => isNote && onToggle()}>
          {t("composer.reply")}
        </button>
        <button
          type="button"
          className={styles["mode"]}
          aria-pressed={isNote}
          aria-keyshortcuts={keyShortcuts("toggleNote")}
          onClick={() => !isNote && onToggle()}
        >
          {t("composer.note")}
        </button>
      </div>
      {windowState.kind === "open" && !isNote && (
        <span className={styles["window"]}>
          {t("composer.window_open", { hours: windowState.hours, minutes: windowState.minutes })}
        </span>
      )}
    </div>
  );
}
