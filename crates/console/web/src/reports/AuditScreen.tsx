import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";

import { listAudit, type AuditFilter } from "../api/report-calls";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { Page } from "../records/Page";
import { Pager } from "../records/Pager";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { SearchSelect } from "../ui/SearchSelect";
import { TextField } from "../ui/TextField";
import { ACTIONS, useActionName } from "./actions";
import { AuditTable } from "./AuditTable";
import { isDay } from "./periods";
import styles from "./reports.module.css";

const PAGE_SIZE = 50;
/** The option id without a filter. */
const ALL = "all";

/** The screen of managers with all changes by staff, other systems and the command line. */
export default function AuditScreen() {
  const t = useT();
  const actionName = useActionName();
  const [place, setPlace] = usePlace();
  const staff = useStore((state) => state.directory.staff);
  const query = useQuery({
    queryKey: ["audit", place],
    queryFn: () => listAudit(place),
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: true,
  });
  const entries = query.data?.results ?? [];
  const filter = (change: Partial<AuditFilter>) => setPlace({ ...place, ...change, page: 1 });

  return (
    <Page title={t("audit.title")}>
      <div className={styles["filters"]}>
        <div className={styles["select"]}>
          <SearchSelect
            label={t("audit.action")}
            options={[{ id: ALL, name: t("audit.all_actions") }, ...ACTIONS.map((id) => ({ id, name: actionName(id) }))]}
            value={place.action ?? ALL}
            onChange={(id) => filter({ action: id === ALL ? null : String(id) })}
          />
        </div>
        <div className={styles["select"]}>
          <SearchSelect
            label={t("audit.person")}
            options={[{ id: ALL, name: t("audit.everybody") }, ...staff.map(({ id, name }) => ({ id, name }))]}
            value={place.staff_id ?? ALL}
            onChange={(id) => filter({ staff_id: id === ALL ? null : Number(id) })}
          />
        </div>
        <div className={styles["range"]}>
          <TextField
            label={t("reports.from")}
            type="date"
            value={place.from ?? ""}
            onChange={(from) => (from === "" || isDay(from)) && filter({ from: from === "" ? null : from })}
          />
          <TextField
            label={t("reports.to")}
            type="date"
            value={place.to ?? ""}
            onChange={(to) => (to === "" || isDay(to)) && filter({ to: to === "" ? null : to })}
          />
        </div>
        {place.conversation_id !== null && (
          <Button onPress={() => filter({ conversation_id: null })}>{t("audit.all_conversations")}</Button>
        )}
      </div>
      <ListState query={query} isEmpty={entries.length === 0} empty={<p>{t("audit.empty")}</p>}>
        <AuditTable entries={entries} onConversation={(id) => filter({ conversation_id: id })} />
        <Pager
          page={place.page}
          pages={Math.ceil((query.data?.count ?? 0) / PAGE_SIZE)}
          onPage={(page) => setPlace({ ...place, page })}
        />
      </ListState>
      <p className={styles["note"]}>{t("audit.explanation")}</p>
    </Page>
  );
}

/** The filters and the page. They are in the URL, so that a list can be reloaded and shared. */
function usePlace(): [AuditFilter, (place: AuditFilter) => void] {
  const [parameters, setParameters] = useSearchParams();
  const day = (name: string) => {
    const text = parameters.get(name) ?? "";
    return isDay(text) ? text : null;
  };
  const id = (name: string) => {
    const number = Number(parameters.get(name));
    return Number.isSafeInteger(number) && number > 0 ? number : null;
  };
  const action = parameters.get("action") ?? "";
  const place: AuditFilter = {
    page: id("page") ?? 1,
    page_size: PAGE_SIZE,
    action: /^[a-z_]{1,64}$/.test(action) ? action : null,
    staff_id: id("staff_id"),
    conversation_id: id("conversation_id"),
    from: day("from"),
    to: day("to"),
  };
  function setPlace(next: AuditFilter) {
    const given = Object.entries(next).filter(([name, value]) => value !== null && name !== "page_size" && !(name === "page" && value === 1));
    setParameters(Object.fromEntries(given.map(([name, value]) => [name, String(value)])));
  }
  return [place, setPlace];
}
