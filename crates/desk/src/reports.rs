//! Reports and the audit log, for managers.

mod table;

use auth::Caller;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{
    AuditRecord, ConversationId, DepartmentId, Hotel, StaffId,
    report::{MAX_REPORT_DAYS, ReportFigures, ReportGrouping},
};
use persistence::{
    Conn, audit_log,
    audit_log::AuditFilter,
    departments, hotels,
    reports::figures::{self, GroupedFigures, ReportScope},
    staff,
};

use crate::{
    Desk, Error, PageRequest,
    existence::ensure_department,
    hotel_calendar::{start_of_day, today},
    principal::ensure_manager,
    read_limit::ReadCost,
};

/// The days of a report that names none.
const DEFAULT_DAYS: u64 = 30;

/// The report that is asked for. Dates are in the hotel's time zone; both are included.
#[derive(Clone, Copy, Debug)]
pub struct ReportRequest {
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub by: ReportGrouping,
    pub department: Option<DepartmentId>,
}

/// The entries of the audit log that are asked for. Dates are in the hotel's time zone; both are included.
#[derive(Clone, Debug, Default)]
pub struct AuditRequest {
    pub conversation: Option<ConversationId>,
    pub staff: Option<StaffId>,
    pub action: Option<String>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// What a row of a report is about. Without a date or id: the rest, which has no department or staff member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKey {
    Date(NaiveDate),
    Id(i64),
    Rest,
}

#[derive(Clone, Debug)]
pub struct ReportRow {
    pub key: ReportKey,
    /// Present name of the department or staff member; the date of a day.
    pub name: Option<String>,
    pub figures: ReportFigures,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub timezone: String,
    pub total: ReportFigures,
    pub rows: Vec<ReportRow>,
}

impl Desk {
    /// Returns a report about the caller's hotel. Fails with [`Error::Invalid`] if the period is empty or too long, or the
    /// department is not of the hotel.
    pub async fn report(&self, caller: Caller, request: ReportRequest) -> Result<Report, Error> {
        let now = self.now();
        self.read_as_with_cost(caller, ReadCost::Scan, move |conn, live| {
            ensure_manager(live)?;
            let hotel = hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)?;
            if let Some(department) = request.department {
                ensure_department(conn, hotel.id, "department", department)?;
            }
            let (from, to) = period(&request, today(&hotel, now))?;
            let days: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= to).collect();
            let begins = days.iter().chain(to.succ_opt().as_ref()).map(|day| start_of_day(&hotel, *day)).collect();
            let scope = ReportScope { hotel: hotel.id, department: request.department, days: begins, now };
            let found = figures::load(conn, &scope, request.by)?;
            let total = found.total.clone();
            let rows = rows(conn, &hotel, request.by, &days, found)?;
            Ok(Report { from, to, timezone: hotel.timezone, total, rows })
        })
        .await
    }

    /// Returns the number of matching entries of the audit log and one page of them, newest first.
    pub async fn list_audit(
        &self,
        caller: Caller,
        request: AuditRequest,
        page: PageRequest,
    ) -> Result<(i64, Vec<AuditRecord>), Error> {
        self.read_as(caller, move |conn, live| {
            ensure_manager(live)?;
            let hotel = hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)?;
            let begin = |day: NaiveDate| -> DateTime<Utc> { start_of_day(&hotel, day) };
            let filter = AuditFilter {
                conversation: request.conversation,
                staff: request.staff,
                action: request.action,
                from: request.from.map(begin),
                to: request.to.and_then(|day| day.succ_opt()).map(begin),
            };
            let (count, entries) = audit_log::list(conn, hotel.id, &filter, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, entries))
        })
        .await
    }
}

/// Returns first and last day of a report: by default the last 30 days.
fn period(request: &ReportRequest, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Error> {
    let to = request.to.unwrap_or_else(|| request.from.map_or(today, |from| from.max(today)));
    let from = request.from.or_else(|| to.checked_sub_days(Days::new(DEFAULT_DAYS - 1))).unwrap_or(to);
    let days = (to - from).num_days() + 1;
    if days < 1 {
        return Err(Error::invalid("to", "Please give a last day that is not before the first."));
    }
    if days > MAX_REPORT_DAYS {
        return Err(Error::invalid("to", format!("A report has at most {MAX_REPORT_DAYS} days.")));
    }
    Ok((from, to))
}

/// Returns the rows of a report: every day, every active department, everybody with a figure, last what has neither.
fn rows(
    conn: &mut Conn,
    hotel: &Hotel,
    by: ReportGrouping,
    days: &[NaiveDate],
    mut found: GroupedFigures,
) -> Result<Vec<ReportRow>, Error> {
    let mut row = |group: i64, key: ReportKey, name: String| {
        let figures = found.groups.remove(&group);
        ReportRow { key, name: Some(name), figures: figures.unwrap_or_default() }
    };
    let mut rows: Vec<ReportRow> = match by {
        ReportGrouping::Day => {
            let of_day = |(group, day): (usize, &NaiveDate)| row(group as i64, ReportKey::Date(*day), day.to_string());
            days.iter().enumerate().map(of_day).collect()
        }
        ReportGrouping::Department => {
            let all = departments::all(conn, hotel.id)?.into_iter();
            let shown = all.map(|it| (it.active, row(it.id.0, ReportKey::Id(it.id.0), it.name)));
            let has_figures = |row: &ReportRow| row.figures != ReportFigures::default();
            shown.filter(|(active, row)| *active || has_figures(row)).map(|(_, row)| row).collect()
        }
        ReportGrouping::Staff => {
            let all = staff::all(conn, Some(hotel.id))?.into_iter();
            let shown = all.map(|it| row(it.id.0, ReportKey::Id(it.id.0), it.name));
            shown.filter(|row| row.figures != ReportFigures::default()).collect()
        }
    };
    if let Some(figures) = found.groups.remove(&0)
        && by != ReportGrouping::Day
    {
        rows.push(ReportRow { key: ReportKey::Rest, name: None, figures });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period_of(from: Option<&str>, to: Option<&str>) -> Result<(String, String), Error> {
        let date = |text: &str| text.parse().unwrap();
        let request =
            ReportRequest { from: from.map(date), to: to.map(date), by: ReportGrouping::Day, department: None };
        period(&request, date("2026-03-31")).map(|(from, to)| (from.to_string(), to.to_string()))
    }

    #[test]
    fn a_period_has_defaults_and_limits() {
        let is = |from, to, expected: (&str, &str)| {
            assert_eq!(period_of(from, to).unwrap(), (expected.0.to_owned(), expected.1.to_owned()));
        };
        is(None, None, ("2026-03-02", "2026-03-31"));
        is(Some("2026-03-30"), None, ("2026-03-30", "2026-03-31"));
        is(Some("2026-04-02"), None, ("2026-04-02", "2026-04-02"));
        is(None, Some("2026-01-30"), ("2026-01-01", "2026-01-30"));
        is(Some("2024-01-01"), Some("2024-12-31"), ("2024-01-01", "2024-12-31"));
        assert!(period_of(Some("2024-01-01"), Some("2025-01-01")).is_err());
        assert!(period_of(Some("2024-01-02"), Some("2024-01-01")).is_err());
    }
}
