//! The full-text index of messages, and searches with it.

use std::time::{Duration, Instant};

use chrono::Utc;
use domain::{ConversationId, HotelId, MessageId, Reach, SenderType, search::SearchQuery};
use persistence::{
    StoreError,
    message_search::{self, SearchFilter},
    message_words,
    messages::{self, MessageSender, NewMessage},
};

use crate::plans::{BIG, filled, never_scans, plans};
use crate::support::{StoredHotel, TestBackend, TestDatabase, on_both};

const LONG: Duration = Duration::from_secs(60);

async fn find(db: &TestDatabase, reach: &Reach, q: &str, filter: SearchFilter, limit: usize) -> Vec<MessageId> {
    find_query(db, reach, SearchQuery::parse(q), filter, limit).await
}

async fn find_query(
    db: &TestDatabase,
    reach: &Reach,
    query: SearchQuery,
    filter: SearchFilter,
    limit: usize,
) -> Vec<MessageId> {
    let reach = reach.clone();
    let hits =
        db.store.read(move |conn| message_search::find(conn, &reach, &query, &filter, limit, Instant::now() + LONG));
    hits.await.unwrap().into_iter().map(|hit| hit.message).collect()
}

async fn find_all(db: &TestDatabase, reach: &Reach, q: &str) -> Vec<MessageId> {
    find(db, reach, q, SearchFilter::default(), 1000).await
}

fn unfinished(q: &str) -> SearchQuery {
    SearchQuery::parse(q).with_unfinished_last_word().unwrap()
}

async fn append(
    db: &TestDatabase,
    hotel: &StoredHotel,
    conversation: ConversationId,
    content: &str,
    internal: bool,
) -> MessageId {
    let (content, member) = (content.to_owned(), hotel.member.id);
    let job = move |tx: &mut persistence::Tx<'_>| {
        let new = NewMessage {
            conversation,
            content: &content,
            sender: if internal {
                MessageSender::Staff(member, "Ana")
            } else {
                MessageSender::Guest { name: "Ana", response_due_at: None }
            },
            at: Utc::now(),
            inbound: None,
            delivery: None,
            internal,
            client_ref: None,
            send_at: None,
            quote: None,
        };
        messages::append(tx, &new, None)
    };
    db.store.write(hotel.id, vec![], job).await.map_err(|error: StoreError| error).unwrap().id
}

/// Makes the database assign ids from here on.
async fn continue_ids(db: &TestDatabase, id: i64) {
    let sql = match db.backend {
        TestBackend::Sqlite => format!("UPDATE sqlite_sequence SET seq = {id} WHERE name = 'messages'"),
        TestBackend::Postgres => format!("SELECT setval(pg_get_serial_sequence('messages', 'id'), {id})"),
    };
    db.sql(sql).await.unwrap();
}

async fn empty_index(db: &TestDatabase) {
    let sql = match db.backend {
        TestBackend::Sqlite => "INSERT INTO message_words (message_words) VALUES ('delete-all')",
        TestBackend::Postgres => "DELETE FROM message_words",
    };
    db.sql(sql).await.unwrap();
    db.sql("UPDATE search_index SET unindexed_below = (SELECT MAX(id) + 1 FROM messages)").await.unwrap();
}

async fn fill(db: &TestDatabase, limit: i64) -> bool {
    db.store.write(HotelId(0), vec![], move |tx| message_words::fill(tx, limit)).await.unwrap()
}

fn conversation(hotel: &StoredHotel) -> ConversationId {
    hotel.stays[0].1
}

on_both!(the_newest_hits_are_found_over_many_blocks_of_ids, |db| {
    let (other, hotel) = (db.hotel(2, 2).await, db.hotel(2, 0).await);
    let (of, reach) = (conversation(&hotel), hotel.manager.reach());
    let mut expected = Vec::new();
    for block in [0, 1, 1, 2, 9, 40, 41, 200, 201] {
        continue_ids(&db, ((block + 1) << 14) - 100 + 4 * expected.len() as i64).await;
        expected.insert(0, append(&db, &hotel, of, "Seven pillows", false).await);
        append(&db, &other, conversation(&other), "Seven pillows elsewhere", false).await;
    }
    expected.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    expected.dedup();
    assert_eq!(find_all(&db, &reach, "pillows seven").await, expected);
    assert_eq!(find(&db, &reach, "pillows", SearchFilter::default(), 4).await, expected[..4]);
    let narrowed = SearchFilter { conversation: Some(of), ..SearchFilter::default() };
    assert_eq!(find(&db, &reach, "pillows", narrowed.clone(), 1000).await, expected);
    let elsewhere = SearchFilter { conversation: Some(hotel.stays[1].1), ..SearchFilter::default() };
    assert_eq!(find(&db, &reach, "pillows", elsewhere.clone(), 1000).await, []);
    // The same with the beginning of a word.
    for q in ["pil", "seven pillow", "pillows sev"] {
        assert_eq!(find_query(&db, &reach, unfinished(q), SearchFilter::default(), 1000).await, expected, "{q}");
        assert_eq!(find_query(&db, &reach, unfinished(q), narrowed.clone(), 1000).await, expected, "{q}");
        assert_eq!(find_query(&db, &reach, unfinished(q), elsewhere.clone(), 1000).await, [], "{q}");
        assert_eq!(find_query(&db, &reach, unfinished(q), SearchFilter::default(), 4).await, expected[..4], "{q}");
    }
    for q in ["pillowss", "sev pillows", "pillows seventh", "illows"] {
        assert_eq!(find_query(&db, &reach, unfinished(q), SearchFilter::default(), 1000).await, [], "{q}");
    }
});

