import { useLanguage, useT } from "../i18n/i18n";
import type { Presence } from "../store/state";
import { useStore } from "../store/store";
import styles from "./MessageScroller.module.css";

const NOBODY: readonly Presence[] = [];

/**
 * The line "Maria is writing…" below the messages. It keeps its height when empty, so that the thread does not move.
 */
export function TypingLine({ conversationId }: { conversationId: number }) {
  const t = useT();
  const { locale } = useLanguage();
  const presence = useStore((state) => state.presence.get(conversationId) ?? NOBODY);
  const names = presence.filter(({ kind }) => kind === "typing").map(({ staff }) => staff.name);
  return (
    <p className={styles["typing"]}>
      {names.length > 0 && t("thread.typing", { names: new Intl.ListFormat(locale).format(names) })}
    </p>
  );
}
