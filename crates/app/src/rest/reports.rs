//! Reports and the audit log, for managers.

use actix_web::{HttpResponse, http::header::ACCEPT};
use desk::reports::{AuditRequest, Report, ReportKey};
use domain::report::ReportGrouping;
use wire::response::{AuditRecordResponse, PageResponse, ReportKeyResponse, ReportResponse, ReportRowResponse};

use super::responses::page_response;
use crate::{
    endpoint::{Endpoint, ParameterValues, get},
    problem::HandlerResult,
    request::{ApiRequest, audit_request, page, prefers_csv, report_request},
};

const DATE: ParameterValues = ParameterValues::Pattern(r"^\d{4}-\d\d-\d\d$");

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/reports/", "Report about messages and answers (managers).", show_report)
            .describe(
                "Days are those of the hotel's time zone, at most 366; by default the last 30. Of guests who wait, the \
                 first message of staff is the answer. With `Accept: text/csv` the rows are a table in CSV, with the total \
                 in the last row; texts that a spreadsheet would run as formulas begin with an apostrophe.",
            )
            .query("from", DATE, "The first day.")
            .query("to", DATE, "The last day.")
            .query("by", ParameterValues::OneOf(ReportGrouping::NAMES), "What the rows are about; by default days.")
            .query("department", ParameterValues::Id, "Only what happened while the conversation was with this department.")
            .returns::<ReportResponse>(200)
            .returns_file(&["text/csv"])
            .problems(&[400]),
        get("/api/message_manager/audit/", "List changes by staff, API keys and the command line (managers).", list_audit)
            .describe(
                "Newest first. Messages, notes, drafts, reading and personal settings are not contained: messages and \
                 notes name their author and time themselves. Filters combine with AND.",
            )
            .query("conversation_id", ParameterValues::Id, "Only changes of this conversation.")
            .query("staff_id", ParameterValues::Id, "Only changes by or of this staff member.")
            .query("action", ParameterValues::Pattern("^[a-z_]{1,64}$"), "Only changes of this kind.")
            .query("from", DATE, "Only changes since this day, in the hotel's time zone.")
            .query("to", DATE, "Only changes until this day, in the hotel's time zone.")
            .returns_page::<PageResponse<AuditRecordResponse>>(),
    ]
}

async fn show_report(request: ApiRequest) -> HandlerResult {
    let accepts = request.http.headers().get_all(ACCEPT).filter_map(|it| it.to_str().ok());
    let is_csv = prefers_csv(accepts);
    if !is_csv {
        request.require_json_accepted()?;
    }
    let report = request.desk().report(request.caller, report_request(request.query())?).await?;
    if is_csv {
        let name = format!("attachment; filename=\"report-{}-{}.csv\"", report.from, report.to);
        return Ok(HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header(("Content-Disposition", name))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(report.to_csv()?));
    }
    Ok(HttpResponse::Ok().json(report_response(report)))
}

fn report_response(report: Report) -> ReportResponse {
    let key = |key: ReportKey| match key {
        ReportKey::Date(day) => Some(ReportKeyResponse::Date(day.to_string())),
        ReportKey::Id(id) => Some(ReportKeyResponse::Id(id)),
        ReportKey::Rest => None,
    };
    let rows = report.rows.into_iter().map(|row| ReportRowResponse::new(key(row.key), row.name, &row.figures));
    ReportResponse {
        from: report.from.to_string(),
        to: report.to.to_string(),
        timezone: report.timezone,
        rows: rows.collect(),
        total: ReportRowResponse::new(None, None, &report.total),
    }
}

async fn list_audit(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let page = page(&mut query)?;
    let filter: AuditRequest = audit_request(&mut query);
    let filter = query.finish(filter)?;
    let entries = request.desk().list_audit(request.caller, filter, page).await?;
    page_response::<_, AuditRecordResponse, _>(&request, page, entries)
}
