//! Query parameters of URLs. All faults of one query string are reported together.

use std::{collections::BTreeMap, ops::RangeInclusive, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use desk::{
    Caller, PageRequest,
    conversations::{ConversationFilter, ConversationOrder},
    messages::MessageRange,
    reports::{AuditRequest, ReportRequest},
    search::MessageSearch,
    stays::StayFilter,
    templates::TemplateFilter,
};
use domain::{
    ConversationId, DepartmentId, LabelId, MessageId, Name, ScheduledStatus, SenderType, Seq, StaffId, Status, Stay,
    report::ReportGrouping, stay::StayStatus,
};
use transport::Cursor;
use url::form_urlencoded;

use crate::{problem::Problem, request::path_id::parse_id};

const DEFAULT_PAGE_SIZE: i64 = 25;
const PAGE_SIZES: RangeInclusive<i64> = 1..=100;

/// The most characters of a search for messages.
pub const MAX_SEARCH_CHARS: usize = 500;

const DEFAULT_MESSAGE_LIMIT: i64 = 200;
const MESSAGE_LIMITS: RangeInclusive<i64> = 1..=1000;

/// The parameters of a query string, and the faults found so far. If a parameter is repeated, its last value counts.
#[derive(Debug)]
pub struct Query {
    parameters: BTreeMap<String, String>,
    faults: Vec<(String, Vec<String>)>,
}

impl Query {
    pub fn parse(text: &str) -> Self {
        Self { parameters: form_urlencoded::parse(text.as_bytes()).into_owned().collect(), faults: Vec::new() }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Parses an optional query parameter. Returns `None` if it is missing or has a fault, which is recorded.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.text(name)?;
        self.required(name, parse)
    }

    /// Parses a required query parameter. Returns `None` if it is missing or invalid; the fault is recorded.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.text(name).unwrap_or_default());
        parsed.map_err(|sentence| self.faults.push((name.to_owned(), vec![sentence]))).ok()
    }

    /// Parses a boolean query parameter; `false` if it is missing.
    pub fn flag(&mut self, name: &str) -> bool {
        self.optional(name, boolean).unwrap_or_default()
    }

    /// Returns the value built from the parsed parameters. Fails with 400 and all faults if there are any.
    pub fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.faults.is_empty() { Ok(value) } else { Err(Problem::invalid_fields(self.faults)) }
    }

    fn add_fault(&mut self, name: &str, sentence: &str) {
        self.faults.push((name.to_owned(), vec![sentence.to_owned()]));
    }

    fn number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let sentence = format!("Please give a number from {} to {}.", range.start(), range.end());
        self.optional(name, |text| text.parse().ok().filter(|it| range.contains(it)).ok_or(sentence))
    }

    fn id(&mut self, name: &str) -> Option<i64> {
        self.optional(name, id)
    }
}

/// Parses the page of a list that is requested (`page`, `page_size`). Fails with 404 if `page` is no page number.
pub fn page(query: &mut Query) -> Result<PageRequest, Problem> {
    let number = match query.text("page") {
        None => 1,
        Some(text) => parse_id(text).ok_or_else(Problem::no_such_path)?,
    };
    Ok(PageRequest { number, size: page_size(query) })
}

fn page_size(query: &mut Query) -> i64 {
    query.number("page_size", PAGE_SIZES).unwrap_or(DEFAULT_PAGE_SIZE)
}

/// A part of a list of conversations in the order of ids (`cursor`, `page_size`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationCursor {
    /// The id below which the part begins; `None` for the first part.
    pub below: Option<ConversationId>,
    pub size: i64,
}

/// Parses the cursor of a list of conversations. Returns `None` if the list is requested by page.
pub fn conversation_cursor(query: &mut Query) -> Option<ConversationCursor> {
    query.text("cursor")?;
    let below = query.optional("cursor", |text| if text.is_empty() { Ok(None) } else { id(text).map(Some) }).flatten();
    Some(ConversationCursor { below: below.map(ConversationId), size: page_size(query) })
}

/// Parses the filter in the query of `GET conversations/`.
pub fn conversation_filter(query: &mut Query, caller: Caller, now: DateTime<Utc>) -> ConversationFilter {
    ConversationFilter {
        status: query.optional("status", |text| names(text, Status::NAMES)).unwrap_or_default(),
        department: query.id("department").map(DepartmentId),
        assigned_to: query.optional("assigned_to", |text| assignee(text, caller)),
        unread: query.flag("unread"),
        waiting: query.optional("waiting", boolean),
        snoozed: query.optional("snoozed", boolean),
        overdue_at: query.flag("overdue").then_some(now),
        unsent: query.flag("unsent"),
        order: query.optional("order", conversation_order).unwrap_or_default(),
        labels: query.optional("label", labels).unwrap_or_default(),
        search: query.optional("search", search).flatten(),
        // Which telephone numbers match a search depends on the country of the hotel, so the use case adds them.
        search_numbers: vec![],
    }
}

