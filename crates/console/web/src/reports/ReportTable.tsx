import type { Report, ReportRow } from "../api/types";
import { useLanguage, useT } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import { Table } from "../ui/Table";
import { formatReportDay } from "../ui/time";
import { Bar } from "./Bar";
import styles from "./reports.module.css";
import { useDuration } from "./useDuration";

export type Grouping = "day" | "department" | "staff";

interface ReportTableProps {
  report: Report;
  by: Grouping;
}

/** The greatest values of the rows, to which the bars are relative. */
interface Scale {
  readonly conversations: number;
  readonly guest: number;
  readonly staff: number;
  readonly answer: number;
  readonly done: number;
}

/** The report as a table, with the total as its first row. Below each number a bar compares it with the other rows. */
export function ReportTable({ report, by }: ReportTableProps) {
  const t = useT();
  const scale: Scale = {
    conversations: greatest(report.rows, ({ conversations }) => conversations),
    guest: greatest(report.rows, ({ guest_messages: count }) => count),
    staff: greatest(report.rows, ({ staff_messages: count }) => count),
    answer: greatest(report.rows, ({ first_response_seconds: seconds }) => seconds.median ?? 0),
    done: greatest(report.rows, ({ resolution_seconds: seconds }) => seconds.median ?? 0),
  };
  // The newest day is the most interesting one.
  const rows = by === "day" ? report.rows.toReversed() : report.rows;
  const columns = [
    t(`reports.by.${by}`),
    t("reports.conversations"),
    t("reports.guest_messages"),
    t("reports.staff_messages"),
    <Column key="answer" name={t("reports.first_answer")} hint={t("reports.median_p90")} />,
    <Column key="done" name={t("reports.until_done")} hint={t("reports.median_p90")} />,
    t("reports.in_time"),
    t("reports.missed"),
  ];
  return (
    <div className={styles["table"]}>
      <Table label={t("reports.title")} columns={columns}>
        <Row row={report.total} name={t("reports.total")} isTotal />
        {rows.map((row) => (
          <NamedRow key={row.key ?? "rest"} row={row} by={by} scale={scale} />
        ))}
      </Table>
    </div>
  );
}

function Column({ name, hint }: { name: string; hint: string }) {
  return (
    <>
      {name}
      <span className={styles["hint"]}>{hint}</span>
    </>
  );
}

function NamedRow({ row, by, scale }: { row: ReportRow; by: Grouping; scale: Scale }) {
  const t = useT();
  const { locale } = useLanguage();
  const rest = by === "staff" ? t("reports.nobody") : t("reports.unrouted");
  const name = by === "day" ? formatReportDay(String(row.key), locale) : (row.name ?? rest);
  return <Row row={row} name={name} scale={scale} />;
}

interface RowProps {
  row: ReportRow;
  name: string;
  /** Without a scale the row has no bars. */
  scale?: Scale;
  isTotal?: boolean;
}

function Row({ row, name, scale, isTotal = false }: RowProps) {
  const { locale } = useLanguage();
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const { within_target: share, first_response_seconds: answer, resolution_seconds: done } = row;
  const count = (value: number, most: number | undefined) => (
    <td className={value === 0 ? styles["none"] : undefined}>
      {number.format(value)}
      {most !== undefined && value > 0 && <Bar share={value / most} />}
    </td>
  );
  return (
    <tr className={isTotal ? styles["total"] : undefined}>
      <th scope="row">
        <Bidi>{name}</Bidi>
      </th>
      {count(row.conversations, scale?.conversations)}
      {count(row.guest_messages, scale?.guest)}
      {count(row.staff_messages, scale?.staff)}
      <Durations summary={answer} most={scale?.answer} />
      <Durations summary={done} most={scale?.done} />
      <td className={share === null ? styles["none"] : undefined}>
        {share === null ? "–" : percent.format(share)}
        {share !== null && scale !== undefined && <Bar share={share} tone={share < 0.8 ? "warning" : "accent"} />}
      </td>
      <td className={styles[row.missed > 0 ? "missed" : "none"]}>{number.format(row.missed)}</td>
    </tr>
  );
}

interface DurationsProps {
  summary: ReportRow["first_response_seconds"];
  most: number | undefined;
}

function Durations({ summary, most }: DurationsProps) {
  const t = useT();
  const duration = useDuration();
  if (summary.median === null) return <td className={styles["none"]}>–</td>;
  return (
    <td>
      {t("reports.two_durations", { median: duration(summary.median), p90: duration(summary.p90) })}
      {most !== undefined && most > 0 && <Bar share={summary.median / most} />}
    </td>
  );
}

function greatest(rows: readonly ReportRow[], value: (row: ReportRow) => number): number {
  return rows.reduce((most, row) => Math.max(most, value(row)), 0);
}