// On SQLite more candidates than one statement reads.
on_both!(the_beginning_of_a_frequent_word_finds_each_message_once, |db| {
    let hotel = db.hotel(3, 700).await;
    let (conversations, reach) = (hotel.stays.len(), hotel.manager.reach());
    let all = find_query(&db, &reach, SearchQuery::parse("towels"), SearchFilter::default(), 5000).await;
    assert_eq!(all.len(), 700 * conversations);
    assert_eq!(find_query(&db, &reach, unfinished("tow"), SearchFilter::default(), 5000).await, all);
    // The last of the conversations has the newest messages, so the first candidates do not fit.
    let oldest = SearchFilter { conversation: Some(conversation(&hotel)), ..SearchFilter::default() };
    let found = find_query(&db, &reach, unfinished("tow"), oldest, 5000).await;
    assert_eq!(found, all[1400..]);
});

on_both!(a_long_word_is_compared_as_a_whole, |db| {
    let hotel = db.hotel(1, 0).await;
    let (of, reach) = (conversation(&hotel), hotel.manager.reach());
    let start = "x".repeat(63);
    let one = append(&db, &hotel, of, &format!("{start}{}", "y".repeat(10)), false).await;
    let other = append(&db, &hotel, of, &format!("{start}{}z", "y".repeat(10)), false).await;
    for (chars, expected) in [
        (63, vec![other, one]),
        (64, vec![other, one]),
        (65, vec![other, one]),
        (73, vec![other, one]),
        (74, vec![other]),
    ] {
        let q: String = format!("{start}{}z", "y".repeat(10)).chars().take(chars).collect();
        assert_eq!(find_query(&db, &reach, unfinished(&q), SearchFilter::default(), 10).await, expected, "{chars}");
    }
    assert_eq!(find_query(&db, &reach, unfinished(&format!("{start}yz")), SearchFilter::default(), 10).await, []);
});

on_both!(changed_and_hidden_messages_leave_the_index, |db| {
    let hotel = db.hotel(1, 0).await;
    let (of, reach) = (conversation(&hotel), hotel.manager.reach());
    let note = append(&db, &hotel, of, "pillows in a note", true).await;
    let (changed, hidden) =
        (append(&db, &hotel, of, "pillows", false).await, append(&db, &hotel, of, "pillows", false).await);
    assert_eq!(find_all(&db, &reach, "pillows").await, [hidden, changed]);
    let change = move |tx: &mut persistence::Tx<'_>| {
        messages::set_content(tx, changed, "blankets")?;
        messages::hide(tx, of, hidden)
    };
    db.store.write(hotel.id, vec![], change).await.map_err(|error: StoreError| error).unwrap();
    assert_eq!(find_all(&db, &reach, "pillows").await, []);
    assert_eq!(find_all(&db, &reach, "blankets").await, [changed]);
    // Rows of the index that are left over find nothing.
    assert!(note < changed);
    let count = match db.backend {
        TestBackend::Sqlite => "SELECT count(*) FROM message_words WHERE message_words MATCH 'pillows'",
        TestBackend::Postgres => "SELECT count(*) FROM message_words",
    };
    let expected = i64::from(db.backend == TestBackend::Postgres);
    assert_eq!(db.number(count).await, expected);
});