/// Parses the statuses in the query of lists of scheduled messages; by default those that are not sent or cancelled.
pub fn scheduled_statuses(query: &mut Query) -> Vec<ScheduledStatus> {
    let open = vec![ScheduledStatus::Pending, ScheduledStatus::NeedsReview];
    query.optional("status", |text| names(text, ScheduledStatus::NAMES)).unwrap_or(open)
}

/// Parses the filter in the query of `GET stays/`.
pub fn stay_filter(query: &mut Query) -> StayFilter {
    StayFilter {
        reservation_code: query.optional("reservation_code", search).flatten(),
        room: query.optional("room", search).flatten(),
        search: query.optional("search", search).flatten(),
        // As for conversations, the use case adds the telephone numbers.
        search_numbers: vec![],
        status: query.optional("status", |text| names(text, StayStatus::NAMES)).unwrap_or_default(),
        current: query.flag("current"),
        arriving: query.flag("arriving"),
        leaving: query.flag("leaving"),
    }
}

/// Parses the filter in the query of `GET templates/`.
pub fn template_filter(query: &mut Query) -> TemplateFilter {
    TemplateFilter {
        search: query.optional("search", search).flatten(),
        department: query.id("department").map(DepartmentId),
    }
}

/// Parses the query of `GET search/`.
pub fn message_search(query: &mut Query) -> MessageSearch {
    MessageSearch {
        text: query.required("q", search_words).unwrap_or_default(),
        conversation: query.id("conversation_id").map(ConversationId),
        room: query.optional("room", search).flatten(),
        sender: query.optional("sender_type", sender_type),
        from: query.optional("from", day),
        to: query.optional("to", day),
    }
}

/// Parses the range of messages in the query of `GET conversations/{id}/messages/`.
pub fn message_range(query: &mut Query) -> MessageRange {
    let (before, after, around) = (query.id("before"), query.id("after"), query.id("around"));
    if around.is_some() && (before.is_some() || after.is_some()) {
        query.add_fault("around", "Please give `around` without `before` and `after`.");
    }
    MessageRange {
        before: before.map(MessageId),
        after: after.map(MessageId),
        around: around.map(MessageId),
        limit: query.number("limit", MESSAGE_LIMITS).unwrap_or(DEFAULT_MESSAGE_LIMIT),
        notes: query.optional("include", include).unwrap_or_default(),
    }
}

/// Parses the query of `GET reports/`.
pub fn report_request(mut query: Query) -> Result<ReportRequest, Problem> {
    let request = ReportRequest {
        from: query.optional("from", date),
        to: query.optional("to", date),
        by: query.optional("by", grouping).unwrap_or(ReportGrouping::Day),
        department: query.id("department").map(DepartmentId),
    };
    query.finish(request)
}

/// Parses the filter in the query of `GET audit/`.
pub fn audit_request(query: &mut Query) -> AuditRequest {
    AuditRequest {
        conversation: query.id("conversation_id").map(ConversationId),
        staff: query.id("staff_id").map(StaffId),
        action: query.optional("action", action),
        from: query.optional("from", date),
        to: query.optional("to", date),
    }
}

/// Parses the event log cursor in the query of `GET events/`.
pub fn event_cursor(mut query: Query) -> Result<Cursor, Problem> {
    let epoch = query.optional("epoch", epoch);
    let after = query.required("after_seq", seq).unwrap_or_default();
    query.finish(Cursor { epoch, after })
}

fn epoch(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("Please give no NUL.".to_owned()) } else { Ok(text.to_owned()) }
}

/// Parses a sequence number of the event log; 0 is the position before all events.
fn seq(text: &str) -> Result<Seq, String> {
    let seq = text.parse().ok().filter(|it: &i64| *it >= 0).map(Seq);
    seq.ok_or_else(|| "Please give the last `seq` that you received, or 0.".to_owned())
}

/// Parses a date of the four-digit years, which both databases store.
fn date(text: &str) -> Result<NaiveDate, String> {
    let parsed = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let is_canonical = |date: &NaiveDate| date.to_string() == text && (1900..=9998).contains(&date.year());
    parsed.filter(is_canonical).ok_or_else(|| "Please give a date like 2026-11-30.".to_owned())
}

fn grouping(text: &str) -> Result<ReportGrouping, String> {
    text.parse().map_err(|_| format!("Please give one of {}.", ReportGrouping::NAMES.join(", ")))
}

