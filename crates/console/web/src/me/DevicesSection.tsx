import { useQuery, useQueryClient } from "@tanstack/react-query";

import { endOwnSession, listOwnSessions } from "../api/sessions";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { SessionRows } from "../records/SessionRows";
import { Section } from "./Section";

const OWN_SESSIONS = ["sessions", "own"];

/** The staff member's own sessions, with a button to end each except the current one, which ends by the menu. */
export function DevicesSection() {
  const t = useT();
  const queries = useQueryClient();
  const sessions = useQuery({ queryKey: OWN_SESSIONS, queryFn: () => listOwnSessions() });
  const rows = sessions.data ?? [];
  return (
    <Section title={t("me.devices")}>
      <ListState query={sessions} isEmpty={rows.length === 0} empty={t("records.sessions_none")}>
        <SessionRows
          sessions={rows}
          onEnd={async (id) => {
            await endOwnSession(id);
            await queries.invalidateQueries({ queryKey: OWN_SESSIONS });
          }}
        />
      </ListState>
    </Section>
  );
}
