//! The figures of a report, read from the stored rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{dsl, prelude::*, sql_types::Bool};
use domain::{
    DepartmentId, HotelId,
    report::{ReportFigures, ReportGrouping},
};

use crate::{
    StoreError,
    reports::quarter,
    sql::{
        cached_statement::{Fixed, fixed},
        column_types::Ts,
        schema::{conversations, report_activity, report_answers, report_closings, report_missed},
    },
    store::connection::{Conn, on_db},
};

/// The rows of which a report consists.
#[derive(Clone, Debug)]
pub struct ReportScope {
    pub hotel: HotelId,
    pub department: Option<DepartmentId>,
    /// The beginnings of the days, and the end of the last day, ascending.
    pub days: Vec<DateTime<Utc>>,
    /// Answers that are due before this time and have not come are missed.
    pub now: DateTime<Utc>,
}

impl ReportScope {
    fn bounds(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        Some((*self.days.first()?, *self.days.last()?))
    }

    /// The number of the day of a time, counted from 0.
    fn day(&self, at: DateTime<Utc>) -> i64 {
        self.days.partition_point(|begin| *begin <= at) as i64 - 1
    }
}

/// The figures of all rows together, and of each group: by the number of the day, or the id of the department or staff
/// member (0: none).
#[derive(Debug, Default)]
pub struct GroupedFigures {
    pub total: ReportFigures,
    pub groups: BTreeMap<i64, ReportFigures>,
}

/// The condition that a table's rows are of the scope; `$at` is the column of their time.
macro_rules! in_scope {
    ($table:ident, $at:ident, $scope:expr, $from:expr, $to:expr) => {
        $table::table
            .filter($table::hotel_id.eq($scope.hotel.0))
            .filter($table::$at.ge($from).and($table::$at.lt($to)))
            .filter(
                $scope
                    .department
                    .is_none()
                    .into_sql::<Bool>()
                    .or($table::department_id.eq($scope.department.map_or(0, |it| it.0))),
            )
    };
}

pub fn load(conn: &mut Conn, scope: &ReportScope, by: ReportGrouping) -> Result<GroupedFigures, StoreError> {
    let mut figures = GroupedFigures::default();
    let Some((from, to)) = scope.bounds() else { return Ok(figures) };
    load_activity(conn, scope, by, &mut figures)?;
    let (from, to) = (Ts::from(from), Ts::from(to));
    let group = |at: Ts, department: i64, staff: i64| match by {
        ReportGrouping::Day => scope.day(at.0),
        ReportGrouping::Department => department,
        ReportGrouping::Staff => staff,
    };
    type Answer = (Ts, i64, i64, Option<Ts>, Option<Ts>);
    let answers: Vec<Answer> = on_db!(conn, |c| in_scope!(report_answers, at, scope, from, to)
        .filter(report_answers::answers_since.is_not_null())
        .select((
            report_answers::at,
            report_answers::department_id,
            report_answers::staff_id,
            report_answers::answers_since,
            report_answers::due_at,
        ))
        .load(c))?;
    for (at, department, staff, since, due) in answers {
        let seconds = since.map_or(0, |since| (at.0 - since.0).num_seconds().max(0));
        let is_in_time = due.is_some_and(|due| due.0 >= at.0);
        figures.add(group(at, department, staff), |it| {
            it.first_responses.push(seconds);
            it.within_target += i64::from(is_in_time);
        });
    }
    let closings: Vec<(Ts, i64, i64, Ts)> = on_db!(conn, |c| in_scope!(report_closings, at, scope, from, to)
        .select((
            report_closings::at,
            report_closings::department_id,
            report_closings::staff_id,
            report_closings::opened_at,
        ))
        .load(c))?;
    for (at, department, staff, opened) in closings {
        let seconds = (at.0 - opened.0).num_seconds().max(0);
        figures.add(group(at, department, staff), |it| it.resolutions.push(seconds));
    }
    for (due, department, staff) in load_missed(conn, scope, (from, to))? {
        figures.add(group(due, department, staff), |it| it.missed += 1);
    }
    Ok(figures)
}

impl GroupedFigures {
    fn add(&mut self, group: i64, add: impl Fn(&mut ReportFigures)) {
        add(&mut self.total);
        add(self.groups.entry(group).or_default());
    }
}

