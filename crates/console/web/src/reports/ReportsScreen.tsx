import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "wouter";

import { getReport, getReportTable } from "../api/report-calls";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { Page } from "../records/Page";
import { saveFile } from "../records/save-file";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { Select } from "../ui/Select";
import { dayOf } from "../ui/time";
import { showToast } from "../ui/toast";
import { useMinute } from "../ui/useMinute";
import { Choices } from "./Choices";
import { DateRange } from "./DateRange";
import { isDay, periodOf, PRESETS, presetOf, type Period } from "./periods";
import { ReportTable, type Grouping } from "./ReportTable";
import styles from "./reports.module.css";

const GROUPINGS = ["day", "department", "staff"] as const;
/** The option id for all departments. */
const ALL = "all";

/** The screen of managers with the numbers of messages and the times of answers. */
export default function ReportsScreen() {
  const t = useT();
  const today = dayOf(useMinute(), useStore((state) => state.directory.hotel.timezone));
  const departments = useStore((state) => state.directory.departments);
  const [place, setPlace] = usePlace(today);
  const { from, to, by, department } = place;
  const isOffline = useOffline();
  const query = useQuery({
    queryKey: ["reports", from, to, by, department],
    queryFn: () => getReport({ from, to, by, department }),
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: true,
  });
  const [shown, setShown] = useState<{ data: typeof query.data; by: Grouping }>({ data: undefined, by });
  // The rows of the last report stay while the next one is loaded, and they are named by their own grouping.
  if (query.data !== shown.data && !query.isPlaceholderData) setShown({ data: query.data, by });
  const report = shown.data;

  return (
    <Page
      title={t("reports.title")}
      actions={<TableButton filter={{ from, to, by, department }} isDisabled={isOffline || report === undefined} />}
    >
      <div className={styles["filters"]}>
        <Choices
          label={t("reports.period")}
          options={PRESETS.map((id) => ({ id, name: t(`reports.period.${id}`) }))}
          value={presetOf({ from, to }, today)}
          onChange={(preset) => setPlace({ ...place, ...periodOf(preset, today) })}
        />
        <DateRange key={`${from} ${to}`} period={{ from, to }} onChange={(period) => setPlace({ ...place, ...period })} />
      </div>
      <div className={styles["filters"]}>
        <Choices
          label={t("reports.rows")}
          options={GROUPINGS.map((id) => ({ id, name: t(`reports.by.${id}`) }))}
          value={by}
          onChange={(next) => setPlace({ ...place, by: next })}
        />
        <div className={styles["select"]}>
          <Select
            label={t("reports.department")}
            options={[{ id: ALL, name: t("reports.all_departments") }, ...departments]}
            value={department ?? ALL}
            onChange={(id) => setPlace({ ...place, department: id === ALL ? null : Number(id) })}
          />
        </div>
      </div>
      <ListState query={query} isEmpty={report === undefined} empty={<p>{t("reports.empty")}</p>}>
        {report !== undefined && <ReportTable report={report} by={shown.by} />}
      </ListState>
      <p className={styles["note"]}>{t("reports.explanation")}</p>
    </Page>
  );
}

interface Place extends Period {
  readonly by: Grouping;
  readonly department: number | null;
}

function TableButton({ filter, isDisabled }: { filter: Place; isDisabled: boolean }) {
  const t = useT();
  const [isPending, setPending] = useState(false);
  async function download() {
    setPending(true);
    try {
      saveFile(await getReportTable(filter), `report-${filter.from}-${filter.to}.csv`);
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    } finally {
      setPending(false);
    }
  }
  return (
    <Button isDisabled={isDisabled} isPending={isPending} onPress={() => void download()}>
      <Download size={16} aria-hidden />
      {t("reports.download")}
    </Button>
  );
}

/** What the report shows. It is in the URL, so that a report can be reloaded and shared. By default the last 30 days. */
function usePlace(today: string): [Place, (place: Place) => void] {
  const [parameters, setParameters] = useSearchParams();
  const [from, to, by] = ["from", "to", "by"].map((name) => parameters.get(name) ?? "");
  const isGiven = isDay(from ?? "") && isDay(to ?? "");
  const department = Number(parameters.get("department"));
  const place: Place = {
    ...(isGiven ? { from: from ?? "", to: to ?? "" } : periodOf("days30", today)),
    by: GROUPINGS.find((each) => each === by) ?? "day",
    department: Number.isSafeInteger(department) && department > 0 ? department : null,
  };
  function setPlace(next: Place) {
    setParameters({
      from: next.from,
      to: next.to,
      by: next.by,
      ...(next.department !== null && { department: String(next.department) }),
    });
  }
  return [place, setPlace];
}
