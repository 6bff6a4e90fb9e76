//! Query plans: frequent queries use indexes and scan neither messages nor events nor conversations.

mod reports;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use chrono::{TimeDelta, Utc};
use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection},
    sql_query, sql_types,
};
use domain::{
    ConversationId, ConversationRef, GuestIdentity, HistoryEntryId, LabelId, MessageId, PhoneNumber, Reach, Seq, Status,
};
use persistence::{
    Conn, Locks, StoreError, access_revocations,
    conversations::{self, ConversationFilter},
    dead_letters, diagnostics, early_receipts, event_log, guests, history, message_page, messages,
    outbox::{self, OutboxKey},
    reply_lookup, service_windows,
    sql::pagination::Slice,
    stays,
};

use crate::{
    callers::sign_in,
    support::{StoredHotel, TestBackend, TestDatabase, name, on_both, run},
};

pub const FIRST_PAGE: Slice = Slice { offset: 0, limit: 25 };

/// Runs queries and returns the plan of each of their statements.
pub async fn plans<T: Send + 'static>(
    db: &TestDatabase,
    mut ask: impl FnMut(&mut Conn) -> Result<T, StoreError> + Send + 'static,
) -> Vec<String> {
    let job = move |conn: &mut Conn| {
        let recorder = StatementRecorder::default();
        listen(conn, Box::new(recorder.clone()));
        ask(conn)?;
        let statements = recorder.0.lock().unwrap().clone();
        listen(conn, Box::new(StatementRecorder::default()));
        assert!(!statements.is_empty());
        // A setting has no plan.
        statements.iter().filter(|sql| !sql.starts_with("SET LOCAL")).map(|sql| plan(conn, sql)).collect()
    };
    db.store.read(job).await.unwrap()
}

/// Records the statements of a connection without their values, and the statements that are newly cached.
#[derive(Clone, Default)]
struct StatementRecorder(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<String>>>);

impl Instrumentation for StatementRecorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds:").next().unwrap_or_default();
            self.0.lock().unwrap().push(sql.to_owned());
        } else if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            self.1.lock().unwrap().push(sql.to_owned());
        }
    }
}

fn listen(conn: &mut Conn, to: Box<dyn Instrumentation>) {
    match conn.unrestricted() {
        Conn::Pg(conn) => conn.set_instrumentation(to),
        Conn::Sqlite(conn) => conn.set_instrumentation(to),
    }
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = sql_types::Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PgStep {
    #[diesel(sql_type = sql_types::Text, column_name = "QUERY PLAN")]
    step: String,
}

/// Settings with which PostgreSQL plans queries on small tables as on big ones.
const AS_IF_BIG: &str = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off";

/// Returns the query plan of a statement with placeholders.
fn plan(conn: &mut Conn, sql: &str) -> Result<String, StoreError> {
    let steps: Vec<String> = match conn.unrestricted() {
        Conn::Sqlite(conn) => {
            let steps: Vec<SqliteStep> = sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn)?;
            steps.into_iter().map(|it| it.detail).collect()
        }
        Conn::Pg(conn) => {
            let values = vec!["NULL"; (1..).take_while(|n| sql.contains(&format!("${n}"))).count()].join(", ");
            let values = if values.is_empty() { values } else { format!("({values})") };
            conn.batch_execute(&format!("{AS_IF_BIG}; PREPARE asked AS {sql}"))?;
            let steps: Vec<PgStep> = sql_query(format!("EXPLAIN EXECUTE asked{values}")).load(conn)?;
            conn.batch_execute("DEALLOCATE asked")?;
            steps.into_iter().map(|it| it.step).collect()
        }
    };
    Ok(format!("{sql}\n  {}", steps.join("\n  ")))
}

/// Creates a hotel with data, beside another hotel.
pub async fn filled(db: &TestDatabase) -> StoredHotel {
    db.hotel(20, 20).await;
    let hotel = db.hotel(60, 60).await;
    if db.backend == TestBackend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    hotel
}