/// Counts messages and conversations. A day is a statement, because grouping a year by day would sort all of its rows.
fn load_activity(
    conn: &mut Conn,
    scope: &ReportScope,
    by: ReportGrouping,
    figures: &mut GroupedFigures,
) -> Result<(), StoreError> {
    type Counts = (i64, i64, i64);
    let columns = (
        dsl::sql::<diesel::sql_types::BigInt>("COUNT(DISTINCT report_activity.conversation_id)"),
        dsl::sql::<diesel::sql_types::BigInt>("CAST(COALESCE(SUM(report_activity.guest_messages), 0) AS BIGINT)"),
        dsl::sql::<diesel::sql_types::BigInt>("CAST(COALESCE(SUM(report_activity.staff_messages), 0) AS BIGINT)"),
    );
    let counts = |it: &mut ReportFigures, (conversations, guest, staff): Counts| {
        (it.conversations, it.guest_messages, it.staff_messages) = (conversations, guest, staff);
    };
    let Some((from, to)) = scope.bounds().map(|(from, to)| (quarter(from), quarter(to))) else { return Ok(()) };
    macro_rules! counted {
        ($from:expr, $to:expr) => {
            in_scope!(report_activity, quarter, scope, $from, $to)
                .filter((report_activity::guest_messages + report_activity::staff_messages).gt(0))
        };
    }
    let groups: Vec<(i64, Counts)> = match by {
        ReportGrouping::Day => {
            let mut days = Vec::new();
            for (day, bounds) in scope.days.windows(2).enumerate() {
                let [from, to] = [bounds[0], bounds[1]].map(quarter);
                let of_day: Counts = on_db!(conn, |c| counted!(from, to).select(columns.clone()).get_result(c))?;
                days.push((day as i64, of_day));
            }
            days
        }
        ReportGrouping::Department => on_db!(conn, |c| counted!(from, to)
            .group_by(report_activity::department_id)
            .select((report_activity::department_id, columns.clone()))
            .load(c))?,
        ReportGrouping::Staff => on_db!(conn, |c| counted!(from, to)
            .group_by(report_activity::staff_id)
            .select((report_activity::staff_id, columns.clone()))
            .load(c))?,
    };
    for (group, of_group) in groups {
        figures.total.guest_messages += of_group.1;
        figures.total.staff_messages += of_group.2;
        counts(figures.groups.entry(group).or_default(), of_group);
    }
    let all = counted!(from, to).select(columns.0);
    figures.total.conversations = on_db!(conn, |c| all.get_result(c))?;
    Ok(())
}

/// Returns the times at which an answer was due that did not come in time, with department and staff member.
fn load_missed(conn: &mut Conn, scope: &ReportScope, (from, to): (Ts, Ts)) -> Result<Vec<(Ts, i64, i64)>, StoreError> {
    let mut missed: Vec<(Ts, i64, i64)> = on_db!(conn, |c| in_scope!(report_missed, due_at, scope, from, to)
        .select((report_missed::due_at, report_missed::department_id, report_missed::staff_id))
        .load(c))?;
    let late: Vec<(Option<Ts>, i64, i64)> = on_db!(conn, |c| in_scope!(report_answers, due_at, scope, from, to)
        .filter(LATE)
        .select((report_answers::due_at, report_answers::department_id, report_answers::staff_id))
        .load(c))?;
    missed.extend(late.into_iter().filter_map(|(due, department, staff)| Some((due?, department, staff))));
    let (any, department) = (scope.department.is_none().into_sql::<Bool>(), scope.department.map_or(0, |it| it.0));
    let waiting: Vec<(Option<Ts>, Option<i64>, Option<i64>)> = on_db!(conn, |c| conversations::table
        .filter(conversations::hotel_id.eq(scope.hotel.0).and(WAITING))
        .filter(conversations::response_due_at.ge(from).and(conversations::response_due_at.lt(to)))
        .filter(conversations::response_due_at.lt(Ts::from(scope.now)))
        .filter(any.or(conversations::department_id.eq(department).assume_not_null()))
        .select((conversations::response_due_at, conversations::department_id, conversations::assigned_to))
        .load(c))?;
    let ids = |(due, department, staff): (Option<Ts>, Option<i64>, Option<i64>)| {
        Some((due?, department.unwrap_or_default(), staff.unwrap_or_default()))
    };
    missed.extend(waiting.into_iter().filter_map(ids));
    Ok(missed)
}

/// The condition "the answer came after it was due", written literally, so that the partial index is used.
const LATE: Fixed = fixed("report_answers.due_at < report_answers.at AND report_answers.answers_since IS NOT NULL");

/// The condition "the guest waits", written literally, so that the partial index is used.
const WAITING: Fixed = fixed("conversations.waiting_since IS NOT NULL");
