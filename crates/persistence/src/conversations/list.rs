//! Lists of conversations: filter, search and pagination.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, exists},
    prelude::*,
};
use domain::{ConversationId, ConversationView, DepartmentId, LabelId, PhoneNumber, Reach, StaffId, Status};

use crate::{
    StoreError,
    conversations::view::views,
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{conversation_labels, conversations, read_marks},
        search_key,
    },
    store::connection::Conn,
};

/// Conditions of a list of conversations, combined with AND.
#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    /// Selects conversations with any of these statuses. If empty: conversations in relay with the departments of the
    /// caller (for a manager: with any department).
    pub status: Vec<Status>,
    pub department: Option<DepartmentId>,
    /// Selects conversations by assignee; `Some(None)` selects those without an assignee.
    pub assigned_to: Option<Option<StaffId>>,
    /// Whether to select only conversations with guest messages after the read position of the caller.
    pub unread: bool,
    /// Selects conversations whose guest waits for an answer, or those whose guest does not.
    pub waiting: Option<bool>,
    /// Selects snoozed conversations, or those that are not.
    pub snoozed: Option<bool>,
    /// Selects conversations whose guest should have been answered by this time.
    pub overdue_at: Option<DateTime<Utc>>,
    /// Whether to select only conversations with staff messages that the guest has not got.
    pub unsent: bool,
    pub order: ConversationOrder,
    /// Selects conversations with any of these labels; if empty, with any or none.
    pub labels: Vec<LabelId>,
    /// Search words, which must all occur in the guest name, the room or the phone number.
    pub search: Option<String>,
    /// The forms in which a phone number can be stored, if the search text is one: alternatives to each search word.
    pub search_numbers: Vec<String>,
}

/// The order of a list of conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConversationOrder {
    /// Last changed first.
    #[default]
    Updated,
    /// Longest waiting guest first, then all others, last changed first.
    Waiting,
    /// Newest id first, from the first id below `below`. Rows that change meanwhile are neither repeated nor left out.
    Newest { below: Option<ConversationId> },
}

/// A boxed query on `$from`: conversations that are visible to the caller and match the filter.
macro_rules! matching {
    ($from:expr, $reach:expr, $filter:expr) => {{
        let (reach, filter): (&Reach, &ConversationFilter) = ($reach, $filter);
        let mine: Vec<i64> = reach.departments.iter().map(|it| it.0).collect();
        let mut query = $from.filter(conversations::hotel_id.eq(reach.hotel.0)).into_boxed();
        query = match (filter.status.as_slice(), reach.is_manager()) {
            ([], true) => query.filter(conversations::status.eq(Status::Relay.as_str())),
            // With a single department the index also provides the sort order.
            ([], false) => match mine.as_slice() {
                [one] => query
                    .filter(conversations::status.eq(Status::Relay.as_str()))
                    .filter(conversations::department_id.eq(*one)),
                _ => query
                    .filter(conversations::status.eq(Status::Relay.as_str()))
                    .filter(conversations::department_id.eq_any(mine)),
            },
            (states, manager) => {
                let query = match states {
                    [one] => query.filter(conversations::status.eq(one.as_str())),
                    _ => {
                        let states: Vec<&str> = states.iter().map(|it| it.as_str()).collect();
                        query.filter(conversations::status.eq_any(states))
                    }
                };
                let unrouted = conversations::department_id.is_null();
                if manager { query } else { query.filter(unrouted.or(conversations::department_id.eq_any(mine))) }
            }
        };
        if let Some(department) = filter.department {
            query = query.filter(conversations::department_id.eq(department.0));
        }
        query = match filter.assigned_to {
            Some(Some(staff)) => query.filter(conversations::assigned_to.eq(staff.0)),
            Some(None) => query.filter(conversations::assigned_to.is_null()),
            None => query,
        };
        query = match filter.waiting {
            Some(true) => query.filter(conversations::waiting_since.is_not_null()),
            Some(false) => query.filter(conversations::waiting_since.is_null()),
            None => query,
        };
        query = match filter.snoozed {
            Some(true) => query.filter(conversations::snoozed_until.is_not_null()),
            Some(false) => query.filter(conversations::snoozed_until.is_null()),
            None => query,
        };
        if let Some(now) = filter.overdue_at {
            query = query.filter(conversations::response_due_at.le(Ts::from(now)));
            // Nobody is overdue who does not wait; the condition lets the databases use the index of waiting guests.
            query = query.filter(conversations::waiting_since.is_not_null());
        }
        if filter.unsent {
            let unsent = conversations::unsent_failed + conversations::unsent_unknown + conversations::unsent_held;
            query = query.filter(unsent.gt(0));
        }
        if !filter.labels.is_empty() {
            let ids: Vec<i64> = filter.labels.iter().map(|it| it.0).collect();
            query = query.filter(exists(
                conversation_labels::table
                    .filter(conversation_labels::conversation_id.eq(conversations::id))
                    .filter(among(conversation_labels::label_id, &ids)),
            ));
        }
        const { assert!(PhoneNumber::MAX_EQUIVALENT_FORMS == 4) };
        for word in filter.search.iter().flat_map(|it| it.split_whitespace()) {
            let has = |text: &str| conversations::search_key.like(search_key::pattern(text)).escape('\\');
            let number = |n: usize| has(filter.search_numbers.get(n).map_or(word, String::as_str));
            query = match filter.search_numbers.as_slice() {
                [] => query.filter(has(word)),
                _ => query.filter(has(word).or(number(0)).or(number(1)).or(number(2)).or(number(3))),
            };
        }
        query
    }};
}