/// Asserts that no plan scans one of these tables, or an index of it, completely.
#[track_caller]
pub fn never_scans(plans: &[String], tables: &[&str]) {
    for plan in plans {
        println!("{plan}\n");
        for table in tables {
            let lines: Vec<&str> = plan.lines().skip(1).map(str::trim).collect();
            for (n, line) in lines.iter().enumerate() {
                assert!(!line.starts_with(&format!("SCAN {table}")), "{plan}");
                if line.contains("Scan") && line.contains(&format!(" on {table}")) {
                    // PostgreSQL prints the condition of an index scan on the next line.
                    let bounded =
                        lines[n + 1..].iter().take_while(|it| !it.starts_with("->")).any(|it| it.contains("Cond:"));
                    assert!(bounded, "{line}: {plan}");
                }
            }
        }
    }
}

/// Tables that no frequent query may scan.
pub const BIG: [&str; 3] = ["messages", "events", "conversations"];
/// Tables that a query about a caller may not scan either.
const CALLER: [&str; 9] = [
    "messages",
    "events",
    "conversations",
    "sessions",
    "guests",
    "stays",
    "attachments",
    "departments",
    "message_templates",
];

on_both!(a_page_of_conversations_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (member, manager) = (hotel.member.reach(), hotel.manager.reach());
    let with = |change: &dyn Fn(&mut ConversationFilter)| {
        let mut filter = ConversationFilter::default();
        change(&mut filter);
        filter
    };
    let everything = Status::ALL.to_vec();
    let filters = [
        with(&|_| {}),
        with(&|it| it.status = vec![Status::Active]),
        with(&|it| it.status = everything.clone()),
        with(&|it| it.department = Some(hotel.department)),
        with(&|it| it.assigned_to = Some(Some(hotel.member.id))),
        with(&|it| it.assigned_to = Some(None)),
        with(&|it| it.unread = true),
        with(&|it| it.waiting = Some(true)),
        with(&|it| it.order = conversations::ConversationOrder::Waiting),
        with(&|it| it.overdue_at = Some(Utc::now())),
        with(&|it| it.unsent = true),
        with(&|it| it.labels = vec![LabelId(1), LabelId(2)]),
        with(&|it| it.search = Some("guest 7".into())),
        with(&|it| (it.search, it.status) = (Some("guest 7".into()), everything.clone())),
        with(&|it| (it.search, it.status, it.unread) = (Some("guest 7".into()), everything.clone(), true)),
    ];
    for reach in [member, manager] {
        for filter in filters.clone() {
            let reach: Reach = reach.clone();
            let (is_search, unread) = (filter.search.is_some(), filter.unread);
            let plans = plans(&db, move |conn| conversations::list(conn, &reach, &filter, FIRST_PAGE)).await;
            never_scans(&plans, &BIG);
            if is_search && db.backend == TestBackend::Sqlite {
                // A search compares all conversations of the hotel, so it must not read all their rows.
                let covering = if unread { "INDEX" } else { "COVERING INDEX" };
                let expected = format!("SEARCH conversations USING {covering} conversations_by_search");
                assert!(plans[0].contains(&expected), "{}", plans[0]);
            }
        }
        let inbox = plans(&db, move |conn| conversations::inbox(conn, &reach, Utc::now())).await;
        never_scans(&inbox, &BIG);
    }
});

on_both!(history_guest_card_and_shown_stays_are_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let ((stay, id), reach) = (hotel.stays[3], hotel.member.reach());
    let of_history = ["conversation_history"];
    never_scans(&plans(&db, move |conn| history::list(conn, id, FIRST_PAGE)).await, &of_history);
    never_scans(&plans(&db, |conn| history::by_ids(conn, &[HistoryEntryId(1), HistoryEntryId(2)])).await, &of_history);
    let guest = db.store.read(move |conn| conversations::find(conn, ConversationRef::Conversation(id))).await;
    let guest = guest.unwrap().unwrap().guest();
    never_scans(&plans(&db, move |conn| conversations::visible_of_guest(conn, &reach, guest, 200)).await, &BIG);
    let with_stays = [BIG.as_slice(), &["stays", "guests"]].concat();
    never_scans(&plans(&db, move |conn| stays::of_guest(conn, guest, 200)).await, &with_stays);
    never_scans(&plans(&db, move |conn| stays::by_ids(conn, &[stay])).await, &with_stays);
    never_scans(&plans(&db, move |conn| guests::details(conn, guest)).await, &with_stays);
});

