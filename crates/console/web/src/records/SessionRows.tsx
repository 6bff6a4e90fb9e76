import { useState } from "react";

import type { StaffSession } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { useStore } from "../store/store";
import { Bidi, isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { formatFull } from "../ui/time";
import { nameDevice } from "./device";
import styles from "./SessionRows.module.css";
import { useOffline } from "./useOffline";

interface SessionRowsProps {
  sessions: readonly StaffSession[];
  /** Ends a session and refetches the rows. */
  onEnd: (id: number) => Promise<void>;
}

/** Rows of sessions: device, last use and address, with a button to end each except the current one. */
export function SessionRows({ sessions, onEnd }: SessionRowsProps) {
  const t = useT();
  const isOffline = useOffline();
  const [pending, setPending] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  async function end(id: number) {
    setPending(id);
    setProblem(null);
    try {
      await onEnd(id);
    } catch (error) {
      setProblem(sentenceOf(error, t));
    } finally {
      setPending(null);
    }
  }

  return (
    <>
      <ul className={styles["rows"]}>
        {sessions.map((each) => (
          <li key={each.id} className={styles["row"]}>
            <Device session={each} />
            {each.current ? (
              <span className={styles["current"]}>{t("records.session_current")}</span>
            ) : (
              <Button
                small
                isDisabled={isOffline}
                isPending={pending === each.id}
                aria-label={t("records.session_end_of", { device: isolate(nameDevice(each.user_agent) ?? t("records.session_unknown")) })}
                onPress={() => void end(each.id)}
              >
                {t("records.session_end")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {problem !== null && <ProblemLine detail={problem} />}
    </>
  );
}

function Device({ session }: { session: StaffSession }) {
  const t = useT();
  const zone = useStore(({ directory }) => directory.hotel.timezone);
  const { locale } = useLanguage();
  return (
    <div>
      <Bidi className={styles["device"]}>{nameDevice(session.user_agent) ?? t("records.session_unknown")}</Bidi>
      <p className={styles["facts"]}>
        {t("records.session_used", { time: isolate(formatFull(session.last_used_at, { locale, zone })) })}
        {session.address !== null && (
          <>
            {" · "}
            <bdi>{session.address}</bdi>
          </>
        )}
      </p>
    </div>
  );
}
