//! How the databases go about the questions that are asked all the time: by indexes, whatever
//! there is of messages and conversations.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection},
    sql_query, sql_types,
};
use domain::{ConversationId, GuestIdentity, MessageId, PhoneNumber, Reach, Seq, Status};
use persistence::{
    Conn, Locks, StoreError, checkup,
    conversations::{self, Filter, Slice, Which},
    events, guests, messages,
    outbox::{self, By},
    parked, reach_losses, reports, stays, windows,
};

use crate::support::{Backend, Database, Hotel, name, on_both, run};

const FIRST_PAGE: Slice = Slice { offset: 0, limit: 25 };

/// Runs questions, and gives the plan of each statement that they made.
async fn plans<T: Send + 'static>(
    db: &Database,
    mut ask: impl FnMut(&mut Conn) -> Result<T, StoreError> + Send + 'static,
) -> Vec<String> {
    let job = move |conn: &mut Conn| {
        let heard = Heard::default();
        listen(conn, Box::new(heard.clone()));
        ask(conn)?;
        let statements = heard.0.lock().unwrap().clone();
        listen(conn, Box::new(Heard::default()));
        assert!(!statements.is_empty());
        statements.iter().map(|sql| plan(conn, sql)).collect()
    };
    db.store.read(job).await.unwrap()
}

/// The statements that a connection was given, without their values, and those that it keeps compiled from now on.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<String>>>);

impl Instrumentation for Heard {
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

/// PostgreSQL goes about small tables without indexes, unless it may not.
const AS_IF_BIG: &str = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off";

/// How a statement is gone about, whatever its values are.
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

/// A hotel beside another. PostgreSQL learns by itself how big tables are, SQLite is never told.
async fn filled(db: &Database) -> Hotel {
    db.hotel(20, 20).await;
    let hotel = db.hotel(60, 60).await;
    if db.backend == Backend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    hotel
}

/// Fails where a plan reads one of these tables, or an index of it, from end to end.
#[track_caller]
fn never_scans(plans: &[String], tables: &[&str]) {
    for plan in plans {
        println!("{plan}\n");
        for table in tables {
            let lines: Vec<&str> = plan.lines().skip(1).map(str::trim).collect();
            for (n, line) in lines.iter().enumerate() {
                assert!(!line.starts_with(&format!("SCAN {table}")), "{plan}");
                if line.contains("Scan") && line.contains(&format!(" on {table}")) {
                    // What bounds it stands beneath it.
                    let bounded =
                        lines[n + 1..].iter().take_while(|it| !it.starts_with("->")).any(|it| it.contains("Cond:"));
                    assert!(bounded, "{line}: {plan}");
                }
            }
        }
    }
}

/// Nearly every question about them is asked with every page.
const BIG: [&str; 3] = ["messages", "events", "conversations"];

on_both!(a_page_of_conversations_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (member, manager) = (hotel.member.reach(), hotel.manager.reach());
    let with = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
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
        with(&|it| it.search = Some("guest 7".into())),
    ];
    for reach in [member, manager] {
        for filter in filters.clone() {
            let reach: Reach = reach.clone();
            let plans = plans(&db, move |conn| conversations::list(conn, &reach, &filter, FIRST_PAGE)).await;
            never_scans(&plans, &BIG);
        }
    }
});

