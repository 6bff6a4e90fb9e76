//! Query plans of the audit log and of reports.

use chrono::{TimeDelta, Utc};
use domain::report::ReportGrouping;
use persistence::{
    audit_log::{self, AuditFilter},
    reports::figures::{self, ReportScope},
};

use super::{BIG, FIRST_PAGE, filled, never_scans, plans};
use crate::support::{TestBackend, on_both};

on_both!(the_audit_is_found_by_the_index_of_its_filter, |db| {
    let hotel = filled(&db).await;
    let id = hotel.id;
    let (conversation, staff) = (hotel.stays[0].1, hotel.member.id);
    let at = Some(Utc::now());
    let filters = [
        (AuditFilter::default(), "audit_by_"),
        (AuditFilter { from: at, to: at, ..AuditFilter::default() }, "audit_by_"),
        (AuditFilter { conversation: Some(conversation), ..AuditFilter::default() }, "audit_by_conversation"),
        // With few rows SQLite reads those of the hotel in the order of time.
        (AuditFilter { staff: Some(staff), ..AuditFilter::default() }, "audit_by_"),
        (AuditFilter { action: Some("closed".to_owned()), ..AuditFilter::default() }, "audit_by_action"),
    ];
    for (filter, index) in filters {
        let asked = filter.clone();
        let plans = plans(&db, move |conn| audit_log::list(conn, id, &asked, FIRST_PAGE)).await;
        never_scans(&plans, &["audit"]);
        // PostgreSQL reads so small a table through any index of the hotel.
        let is_found = db.backend == TestBackend::Postgres || plans.iter().take(2).all(|plan| plan.contains(index));
        assert!(is_found, "{filter:?}: {}", plans.join("\n"));
    }
});

on_both!(a_report_reads_the_rows_of_its_days, |db| {
    let hotel = filled(&db).await;
    for by in [ReportGrouping::Day, ReportGrouping::Department, ReportGrouping::Staff] {
        for department in [None, Some(hotel.department)] {
            let now = Utc::now();
            let days = vec![now - TimeDelta::days(2), now - TimeDelta::days(1), now];
            let scope = ReportScope { hotel: hotel.id, department, days, now };
            let plans = plans(&db, move |conn| figures::load(conn, &scope, by)).await;
            let tables = ["report_activity", "report_answers", "report_closings", "report_missed"];
            never_scans(&plans, &tables);
            never_scans(&plans, &BIG);
        }
    }
});
