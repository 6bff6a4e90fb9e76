//! Query parameters.

use std::{collections::BTreeMap, ops::RangeInclusive};

use desk::{Caller, Filter, MessageRange, Page};
use domain::{DepartmentId, MessageId, Name, Seq, StaffId, Status};
use transport::Cursor;
use url::form_urlencoded;

use super::path_id;
use crate::problem::Problem;

/// So many entries a page has where nothing is said.
const USUAL_PAGE: i64 = 25;
const PAGE_SIZES: RangeInclusive<i64> = 1..=100;

/// So many messages are given where nothing is said.
const USUAL_LIMIT: i64 = 200;
const LIMITS: RangeInclusive<i64> = 1..=1000;

/// The parameters of a query; of one given twice the last. Faults are gathered, to be told together.
#[derive(Debug)]
pub struct Query {
    parameters: BTreeMap<String, String>,
    faults: Vec<(String, Vec<String>)>,
}

impl Query {
    /// Reads a query string.
    pub fn parse(text: &str) -> Self {
        Self { parameters: form_urlencoded::parse(text.as_bytes()).into_owned().collect(), faults: Vec::new() }
    }

    /// A parameter as it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A parameter, read; `None` where it is not given, or its fault was noted.
    pub fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.text(name)?;
        self.need(name, read)
    }

    /// A parameter that has to be given, read; `None` where its fault was noted.
    pub fn need<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let told = read(self.text(name).unwrap_or_default());
        told.map_err(|sentence| self.faults.push((name.to_owned(), vec![sentence]))).ok()
    }

    /// A parameter that says yes or no; no where it says nothing.
    pub fn flag(&mut self, name: &str) -> bool {
        self.read(name, |text| text.parse().map_err(|_| "Please say `true` or `false`.".to_owned())).unwrap_or_default()
    }

    /// What was read, unless there were faults.
    ///
    /// # Errors
    /// [`Problem`]: 400.
    pub fn done<T>(self, read: T) -> Result<T, Problem> {
        if self.faults.is_empty() { Ok(read) } else { Err(Problem::invalid_fields(self.faults)) }
    }

    fn number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let sentence = format!("Please give a number from {} to {}.", range.start(), range.end());
        self.read(name, |text| text.parse().ok().filter(|it| range.contains(it)).ok_or(sentence))
    }

    fn id(&mut self, name: &str) -> Option<i64> {
        self.read(name, id)
    }
}

/// Which page of a list is asked for.
///
/// # Errors
/// [`Problem`]: 404 for a page that cannot be.
pub fn page(query: &mut Query) -> Result<Page, Problem> {
    let number = match query.text("page") {
        None => 1,
        Some(text) => path_id(text).ok_or_else(Problem::not_found)?,
    };
    Ok(Page { number, size: query.number("page_size", PAGE_SIZES).unwrap_or(USUAL_PAGE) })
}

/// Which conversations are asked for.
pub fn filter(query: &mut Query, caller: Caller) -> Filter {
    Filter {
        status: query.read("status", statuses).unwrap_or_default(),
        department: query.id("department").map(DepartmentId),
        assigned_to: query.read("assigned_to", |text| assignee(text, caller)),
        unread: query.flag("unread"),
        search: query.read("search", search).flatten(),
        // These the desk knows, which knows the hotel's country.
        search_numbers: vec![],
    }
}

/// Which messages are asked for.
pub fn message_range(query: &mut Query) -> MessageRange {
    MessageRange {
        before: query.id("before").map(MessageId),
        after: query.id("after").map(MessageId),
        limit: query.number("limit", LIMITS).unwrap_or(USUAL_LIMIT),
        notes: query.read("include", include).unwrap_or_default(),
    }
}

/// From where in the event log is asked.
///
/// # Errors
/// [`Problem`]: 400.
pub fn cursor(mut query: Query) -> Result<Cursor, Problem> {
    let epoch = query.read("epoch", epoch);
    let after = query.need("after_seq", place).unwrap_or_default();
    query.done(Cursor { epoch, after })
}

fn epoch(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("Please give no NUL.".to_owned()) } else { Ok(text.to_owned()) }
}

/// A place in the event log: 0 is before all of it.
fn place(text: &str) -> Result<Seq, String> {
    let place = text.parse().ok().filter(|it: &i64| *it >= 0).map(Seq);
    place.ok_or_else(|| "Please give the `seq` that you know, 0 for none.".to_owned())
}

fn id(text: &str) -> Result<i64, String> {
    path_id(text).ok_or_else(|| "Please give an id.".to_owned())
}

fn statuses(text: &str) -> Result<Vec<Status>, String> {
    let words = || Status::ALL.map(Status::as_str).join(", ");
    let read = |word: &str| word.trim().parse().map_err(|()| format!("Please give one or more of {}.", words()));
    text.split(',').map(read).collect()
}