on_both!(a_page_of_conversations_is_compiled_once_and_looks_up_no_marks_to_count, |db| {
    let hotel = filled(&db).await;
    let with = |status: &[Status], unread| Filter { status: status.to_vec(), unread, ..Filter::default() };
    let one = with(&[Status::Active], false);
    let filters = [with(&[], false), one, with(&[Status::Relay, Status::Closed], false), with(&[], true)];
    let mut several = hotel.member.reach();
    several.departments.push(domain::DepartmentId(0));
    // All that a connection keeps compiled.
    let mut compiled = HashSet::new();
    for reach in [hotel.member.reach(), several, hotel.manager.reach()] {
        for filter in filters.clone() {
            let (asked, reach) = (filter.clone(), reach.clone());
            let heard = db.store.read(move |conn| {
                let heard = Heard::default();
                listen(conn, Box::new(heard.clone()));
                conversations::list(conn, &reach, &asked, FIRST_PAGE)?;
                listen(conn, Box::new(Heard::default()));
                Ok::<_, StoreError>((heard.0.lock().unwrap().clone(), heard.1.lock().unwrap().clone()))
            });
            let (statements, cached) = heard.await.unwrap();
            compiled.extend(cached);
            let anew: Vec<_> = statements.iter().filter(|it| !compiled.contains(*it)).collect();
            assert!(anew.is_empty(), "{anew:?}");
            let count = statements.iter().find(|it| it.to_lowercase().contains("count(*)")).unwrap();
            assert_eq!(count.contains("read_marks"), filter.unread, "{count}");
        }
    }
});