/// As `matching`, but only conversations with guest messages after the read position of the caller.
macro_rules! matching_unread {
    ($reach:expr, $filter:expr) => {{
        let mark = read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq($reach.staff.0));
        let without_mark = read_marks::guest_ordinal.nullable().is_null().and(conversations::guest_messages.gt(0));
        let after_mark = conversations::guest_messages.nullable().gt(read_marks::guest_ordinal.nullable());
        matching!(conversations::table.left_join(read_marks::table.on(mark)), $reach, $filter)
            .filter(without_mark.or(after_mark))
    }};
}

/// Sorts a boxed query in the order of a filter.
macro_rules! in_order_of {
    ($filter:expr, $query:expr) => {{
        let newest_first = (conversations::updated_at.desc(), conversations::id.desc());
        match $filter.order {
            ConversationOrder::Updated => $query.order(newest_first),
            ConversationOrder::Waiting => {
                let longest_first = (conversations::waiting_since.is_null(), conversations::waiting_since.asc());
                $query.order((longest_first.0, longest_first.1, newest_first.0, newest_first.1))
            }
            ConversationOrder::Newest { below } => {
                let below = below.map_or(i64::MAX, |it| it.0);
                $query.order(conversations::id.desc()).filter(conversations::id.lt(below))
            }
        }
    }};
}

/// Counts the conversations that match a filter and loads the ids of one slice, in the order of the filter. On
/// PostgreSQL this is one statement, because a round trip costs as much as the count.
macro_rules! slice_of {
    ($conn:expr, $filter:expr, $slice:expr, $matching:expr) => {{
        macro_rules! page_with {
            ($columns:expr) => {
                in_order_of!($filter, $matching.select($columns).offset($slice.offset).limit($slice.limit))
            };
        }
        macro_rules! count {
            () => {
                $matching.select(count_star())
            };
        }
        // Diesel does not cache statements with lists of values, and SQLite takes longer to compile them than to run
        // them.
        let found: (i64, Vec<i64>) = match $conn {
            Conn::Pg(c) => {
                let count_beside = count!().single_value().assume_not_null();
                let rows: Vec<(i64, i64)> = prepared(page_with!((conversations::id, count_beside))).load(c)?;
                match rows.first() {
                    Some((_, count)) => (*count, rows.iter().map(|(id, _)| *id).collect()),
                    None => (prepared(count!()).get_result(c)?, Vec::new()),
                }
            }
            Conn::Sqlite(c) => (prepared(count!()).get_result(c)?, prepared(page_with!(conversations::id)).load(c)?),
        };
        found
    }};
}

/// The condition of the index for searches on SQLite, written literally, so that the index is used. No search word is
/// empty, so it excludes nothing that a search finds.
const SEARCHABLE: Fixed = fixed("conversations.search_key <> ''");

/// As `slice_of`, for a filter with search words: one pass over the conversations of the hotel, because none of them is
/// found through an index. If the slice lies behind the last match, the count is 0.
macro_rules! searched_slice_of {
    ($conn:expr, $filter:expr, $slice:expr, $matching:expr) => {{
        macro_rules! slice_with_count {
            ($query:expr) => {
                in_order_of!(
                    $filter,
                    $query.select((conversations::id, count_star().over())).offset($slice.offset).limit($slice.limit)
                )
            };
        }
        let rows: Vec<(i64, i64)> = match $conn {
            Conn::Pg(c) => slice_with_count!($matching).load(c)?,
            Conn::Sqlite(c) => {
                // The index holds all that a search compares: without the inner query SQLite would read the rows.
                let found = $matching.filter(SEARCHABLE).select(conversations::id);
                slice_with_count!(conversations::table.filter(conversations::id.eq_any(found)).into_boxed()).load(c)?
            }
        };
        let count = rows.first().map_or(0, |(_, count)| *count);
        (count, rows.into_iter().map(|(id, _)| id).collect::<Vec<i64>>())
    }};
}

/// Returns the number of conversations that match a filter and one slice of them, in the order of the filter. The number
/// is 0 if a slice of a search lies behind the last match.
pub fn list(
    conn: &mut Conn,
    reach: &Reach,
    filter: &ConversationFilter,
    slice: Slice,
) -> Result<(i64, Vec<ConversationView>), StoreError> {
    // Only the filter `unread` joins the read positions: with the join, the count costs one more lookup for each
    // matching conversation.
    // In the order of ids the count includes conversations above the slice, so it is a statement of its own.
    let is_one_pass = filter.search.is_some() && !matches!(filter.order, ConversationOrder::Newest { .. });
    let (count, ids) = match (is_one_pass, filter.unread) {
        (false, false) => slice_of!(conn, filter, slice, matching!(conversations::table, reach, filter)),
        (false, true) => slice_of!(conn, filter, slice, matching_unread!(reach, filter)),
        (true, false) => searched_slice_of!(conn, filter, slice, matching!(conversations::table, reach, filter)),
        (true, true) => searched_slice_of!(conn, filter, slice, matching_unread!(reach, filter)),
    };
    let ids: Vec<ConversationId> = ids.into_iter().map(ConversationId).collect();
    Ok((count, views(conn, Some(reach.staff), &ids)?))
}