on_both!(a_page_of_conversations_is_compiled_once_and_counts_without_read_positions, |db| {
    let hotel = filled(&db).await;
    let with = |status: &[Status], unread| ConversationFilter {
        status: status.to_vec(),
        unread,
        ..ConversationFilter::default()
    };
    let one = with(&[Status::Active], false);
    let filters = [with(&[], false), one, with(&[Status::Relay, Status::Closed], false), with(&[], true)];
    let mut several = hotel.member.reach();
    several.departments.push(domain::DepartmentId(0));
    // All statements that one connection caches for lists of conversations.
    let mut compiled = HashSet::new();
    for reach in [hotel.member.reach(), several, hotel.manager.reach()] {
        for filter in filters.clone() {
            let (asked, reach) = (filter.clone(), reach.clone());
            let recorder = db.store.read(move |conn| {
                let recorder = StatementRecorder::default();
                listen(conn, Box::new(recorder.clone()));
                conversations::list(conn, &reach, &asked, FIRST_PAGE)?;
                listen(conn, Box::new(StatementRecorder::default()));
                Ok::<_, StoreError>((recorder.0.lock().unwrap().clone(), recorder.1.lock().unwrap().clone()))
            });
            let (statements, cached) = recorder.await.unwrap();
            compiled.extend(cached);
            let anew: Vec<_> = statements.iter().filter(|it| !compiled.contains(*it)).collect();
            assert!(anew.is_empty(), "{anew:?}");
            let count = statements.iter().find(|it| it.to_lowercase().contains("count(*)")).unwrap();
            assert_eq!(count.contains("read_marks"), filter.unread, "{count}");
        }
    }
});

on_both!(a_list_contains_the_matching_conversations, |db| {
    let hotel = filled(&db).await;
    let (me, ids) = (hotel.member.id, hotel.stays.iter().map(|it| it.1).collect::<Vec<_>>());
    let set = |what: &str, modulus: i64| {
        format!("UPDATE conversations SET {what} WHERE hotel_id = {} AND id % {modulus} = 0", hotel.id)
    };
    db.sql(set(&format!("assigned_to = {me}"), 3)).await.unwrap();
    db.sql(set("status = 'closed'", 5)).await.unwrap();
    db.sql(format!(
        "INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) SELECT {me}, conversation_id, \
         max(id), max(guest_ordinal) FROM messages WHERE conversation_id % 4 = 0 GROUP BY conversation_id"
    ))
    .await
    .unwrap();
    let asked = ids.clone();
    let mut all = db.store.read(move |conn| conversations::views(conn, Some(me), &asked)).await.unwrap();
    all.sort_by_key(|it| std::cmp::Reverse((it.updated_at, it.conversation.id())));
    let (relay, closed, active) = (Status::Relay, Status::Closed, Status::Active);
    for status in [vec![], vec![active], vec![relay, closed], vec![relay, closed, active]] {
        for unread in [false, true] {
            for assigned_to in [None, Some(None), Some(Some(me))] {
                let wanted = if status.is_empty() { vec![relay] } else { status.clone() };
                let expected = all.iter().filter(|view| {
                    let conversation = &view.conversation;
                    wanted.contains(&conversation.status())
                        && (!unread || view.unread() > 0)
                        && assigned_to.is_none_or(|to| conversation.assignee() == to)
                });
                let expected: Vec<ConversationId> = expected.map(|it| it.conversation.id()).collect();
                let filter =
                    ConversationFilter { status: status.clone(), unread, assigned_to, ..ConversationFilter::default() };
                for slice in [FIRST_PAGE, Slice { offset: 5, limit: 3 }, Slice { offset: 1000, limit: 3 }] {
                    let (reach, asked) = (hotel.member.reach(), filter.clone());
                    let found = db.store.read(move |conn| conversations::list(conn, &reach, &asked, slice)).await;
                    let (count, page) = found.unwrap();
                    let page: Vec<ConversationId> = page.into_iter().map(|it| it.conversation.id()).collect();
                    let on_page = expected.iter().skip(slice.offset as usize).take(slice.limit as usize);
                    assert_eq!(count, expected.len() as i64, "{filter:?}");
                    assert_eq!(page, on_page.copied().collect::<Vec<_>>(), "{filter:?} {slice:?}");
                }
            }
        }
    }
});