on_both!(a_list_has_what_its_filter_lets_through, |db| {
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
    all.sort_by_key(|it| std::cmp::Reverse((it.updated_at, it.conversation.id)));
    let (relay, closed, active) = (Status::Relay, Status::Closed, Status::Active);
    for status in [vec![], vec![active], vec![relay, closed], vec![relay, closed, active]] {
        for unread in [false, true] {
            for assigned_to in [None, Some(None), Some(Some(me))] {
                let wanted = if status.is_empty() { vec![relay] } else { status.clone() };
                let expected = all.iter().filter(|it| {
                    let of = &it.conversation;
                    wanted.contains(&of.status)
                        && (!unread || it.unread > 0)
                        && assigned_to.is_none_or(|to| of.assignee == to)
                });
                let expected: Vec<ConversationId> = expected.map(|it| it.conversation.id).collect();
                let filter = Filter { status: status.clone(), unread, assigned_to, ..Filter::default() };
                for slice in [FIRST_PAGE, Slice { offset: 5, limit: 3 }, Slice { offset: 1000, limit: 3 }] {
                    let (reach, asked) = (hotel.member.reach(), filter.clone());
                    let found = db.store.read(move |conn| conversations::list(conn, &reach, &asked, slice)).await;
                    let (count, page) = found.unwrap();
                    let page: Vec<ConversationId> = page.into_iter().map(|it| it.conversation.id).collect();
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
    for which in [Which::Conversation(id), Which::Stay(stay)] {
        let (reach, again) = (reach.clone(), reach.clone());
        never_scans(&plans(&db, move |conn| conversations::find_visible(conn, &reach, which)).await, &BIG);
        let with_hotel = plans(&db, move |conn| conversations::find_visible_with_hotel(conn, &again, which)).await;
        never_scans(&with_hotel, &BIG);
        never_scans(&with_hotel, &["departments", "message_templates"]);
    }
    let me = hotel.member.id;
    never_scans(&plans(&db, move |conn| conversations::views(conn, Some(me), &[id])).await, &BIG);
    never_scans(&plans(&db, move |conn| conversations::open_assigned_to(conn, me, 200)).await, &BIG);
    let (of, departments) = (hotel.id, [hotel.department]);
    never_scans(&plans(&db, move |conn| reach_losses::in_relay_with(conn, of, &departments)).await, &BIG);
});

on_both!(a_page_of_messages_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (id, me) = (hotel.stays[3].1, hotel.member.id);
    let page = |before: Option<i64>, after: Option<i64>, notes: bool| messages::Page {
        before: before.map(MessageId),
        after: after.map(MessageId),
        limit: 200,
        notes,
    };
    for page in
        [page(None, None, false), page(None, None, true), page(Some(900), None, false), page(None, Some(900), true)]
    {
        never_scans(&plans(&db, move |conn| messages::page(conn, id, page)).await, &BIG);
    }
    let ends = (MessageId(900), MessageId(950));
    never_scans(&plans(&db, move |conn| messages::beside(conn, id, ends, false)).await, &BIG);
    never_scans(&plans(&db, |conn| messages::by_ids(conn, &[MessageId(900), MessageId(901)])).await, &BIG);
    let key = domain::ClientRef::parse("k").unwrap();
    never_scans(&plans(&db, move |conn| messages::find_by_client_ref(conn, id, me, &key)).await, &BIG);
    never_scans(&plans(&db, move |conn| messages::other_staff_wrote_after(conn, id, ends.0, me)).await, &BIG);
});

on_both!(whose_message_came_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (id, conversation) = (hotel.id, hotel.stays[3].1);
    let identity = GuestIdentity {
        // With as many forms as a number can have.
        phone: Some(PhoneNumber::parse("+5493512345678").unwrap()),
        wa_id: Some("5493512345678".into()),
        bsuid: Some("AR.1".into()),
    };
    let again = identity.clone();
    let by_identity = plans(&db, move |conn| guests::find_by_identity(conn, id, &identity)).await;
    never_scans(&by_identity, &["guests"]);
    // Nor all of the hotel's, which SQLite takes for a search.
    assert!(by_identity.iter().all(|plan| plan.lines().all(|it| !it.ends_with("(hotel_id=?)"))), "{by_identity:?}");
    never_scans(&plans(&db, move |conn| guests::is_known(conn, id, &again)).await, &BIG);
    let found = db.store.read(move |conn| conversations::find(conn, Which::Conversation(conversation))).await;
    let guest = found.unwrap().unwrap().guest;
    never_scans(&plans(&db, move |conn| conversations::of_guest(conn, guest)).await, &BIG);
    never_scans(&plans(&db, move |conn| conversations::find_without_stay(conn, guest)).await, &BIG);
    never_scans(&plans(&db, move |conn| stays::not_checked_out(conn, guest)).await, &["stays"]);
    never_scans(&plans(&db, |conn| messages::find_by_whatsapp_id(conn, "wamid.1")).await, &BIG);
    never_scans(&plans(&db, move |conn| messages::find_quoted(conn, guest, "wamid.1")).await, &BIG);
    let (now, day) = (chrono::Utc::now(), chrono::Utc::now().date_naive());
    never_scans(&plans(&db, move |conn| stays::ended_since(conn, guest, now, day)).await, &["stays"]);
    never_scans(&plans(&db, move |conn| parked::due(conn, now, 50)).await, &["parked"]);
    for by in [
        By::Id(MessageId(1)),
        By::Name("wamid.1".into()),
        By::Callback("1".into()),
        By::FormerTry("0".into()),
        By::FormerName("wamid.0".into()),
    ] {
        never_scans(&plans(&db, move |conn| outbox::find(conn, &by)).await, &BIG);
    }
});

on_both!(what_waits_to_be_sent_is_found_by_indexes_of_it_alone, |db| {
    let hotel = filled(&db).await;
    let id = hotel.id;
    db.sql(
        "INSERT INTO outbox (message_id, hotel_id, conversation_id, guest_id, callback, state, due_at) \
         SELECT m.id, c.hotel_id, c.id, c.guest_id, 'sent ' || m.id, 'settled', m.timestamp \
         FROM messages m INNER JOIN conversations c ON c.id = m.conversation_id",
    )
    .await
    .unwrap();
    if db.backend == Backend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    let now = chrono::Utc::now();
    let asked = [
        plans(&db, move |conn| outbox::due(conn, id, now, 32)).await,
        plans(&db, outbox::open_hotels).await,
        plans(&db, move |conn| outbox::on_their_way(conn, id)).await,
        plans(&db, checkup::queued).await,
        plans(&db, checkup::held).await,
    ];
    // They are as long as the queue, so that they may be read from end to end.
    let by_them = |it: &str| ["outbox_open", "outbox_queue", "outbox_held"].iter().any(|index| it.contains(index));
    // Those that go next stand at its beginning.
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

on_both!(what_a_guest_has_and_what_is_held_for_them_is_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let conversation = hotel.stays[3].1;
    let found = db.store.read(move |conn| conversations::find(conn, Which::Conversation(conversation))).await;
    let guest = found.unwrap().unwrap().guest;
    let tables = ["messages", "events", "conversations", "guests", "outbox"];
    never_scans(&plans(&db, move |conn| messages::heard(conn, guest, conversation).map(drop)).await, &tables);
    never_scans(&plans(&db, move |conn| windows::last_wrote(conn, guest)).await, &tables);
    never_scans(&plans(&db, |conn| outbox::guest_of(conn, "1")).await, &tables);
});

on_both!(reports_of_what_nobody_sent_here_cost_no_scan, |db| {
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
    if db.backend == Backend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    let since = chrono::Utc::now() - chrono::TimeDelta::minutes(5);
    let asked = plans(&db, move |conn| reports::missed(conn, since)).await;
    never_scans(&asked, &["messages", "m", "former_tries", "f", "outbox", "early_reports", "r"]);
    assert!(asked.iter().any(|it| it.contains("messages_of_whatsapp")), "{asked:?}");
    assert!(asked.iter().any(|it| it.contains("early_reports_by_time")), "{asked:?}");
});

on_both!(the_log_is_read_by_indexes, |db| {
    let id = filled(&db).await.id;
    never_scans(&plans(&db, move |conn| events::after(conn, id, Seq(5), 500)).await, &BIG);
    never_scans(&plans(&db, move |conn| events::first(conn, id)).await, &BIG);
});

/// As `.cargo/config.toml` has it: else every statement with a limit is compiled anew each time.
#[test]
fn sqlite_is_built_to_plan_without_values() {
    run(Backend::Sqlite, async |db| {
        for (option, used) in [("ENABLE_QPSG", 1), ("ENABLE_STAT4", 0)] {
            assert_eq!(db.number(format!("SELECT sqlite_compileoption_used('{option}')")).await, used, "{option}");
        }
    });
}

on_both!(a_scan_would_be_seen, |db| {
    filled(&db).await;
    let plans = plans(&db, |conn| crate::support::lines(conn, "SELECT content AS line FROM messages LIMIT 5")).await;
    let seen = std::panic::catch_unwind(|| never_scans(&plans, &BIG));
    assert!(seen.is_err(), "{plans:?}");
});

/// Each group of writes begins with it.
#[test]
fn what_is_locked_is_found_by_indexes() {
    run(Backend::Postgres, async |db: Database| {
        let hotel = filled(&db).await;
        let (id, (stay, conversation)) = (hotel.id, hotel.stays[3]);
        let heard = Heard::default();
        let listener = heard.clone();
        let listening = db.store.write(id, vec![], move |tx| {
            listen(tx.conn(), Box::new(listener.clone()));
            Ok::<_, StoreError>(())
        });
        listening.await.unwrap();
        let phone = PhoneNumber::parse("+5511987654321").unwrap();
        let identity =
            GuestIdentity { phone: Some(phone), wa_id: Some("5511987654321".into()), bsuid: Some("BR.1".into()) };
        let locks = Locks::from(vec![Which::Conversation(conversation), Which::Stay(stay)])
            .guest(identity)
            .guest_of_stay(stay)
            .guest_of_reservation(name("R-1"))
            .guest_of_conversation(conversation)
            .creating(true);
        db.store.write(id, locks, |_| Ok::<_, StoreError>(())).await.unwrap();
        let statements = heard.0.lock().unwrap().clone();
        let locking: Vec<String> = statements.into_iter().filter(|it| it.contains("NO KEY UPDATE")).collect();
        assert_eq!(locking.len(), 2, "{locking:?}");
        let plans = db.store.read(move |conn| locking.iter().map(|sql| plan(conn, sql)).collect::<Result<Vec<_>, _>>());
        never_scans(&plans.await.unwrap(), &["guests", "conversations", "stays"]);
    });
}