on_both!(the_index_is_filled_from_the_newest_message_to_the_oldest, |db| {
    let hotel = db.hotel(3, 5).await;
    let reach = hotel.manager.reach();
    let all = find_all(&db, &reach, "towels").await;
    assert_eq!(all.len(), 15);
    empty_index(&db).await;
    let new = append(&db, &hotel, conversation(&hotel), "towels", false).await;
    // A message that is changed before its turn is found as it is when its turn comes.
    let changed = all[14];
    let change = move |tx: &mut persistence::Tx<'_>| messages::set_content(tx, changed, "blankets");
    db.store.write(hotel.id, vec![], change).await.map_err(|error: StoreError| error).unwrap();
    assert_eq!(find_all(&db, &reach, "towels").await, [new]);
    assert!(!db.store.read(message_words::is_complete).await.unwrap());
    assert!(fill(&db, 4).await);
    assert_eq!(find_all(&db, &reach, "towels").await, [&[new], &all[..4]].concat());
    while fill(&db, 4).await {}
    assert_eq!(find_all(&db, &reach, "towels").await, [&[new], &all[..14]].concat());
    assert_eq!(find_all(&db, &reach, "blankets").await, [changed]);
    assert!(db.store.read(message_words::is_complete).await.unwrap());
    assert!(!fill(&db, 4).await);
});

on_both!(a_search_stops_at_its_deadline, |db| {
    let hotel = db.hotel(1, 1).await;
    let reach = hotel.manager.reach();
    let job = move |conn: &mut persistence::Conn| {
        let query = SearchQuery::parse("towels");
        message_search::find(conn, &reach, &query, &SearchFilter::default(), 1000, Instant::now())
    };
    assert!(matches!(db.store.read(job).await, Err(StoreError::TimedOut)));
});

/// An empty filter, each condition alone, and all together.
fn filters(conversation: ConversationId) -> Vec<SearchFilter> {
    let none = SearchFilter::default;
    let (room, now) = (Some("1".to_owned()), Some(Utc::now()));
    vec![
        none(),
        SearchFilter { conversation: Some(conversation), ..none() },
        SearchFilter { room: room.clone(), ..none() },
        SearchFilter { sender: Some(SenderType::Guest), ..none() },
        SearchFilter { from: now, ..none() },
        SearchFilter { before: now, ..none() },
        SearchFilter {
            conversation: Some(conversation),
            room,
            sender: Some(SenderType::Guest),
            from: now,
            before: now,
        },
    ]
}

/// Returns the plans of searches by a member and a manager, with each filter, for whole words and an unfinished one.
async fn search_plans(db: &TestDatabase) -> Vec<Vec<String>> {
    let hotel = filled(db).await;
    let mut found = Vec::new();
    for reach in [hotel.member.reach(), hotel.manager.reach()] {
        for query in [SearchQuery::parse("towels more"), unfinished("more tow")] {
            for filter in filters(hotel.stays[0].1) {
                let (reach, query) = (reach.clone(), query.clone());
                let search = move |conn: &mut persistence::Conn| {
                    message_search::find(conn, &reach, &query, &filter, 1000, Instant::now() + LONG)
                };
                found.push(plans(db, search).await);
            }
        }
    }
    found
}

on_both!(a_search_uses_the_full_text_index, |db| {
    for plans in search_plans(&db).await {
        never_scans(&plans, &[BIG.as_slice(), &["stays", "message_words_"]].concat());
        let index = match db.backend {
            TestBackend::Sqlite => "message_words VIRTUAL TABLE INDEX 192:M",
            TestBackend::Postgres => "Bitmap Index Scan on message_words_by_word",
        };
        assert!(plans.iter().any(|plan| plan.contains(index)), "{plans:#?}");
    }
});

// A plan that begins with the conversations of the hotel looks for each id in each of them.
on_both!(hits_are_loaded_by_the_ids_of_messages, |db| {
    for plans in search_plans(&db).await {
        let loading: Vec<&String> = plans.iter().filter(|plan| plan.contains("content")).collect();
        assert!(!loading.is_empty(), "{plans:#?}");
        for plan in loading {
            let steps: Vec<&str> = plan.lines().skip(1).map(str::trim).collect();
            let (first, of_conversations, key) = match db.backend {
                TestBackend::Sqlite => (steps[0], "conversations", "INTEGER PRIMARY KEY"),
                TestBackend::Postgres => (first_scan(&steps), "on conversations", "conversations_pkey"),
            };
            let by_ids = match db.backend {
                TestBackend::Sqlite => "SEARCH messages USING INTEGER PRIMARY KEY",
                TestBackend::Postgres => "messages_pkey",
            };
            assert!(first.contains(by_ids), "{plan}");
            for step in steps.iter().filter(|it| it.contains(of_conversations)) {
                assert!(step.contains(key), "{plan}");
            }
        }
    }
});

/// Returns the scan with which PostgreSQL begins: the first one that is printed, and of a bitmap the scan of its index.
fn first_scan<'a>(steps: &[&'a str]) -> &'a str {
    let mut scans = steps.iter().filter(|it| it.contains("Scan"));
    let first = scans.next().unwrap();
    if first.contains("Bitmap Heap Scan") { scans.next().unwrap() } else { first }
}