on_both!(one_conversation_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let ((stay, id), reach) = (hotel.stays[3], hotel.member.reach());
    for which in [ConversationRef::Conversation(id), ConversationRef::Stay(stay)] {
        let (reach, again) = (reach.clone(), reach.clone());
        never_scans(&plans(&db, move |conn| conversations::find_visible(conn, &reach, which)).await, &BIG);
        let with_hotel = plans(&db, move |conn| conversations::find_visible_with_hotel(conn, &again, which)).await;
        never_scans(&with_hotel, &BIG);
        never_scans(&with_hotel, &["departments", "message_templates"]);
    }
    let me = hotel.member.id;
    never_scans(&plans(&db, move |conn| conversations::views(conn, Some(me), &[id])).await, &BIG);
    never_scans(&plans(&db, move |conn| conversations::open_ids_assigned_to(conn, me, 200)).await, &BIG);
    let (of, departments) = (hotel.id, [hotel.department]);
    never_scans(&plans(&db, move |conn| access_revocations::relay_conversations(conn, of, &departments)).await, &BIG);
});

on_both!(a_page_of_messages_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let ((stay, id), me) = (hotel.stays[3], hotel.member.id);
    let session = sign_in(&db, &hotel.member, Utc::now()).await;
    let page = |before: Option<i64>, after: Option<i64>, notes: bool| messages::MessageRange {
        before: before.map(MessageId),
        after: after.map(MessageId),
        around: None,
        limit: 200,
        notes,
    };
    for page in
        [page(None, None, false), page(None, None, true), page(Some(900), None, false), page(None, Some(900), true)]
    {
        never_scans(&plans(&db, move |conn| messages::list_range(conn, id, page)).await, &BIG);
        for which in [ConversationRef::Conversation(id), ConversationRef::Stay(stay)] {
            never_scans(&plans(&db, move |conn| message_page::load(conn, session, which, page)).await, &CALLER);
        }
    }
    let around = messages::MessageRange { around: Some(MessageId(900)), ..page(None, None, true) };
    never_scans(&plans(&db, move |conn| messages::list_range(conn, id, around)).await, &BIG);
    let key = domain::ClientRef::parse("k").unwrap();
    for which in [ConversationRef::Conversation(id), ConversationRef::Stay(stay)] {
        let key = key.clone();
        never_scans(&plans(&db, move |conn| reply_lookup::load(conn, session, which, Some(&key))).await, &CALLER);
    }
    never_scans(&plans(&db, |conn| messages::by_ids(conn, &[MessageId(900), MessageId(901)])).await, &BIG);
    never_scans(&plans(&db, move |conn| messages::find_by_client_ref(conn, id, me, &key)).await, &BIG);
    never_scans(&plans(&db, move |conn| messages::other_staff_wrote_after(conn, id, MessageId(900), me)).await, &BIG);
});