/// Parses the kind of an audited change; an unknown one is no fault, and matches nothing.
fn action(text: &str) -> Result<String, String> {
    let is_word = (1..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    if is_word { Ok(text.to_owned()) } else { Err("Please give the word of an action, such as `closed`.".to_owned()) }
}

fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "Please give `true` or `false`.".to_owned())
}

fn conversation_order(text: &str) -> Result<ConversationOrder, String> {
    match text {
        "updated" => Ok(ConversationOrder::Updated),
        "waiting" => Ok(ConversationOrder::Waiting),
        _ => Err("Please give `updated` or `waiting`.".to_owned()),
    }
}

fn id(text: &str) -> Result<i64, String> {
    parse_id(text).ok_or_else(|| "Please give an id.".to_owned())
}

/// Parses a list of names of an enum.
fn names<T: FromStr>(text: &str, all: &[&str]) -> Result<Vec<T>, String> {
    let parse = |word: &str| word.trim().parse().map_err(|_| format!("Please give one or more of {}.", all.join(", ")));
    text.split(',').map(parse).collect()
}

/// Parses a list of label ids. A hotel has at most 100 labels.
fn labels(text: &str) -> Result<Vec<LabelId>, String> {
    let ids: Vec<LabelId> = text.split(',').map(|word| id(word.trim()).map(LabelId)).collect::<Result<_, _>>()?;
    if ids.len() > 100 { Err("At most 100 labels can be given.".to_owned()) } else { Ok(ids) }
}

fn assignee(text: &str, caller: Caller) -> Result<Option<StaffId>, String> {
    match text {
        "me" => Ok(Some(caller.staff)),
        "none" => Ok(None),
        other => id(other).map(|id| Some(StaffId(id))).map_err(|_| "Please give `me`, `none` or an id.".to_owned()),
    }
}

/// Parses a search text. Returns `None` if it is only white space, which means no search.
fn search(text: &str) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    Name::parse(text).map(|it| Some(it.into_string())).map_err(|error| error.to_string())
}

/// Parses the words of a search for messages.
fn search_words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("Please give words to search for.".to_owned());
    }
    if text.contains('\0') {
        return Err("Please give no NUL.".to_owned());
    }
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(format!("At most {MAX_SEARCH_CHARS} characters are allowed."));
    }
    Ok(text.to_owned())
}

fn sender_type(text: &str) -> Result<SenderType, String> {
    text.parse().map_err(|_| format!("Please give one of {}.", SenderType::NAMES.join(", ")))
}

fn day(text: &str) -> Result<NaiveDate, String> {
    Stay::parse_day(text).map_err(|error| error.to_string())
}

fn include(text: &str) -> Result<bool, String> {
    if text == "notes" { Ok(true) } else { Err("Only `notes` can be included.".to_owned()) }
}

#[cfg(test)]
mod tests {
    use domain::{HotelId, SessionId};
    use proptest::prelude::*;

    use super::*;

    const ME: Caller = Caller { staff: StaffId(7), hotel: HotelId(1), session: SessionId(1) };

    fn parse_filter(text: &str) -> Result<ConversationFilter, Problem> {
        let mut query = Query::parse(text);
        let filter = conversation_filter(&mut query, ME, DateTime::UNIX_EPOCH);
        query.finish(filter)
    }

    fn parse_page(text: &str) -> Result<PageRequest, Problem> {
        let mut query = Query::parse(text);
        let page = page(&mut query)?;
        query.finish(page)
    }

    fn parse_range(text: &str) -> Result<MessageRange, Problem> {
        let mut query = Query::parse(text);
        let range = message_range(&mut query);
        query.finish(range)
    }

    #[test]
    fn a_filter_is_parsed() {
        let all =
            parse_filter("status=relay,closed&department=3&assigned_to=me&unread=true&search=+J%C3%B6rg+&x=y").unwrap();
        assert_eq!(all.status, [Status::Relay, Status::Closed]);
        assert_eq!((all.department, all.assigned_to), (Some(DepartmentId(3)), Some(Some(StaffId(7)))));
        assert_eq!((all.unread, all.search.as_deref()), (true, Some("Jörg")));
        assert_eq!(parse_filter("assigned_to=none").unwrap().assigned_to, Some(None));
        assert_eq!(parse_filter("assigned_to=9").unwrap().assigned_to, Some(Some(StaffId(9))));
        let waiting = parse_filter("waiting=false&unsent=true&order=waiting").unwrap();
        assert_eq!(parse_filter("snoozed=true").unwrap().snoozed, Some(true));
        assert_eq!((parse_filter("snoozed=false").unwrap().snoozed, waiting.snoozed), (Some(false), None));
        assert_eq!((waiting.waiting, waiting.unsent, waiting.order), (Some(false), true, ConversationOrder::Waiting));
        let none = parse_filter("search=%20").unwrap();
        assert!(none.status.is_empty() && none.search.is_none() && none.assigned_to.is_none() && !none.unread);
    }

