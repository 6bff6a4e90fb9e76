import { API, request, requestFile } from "./http";
import type { AuditEntry, PageOf, Report } from "./types";

export interface ReportFilter {
  /** First and last day in the hotel's time zone, `2026-11-30`. */
  readonly from: string;
  readonly to: string;
  readonly by: "day" | "department" | "staff";
  readonly department: number | null;
}

export function getReport({ from, to, by, department }: ReportFilter): Promise<Report> {
  return request("GET", `${API}reports/`, { query: { from, to, by, department } });
}

/** Returns the report as a table in CSV. */
export function getReportTable({ from, to, by, department }: ReportFilter): Promise<Blob> {
  return requestFile("GET", `${API}reports/`, { query: { from, to, by, department }, accept: "text/csv" });
}

export interface AuditFilter {
  /** 1 is the first page. */
  readonly page: number;
  readonly page_size: number;
  readonly action: string | null;
  readonly staff_id: number | null;
  readonly conversation_id: number | null;
  readonly from: string | null;
  readonly to: string | null;
}

export function listAudit(filter: AuditFilter): Promise<PageOf<AuditEntry>> {
  return request("GET", `${API}audit/`, { query: { ...filter } });
}