on_both!(the_guest_of_a_message_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (id, conversation) = (hotel.id, hotel.stays[3].1);
    let identity = GuestIdentity {
        // A phone number with the maximum number of equivalent forms.
        phone: Some(PhoneNumber::parse("+5493512345678").unwrap()),
        wa_id: Some("5493512345678".into()),
        bsuid: Some("AR.1".into()),
    };
    let again = identity.clone();
    let by_identity = plans(&db, move |conn| guests::find_by_identity(conn, id, &identity)).await;
    never_scans(&by_identity, &["guests"]);
    // SQLite calls a scan of all rows of the hotel a search, too.
    assert!(by_identity.iter().all(|plan| plan.lines().all(|it| !it.ends_with("(hotel_id=?)"))), "{by_identity:?}");
    never_scans(&plans(&db, move |conn| guests::is_fully_known(conn, id, &again)).await, &BIG);
    let found = db.store.read(move |conn| conversations::find(conn, ConversationRef::Conversation(conversation))).await;
    let guest = found.unwrap().unwrap().guest();
    never_scans(&plans(&db, move |conn| conversations::ids_of_guest(conn, guest)).await, &BIG);
    never_scans(&plans(&db, move |conn| conversations::find_without_stay(conn, guest)).await, &BIG);
    never_scans(&plans(&db, move |conn| stays::not_checked_out(conn, guest)).await, &["stays"]);
    never_scans(&plans(&db, |conn| messages::find_by_whatsapp_id(conn, "wamid.1")).await, &BIG);
    never_scans(&plans(&db, move |conn| messages::find_quoted(conn, guest, "wamid.1")).await, &BIG);
    let (now, day) = (Utc::now(), Utc::now().date_naive());
    never_scans(&plans(&db, move |conn| stays::ended_since(conn, guest, now, day)).await, &["stays"]);
    never_scans(&plans(&db, move |conn| dead_letters::list_due_retries(conn, now, 50)).await, &["parked"]);
    for by in [
        OutboxKey::Id(MessageId(1)),
        OutboxKey::Name("wamid.1".into()),
        OutboxKey::Callback("1".into()),
        OutboxKey::FormerTry("0".into()),
        OutboxKey::FormerName("wamid.0".into()),
    ] {
        never_scans(&plans(&db, move |conn| outbox::find(conn, &by)).await, &BIG);
    }
});

on_both!(outbox_queries_use_only_partial_indexes, |db| {
    let hotel = filled(&db).await;
    let id = hotel.id;
    db.sql(
        "INSERT INTO outbox (message_id, hotel_id, conversation_id, guest_id, callback, state, due_at) \
         SELECT m.id, c.hotel_id, c.id, c.guest_id, 'sent ' || m.id, 'settled', m.timestamp \
         FROM messages m INNER JOIN conversations c ON c.id = m.conversation_id",
    )
    .await
    .unwrap();
    if db.backend == TestBackend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    let now = Utc::now();
    let asked = [
        plans(&db, move |conn| outbox::list_due(conn, id, now, 32)).await,
        plans(&db, outbox::hotels_with_open_messages).await,
        plans(&db, move |conn| outbox::list_in_flight(conn, id)).await,
        plans(&db, diagnostics::count_queued).await,
        plans(&db, diagnostics::count_held).await,
    ];
    // The partial indexes of the outbox are as long as the queue and may be scanned.
    let by_them = |it: &str| ["outbox_open", "outbox_queue", "outbox_held"].iter().any(|index| it.contains(index));
    // Due messages are at the beginning of the index.
    assert!(
        asked[0].iter().all(|it| it.contains("outbox_queue") && !it.contains("Sort") && !it.contains("TEMP")),
        "{asked:?}"
    );
    for plan in asked.iter().flatten() {
        assert!(by_them(plan), "{plan}");
        never_scans(
            &[plan.lines().filter(|it| !by_them(it)).collect::<Vec<_>>().join("\n")],
            &["o", "before", "outbox"],
        );
    }
});

on_both!(conversations_and_held_messages_of_a_guest_are_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let conversation = hotel.stays[3].1;
    let found = db.store.read(move |conn| conversations::find(conn, ConversationRef::Conversation(conversation))).await;
    let guest = found.unwrap().unwrap().guest();
    let tables = ["messages", "events", "conversations", "guests", "outbox"];
    never_scans(
        &plans(&db, move |conn| messages::inbound_context(conn, guest, conversation, None).map(drop)).await,
        &tables,
    );
    never_scans(&plans(&db, move |conn| service_windows::last_message_at(conn, guest)).await, &tables);
    never_scans(&plans(&db, |conn| outbox::find_recipient(conn, "1")).await, &tables);
});