    #[test]
    fn labels_are_a_list_of_ids() {
        assert_eq!(parse_filter("label=3,%204").unwrap().labels, [LabelId(3), LabelId(4)]);
        let many = |count: i64| format!("label={}", (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(","));
        assert_eq!(parse_filter(&many(100)).unwrap().labels.len(), 100);
        for bad in ["label=", "label=x", "label=0", "label=1,,2", "label=1,", &many(101)] {
            assert!(parse_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn invalid_filters_are_refused() {
        for bad in [
            "status=open",
            "status=",
            "status=relay,,active",
            "department=x",
            "department=0",
            "assigned_to=you",
            "assigned_to=",
            "unread=perhaps",
            "unread=1",
            "waiting=",
            "unsent=no",
            "snoozed=1",
            "order=oldest",
            "search=%00",
        ] {
            assert!(parse_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn page_number_and_size_have_bounds() {
        let default = parse_page("").unwrap();
        assert_eq!((default.number, default.size), (1, 25));
        let explicit = parse_page("page=3&page_size=100").unwrap();
        assert_eq!((explicit.number, explicit.size), (3, 100));
        let status = |text: &str| actix_web::ResponseError::status_code(&parse_page(text).unwrap_err()).as_u16();
        for bad in ["page=0", "page=x", "page=-1", "page=", "page=99999999999999999999", "page=0&page_size=0"] {
            assert_eq!(status(bad), 404, "{bad}");
        }
        for bad in ["page_size=0", "page_size=101", "page_size=x", "page_size=-1", "page_size="] {
            assert_eq!(status(bad), 400, "{bad}");
        }
    }

    #[test]
    fn a_message_range_has_bounds() {
        let default = parse_range("").unwrap();
        assert_eq!((default.limit, default.notes, default.before), (200, false, None));
        let explicit = parse_range("limit=1000&before=5&after=2&include=notes").unwrap();
        assert_eq!((explicit.limit, explicit.notes), (1000, true));
        assert_eq!((explicit.before, explicit.after), (Some(MessageId(5)), Some(MessageId(2))));
        assert_eq!(parse_range("around=7&limit=3").unwrap().around, Some(MessageId(7)));
        for bad in [
            "limit=0",
            "limit=1001",
            "before=x",
            "after=0",
            "include=all",
            "around=x",
            "around=7&before=9",
            "around=7&after=9",
        ] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_is_parsed() {
        let read = |text: &str| event_cursor(Query::parse(text));
        let default = read("after_seq=0").unwrap();
        assert_eq!((default.epoch, default.after), (None, Seq(0)));
        let whole = read("epoch=e&after_seq=9223372036854775807").unwrap();
        assert_eq!((whole.epoch.as_deref(), whole.after), (Some("e"), Seq(i64::MAX)));
        for bad in ["", "after_seq=", "after_seq=-1", "after_seq=x", "after_seq=9223372036854775808", "epoch=e"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("after_seq=0&epoch=%00").is_err());
    }

    const NAMES: [&str; 18] = [
        "around",
        "page",
        "page_size",
        "status",
        "department",
        "assigned_to",
        "unread",
        "waiting",
        "unsent",
        "snoozed",
        "order",
        "search",
        "limit",
        "before",
        "after",
        "include",
        "epoch",
        "after_seq",
    ];

    proptest! {
        #[test]
        fn no_query_string_panics(text in any::<String>()) {
            let _ = (parse_filter(&text).is_ok(), parse_page(&text).is_ok(), parse_range(&text).is_ok());
        }

        #[test]
        fn no_parameter_panics(
            parameters in proptest::collection::vec((proptest::sample::select(&NAMES[..]), any::<String>()), 0..6),
        ) {
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
            let _ = (parse_filter(&text).is_ok(), parse_range(&text).is_ok(), event_cursor(Query::parse(&text)).is_ok());
            if let Ok(page) = parse_page(&text) {
                prop_assert!(page.number >= 1 && PAGE_SIZES.contains(&page.size));
            }
        }

        #[test]
        fn an_id_has_one_canonical_form(text in "[+-]?[0-9]{0,22}|\\PC{0,5}") {
            let good = text.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == text);
            prop_assert_eq!(parse_id(&text).is_some(), good);
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("before", &text).finish();
            prop_assert_eq!(parse_range(&query).is_ok(), good);
        }
    }
}