fn assignee(text: &str, caller: Caller) -> Result<Option<StaffId>, String> {
    match text {
        "me" => Ok(Some(caller.staff)),
        "none" => Ok(None),
        other => id(other).map(|id| Some(StaffId(id))).map_err(|_| "Please give `me`, `none` or an id.".to_owned()),
    }
}

/// Nothing to look for is no search.
fn search(text: &str) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    Name::parse(text).map(|it| Some(it.into_string())).map_err(|error| error.to_string())
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

    fn filtered(text: &str) -> Result<Filter, Problem> {
        let mut query = Query::parse(text);
        let filter = filter(&mut query, ME);
        query.done(filter)
    }

    fn paged(text: &str) -> Result<Page, Problem> {
        let mut query = Query::parse(text);
        let page = page(&mut query)?;
        query.done(page)
    }

    fn ranged(text: &str) -> Result<MessageRange, Problem> {
        let mut query = Query::parse(text);
        let range = message_range(&mut query);
        query.done(range)
    }

    #[test]
    fn a_filter_is_read() {
        let all =
            filtered("status=relay,closed&department=3&assigned_to=me&unread=true&search=+J%C3%B6rg+&x=y").unwrap();
        assert_eq!(all.status, [Status::Relay, Status::Closed]);
        assert_eq!((all.department, all.assigned_to), (Some(DepartmentId(3)), Some(Some(StaffId(7)))));
        assert_eq!((all.unread, all.search.as_deref()), (true, Some("Jörg")));
        assert_eq!(filtered("assigned_to=none").unwrap().assigned_to, Some(None));
        assert_eq!(filtered("assigned_to=9").unwrap().assigned_to, Some(Some(StaffId(9))));
        let none = filtered("search=%20").unwrap();
        assert!(none.status.is_empty() && none.search.is_none() && none.assigned_to.is_none() && !none.unread);
    }

    #[test]
    fn bad_filters_are_told() {
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
            "search=%00",
        ] {
            assert!(filtered(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_has_bounds() {
        let usual = paged("").unwrap();
        assert_eq!((usual.number, usual.size), (1, 25));
        let asked = paged("page=3&page_size=100").unwrap();
        assert_eq!((asked.number, asked.size), (3, 100));
        let status = |text: &str| actix_web::ResponseError::status_code(&paged(text).unwrap_err()).as_u16();
        for bad in ["page=0", "page=x", "page=-1", "page=", "page=99999999999999999999", "page=0&page_size=0"] {
            assert_eq!(status(bad), 404, "{bad}");
        }
        for bad in ["page_size=0", "page_size=101", "page_size=x", "page_size=-1", "page_size="] {
            assert_eq!(status(bad), 400, "{bad}");
        }
    }

    #[test]
    fn a_range_of_messages_has_bounds() {
        let usual = ranged("").unwrap();
        assert_eq!((usual.limit, usual.notes, usual.before), (200, false, None));
        let asked = ranged("limit=1000&before=5&after=2&include=notes").unwrap();
        assert_eq!((asked.limit, asked.notes), (1000, true));
        assert_eq!((asked.before, asked.after), (Some(MessageId(5)), Some(MessageId(2))));
        for bad in ["limit=0", "limit=1001", "before=x", "after=0", "include=all"] {
            assert!(ranged(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_is_read() {
        let read = |text: &str| cursor(Query::parse(text));
        let usual = read("after_seq=0").unwrap();
        assert_eq!((usual.epoch, usual.after), (None, Seq(0)));
        let whole = read("epoch=e&after_seq=9223372036854775807").unwrap();
        assert_eq!((whole.epoch.as_deref(), whole.after), (Some("e"), Seq(i64::MAX)));
        for bad in ["", "after_seq=", "after_seq=-1", "after_seq=x", "after_seq=9223372036854775808", "epoch=e"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("after_seq=0&epoch=%00").is_err());
    }

    const NAMES: [&str; 13] = [
        "page",
        "page_size",
        "status",
        "department",
        "assigned_to",
        "unread",
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
        fn no_query_makes_it_panic(text in any::<String>()) {
            let _ = (filtered(&text).is_ok(), paged(&text).is_ok(), ranged(&text).is_ok());
        }

        #[test]
        fn no_parameter_makes_it_panic(
            parameters in proptest::collection::vec((proptest::sample::select(&NAMES[..]), any::<String>()), 0..6),
        ) {
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
            let _ = (filtered(&text).is_ok(), ranged(&text).is_ok(), cursor(Query::parse(&text)).is_ok());
            if let Ok(page) = paged(&text) {
                prop_assert!(page.number >= 1 && PAGE_SIZES.contains(&page.size));
            }
        }

        #[test]
        fn an_id_is_written_in_one_way(text in "[+-]?[0-9]{0,22}|\\PC{0,5}") {
            let good = text.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == text);
            prop_assert_eq!(path_id(&text).is_some(), good);
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("before", &text).finish();
            prop_assert_eq!(ranged(&query).is_ok(), good);
        }
    }
}