on_both!(receipts_of_unknown_messages_cost_no_scan, |db| {
    let hotel = filled(&db).await;
    let keep = "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at)";
    let name = "UPDATE messages SET whatsapp_message_id = 'wamid.' || id WHERE sender_type = 'staff'";
    db.sql(name).await.unwrap();
    db.sql(format!(
        "{keep} SELECT {}, 'wamid.foreign' || id, 'delivered', timestamp FROM messages WHERE sender_type = 'guest'",
        hotel.id
    ))
    .await
    .unwrap();
    if db.backend == TestBackend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    let since = Utc::now() - TimeDelta::minutes(5);
    let asked = plans(&db, move |conn| early_receipts::list_unapplied(conn, since)).await;
    never_scans(&asked, &["messages", "m", "former_tries", "f", "outbox", "early_reports", "r"]);
    assert!(asked.iter().any(|it| it.contains("messages_of_whatsapp")), "{asked:?}");
    assert!(asked.iter().any(|it| it.contains("early_reports_by_time")), "{asked:?}");
});

on_both!(the_log_is_read_by_indexes, |db| {
    let id = filled(&db).await.id;
    never_scans(&plans(&db, move |conn| event_log::list_after(conn, id, Seq(5), 500)).await, &BIG);
    never_scans(&plans(&db, move |conn| event_log::first_seq(conn, id)).await, &BIG);
});

/// The option of SQLite is set in `.cargo/config.toml`. Otherwise SQLite compiles every statement with a limit each
/// time.
#[test]
fn sqlite_is_built_with_stable_plans() {
    run(TestBackend::Sqlite, async |db| {
        for (option, used) in [("ENABLE_QPSG", 1), ("ENABLE_STAT4", 0)] {
            assert_eq!(db.number(format!("SELECT sqlite_compileoption_used('{option}')")).await, used, "{option}");
        }
    });
}

on_both!(the_check_detects_a_scan, |db| {
    filled(&db).await;
    let plans = plans(&db, |conn| crate::support::lines(conn, "SELECT content AS line FROM messages LIMIT 5")).await;
    let seen = std::panic::catch_unwind(|| never_scans(&plans, &BIG));
    assert!(seen.is_err(), "{plans:?}");
});

/// Row locks at the beginning of each group of writes use indexes.
#[test]
fn locked_rows_are_found_by_indexes() {
    run(TestBackend::Postgres, async |db: TestDatabase| {
        let hotel = filled(&db).await;
        let (id, (stay, conversation)) = (hotel.id, hotel.stays[3]);
        let recorder = StatementRecorder::default();
        let listener = recorder.clone();
        let listening = db.store.write(id, vec![], move |tx| {
            listen(tx.conn(), Box::new(listener.clone()));
            Ok::<_, StoreError>(())
        });
        listening.await.unwrap();
        let phone = PhoneNumber::parse("+5511987654321").unwrap();
        let identity =
            GuestIdentity { phone: Some(phone), wa_id: Some("5511987654321".into()), bsuid: Some("BR.1".into()) };
        let locks = Locks::from(vec![ConversationRef::Conversation(conversation), ConversationRef::Stay(stay)])
            .guest(identity)
            .guest_of_stay(stay)
            .guest_of_reservation(name("R-1"))
            .guest_of_conversation(conversation)
            .creating(true);
        db.store.write(id, locks, |_| Ok::<_, StoreError>(())).await.unwrap();
        let statements = recorder.0.lock().unwrap().clone();
        let locking: Vec<String> = statements.into_iter().filter(|it| it.contains("NO KEY UPDATE")).collect();
        assert_eq!(locking.len(), 2, "{locking:?}");
        let plans = db.store.read(move |conn| locking.iter().map(|sql| plan(conn, sql)).collect::<Result<Vec<_>, _>>());
        never_scans(&plans.await.unwrap(), &["guests", "conversations", "stays"]);
    });
}
