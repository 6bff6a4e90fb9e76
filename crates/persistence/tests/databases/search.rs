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
    let (reach, query) = (reach.clone(), SearchQuery::parse(q));
    let hits =
        db.store.read(move |conn| message_search::find(conn, &reach, &query, &filter, limit, Instant::now() + LONG));
    hits.await.unwrap().into_iter().map(|hit| hit.message).collect()
}

async fn find_all(db: &TestDatabase, reach: &Reach, q: &str) -> Vec<MessageId> {
    find(db, reach, q, SearchFilter::default(), 1000).await
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
    assert_eq!(find(&db, &reach, "pillows", narrowed, 1000).await, expected);
    let elsewhere = SearchFilter { conversation: Some(hotel.stays[1].1), ..SearchFilter::default() };
    assert_eq!(find(&db, &reach, "pillows", elsewhere, 1000).await, []);
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

on_both!(a_search_uses_the_full_text_index, |db| {
    let hotel = filled(&db).await;
    let (member, conversation) = (hotel.member.reach(), hotel.stays[0].1);
    let filters = [
        SearchFilter::default(),
        SearchFilter { conversation: Some(conversation), sender: Some(SenderType::Guest), ..SearchFilter::default() },
        SearchFilter {
            room: Some("1".into()),
            from: Some(Utc::now()),
            before: Some(Utc::now()),
            ..SearchFilter::default()
        },
    ];
    for filter in filters {
        let reach = member.clone();
        let plans = plans(&db, move |conn| {
            let deadline = Instant::now() + Duration::from_secs(60);
            message_search::find(conn, &reach, &SearchQuery::parse("towels more"), &filter, 1000, deadline)
        });
        let plans = plans.await;
        never_scans(&plans, &[BIG.as_slice(), &["stays", "message_words_"]].concat());
        let index = match db.backend {
            TestBackend::Sqlite => "message_words VIRTUAL TABLE INDEX 192:M",
            TestBackend::Postgres => "Bitmap Index Scan on message_words_by_word",
        };
        assert!(plans.iter().any(|plan| plan.contains(index)), "{plans:#?}");
    }
});
