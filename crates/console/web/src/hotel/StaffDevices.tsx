import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { endAllSessionsOf, endSessionOf, listSessionsOf } from "../api/sessions";
import type { StaffMember } from "../api/types";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { SessionRows } from "../records/SessionRows";
import { useOffline } from "../records/useOffline";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import styles from "./hotel.module.css";

/**
 * The sessions of a staff member, for managers, with buttons to sign out one device, such as a lost telephone, or all.
 */
export function StaffDevices({ member }: { member: StaffMember }) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const queryKey = ["sessions", member.id];
  const sessions = useQuery({ queryKey, queryFn: () => listSessionsOf(member.id) });
  const rows = sessions.data ?? [];

  async function endAll() {
    setPending(true);
    setProblem(null);
    try {
      await endAllSessionsOf(member.id);
      await queries.invalidateQueries({ queryKey });
    } catch (error) {
      setProblem(sentenceOf(error, t));
    } finally {
      setPending(false);
    }
  }

  return (
    <section className={styles["form"]} aria-label={t("people.devices")}>
      <h3 className={styles["second"]}>{t("people.devices")}</h3>
      <ListState query={sessions} isEmpty={rows.length === 0} empty={t("records.sessions_none")}>
        <SessionRows
          sessions={rows}
          onEnd={async (id) => {
            await endSessionOf(member.id, id);
            await queries.invalidateQueries({ queryKey });
          }}
        />
        {rows.length > 1 && (
          <div className={styles["bar"]}>
            <Button isDisabled={isOffline} isPending={isPending} onPress={() => void endAll()}>
              {t("people.devices_end")}
            </Button>
          </div>
        )}
      </ListState>
      {problem !== null && <ProblemLine detail={problem} />}
    </section>
  );
}
