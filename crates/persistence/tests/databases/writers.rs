//! Writers: foreign locks, dropped tickets, servers in another language, panics, idempotency keys.

use std::{
    process::Command,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use domain::{ClientRef, HotelId};
use persistence::{
    DbUrl, Store, StoreError, Tx,
    idempotency::{self, IdempotencyKey, KeyRetention, KeyStatus},
    retention,
    sessions::SessionLifetimes,
};
use tokio::task::yield_now;

use crate::{
    group_commit::{TestJob, add, adds_department, block_writer, crosses, departments_of, in_one_group},
    support::{StoredHotel, TestBackend, TestDatabase, TestRefusal, execute, number, on_both},
};

/// The time within which writes of other hotels must finish: shorter than the lock timeout of the lock-wait writer, and
/// far longer than a commit on a busy machine.
const PROMPT: Duration = Duration::from_secs(4);

/// Opens a session outside of the product that holds the lock of a hotel's row.
fn locked_from_outside(db: &TestDatabase, hotel: HotelId) -> PgConnection {
    let DbUrl::Postgres(url) = &db.url else { panic!("only PostgreSQL locks rows") };
    let mut outside = PgConnection::establish(url).unwrap();
    outside.batch_execute(&format!("BEGIN; SELECT FROM hotels WHERE id = {hotel} FOR UPDATE")).unwrap();
    outside
}

fn renames(hotel: HotelId, to: &'static str) -> TestJob {
    Box::new(move |tx| {
        execute(tx, &format!("UPDATE hotels SET name = '{to}' WHERE id = {hotel}"))?;
        Ok(())
    })
}

#[tokio::test]
async fn a_foreign_lock_delays_only_its_own_hotel() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    let locked = db.hotel(0, 0).await.id;
    let mut outside = locked_from_outside(&db, locked);
    let write = |of: HotelId, job: TestJob| {
        let (store, mut job) = (db.store.clone(), job);
        tokio::spawn(async move { store.write(of, vec![], move |tx| job(tx)).await })
    };
    let first = write(locked, renames(locked, "First"));
    yield_now().await;
    let second = write(locked, renames(locked, "Second"));
    yield_now().await;
    // So many hotels that each writer has some.
    let began = Instant::now();
    for n in 1000..1020 {
        let other: TestJob = Box::new(|_| Ok(()));
        write(HotelId(n), other).await.unwrap().unwrap();
    }
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert!(!first.is_finished() && !second.is_finished());
    outside.batch_execute("COMMIT").unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    // The second write of the hotel has not overtaken the first, which waited.
    assert_eq!(db.number(format!("SELECT count(*) FROM hotels WHERE id = {locked} AND name = 'Second'")).await, 1);
}

#[tokio::test]
async fn a_lock_timeout_fails_only_the_write_that_waits() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    let (locked, hotel) = (db.hotel(0, 0).await.id, db.hotel(0, 0).await.id);
    let _outside = locked_from_outside(&db, locked);
    let jobs = vec![
        adds_department(hotel, "A"),
        renames(locked, "Never"),
        adds_department(hotel, "B"),
        adds_department(hotel, "C"),
    ];
    let ended = in_one_group(&db.store, hotel, jobs).await;
    assert!([0, 2, 3].iter().all(|n| ended[*n].is_ok()), "{ended:?}");
    assert!(matches!(&ended[1], Err(TestRefusal::Store(error)) if error.is_temporary()), "{ended:?}");
    assert_eq!(departments_of(&db, hotel).await, ["A", "B", "C", "Reception"]);
}

on_both!(a_job_with_a_dropped_ticket_is_not_begun, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let (go_on, held) = block_writer(&db.store, hotel).await;
    let mut job = adds_department(hotel, "Nobody waits for this");
    let ticket = db.store.submit_write(hotel, vec![], move |tx| job(tx)).await.unwrap();
    drop(ticket);
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut next = adds_department(hotel, "Spa");
    db.store.write(hotel, vec![], move |tx| next(tx)).await.unwrap();
    assert_eq!(departments_of(&db, hotel).await, ["Reception", "Spa"]);
});

on_both!(jobs_of_one_key_run_in_the_order_of_submission, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let order = Arc::new(Mutex::new(Vec::new()));
    let (go_on, held) = block_writer(&db.store, hotel).await;
    let mut tickets = Vec::new();
    for n in 0..20 {
        let order = order.clone();
        let job = move |_: &mut Tx<'_>| {
            order.lock().unwrap().push(n);
            Ok::<_, StoreError>(n)
        };
        tickets.push(db.store.submit_write(hotel, vec![], job).await.unwrap());
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    for (n, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.result().await.unwrap(), n);
    }
    assert!(order.lock().unwrap().is_sorted());
});

/// Creates a database on a server with German messages, if this machine has the locale.
fn german() -> Option<(TestDatabase, Store)> {
    let locales = Command::new("locale")
        .arg("-a")
        .output()
        .is_ok_and(|it| String::from_utf8_lossy(&it.stdout).lines().any(|it| it.eq_ignore_ascii_case("de_DE.utf8")));
    if !locales {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "the locale de_DE.UTF-8 is missing");
        println!("skipped: the locale de_DE.UTF-8 is missing (localedef -i de_DE -f UTF-8 de_DE.UTF-8)");
        return None;
    }
    let db = TestDatabase::new(TestBackend::Postgres)?;
    let DbUrl::Postgres(url) = &db.url else { return None };
    let name = url.rsplit_once('/').unwrap().1;
    let mut outside = PgConnection::establish(url).unwrap();
    outside.batch_execute(&format!("ALTER DATABASE {name} SET lc_messages = 'de_DE.UTF-8'")).unwrap();
    let mut outside = PgConnection::establish(url).unwrap();
    let refused = outside.batch_execute("SELEKT").unwrap_err().to_string();
    assert!(refused.contains("Syntaxfehler"), "{refused}");
    let store = db.another();
    Some((db, store))
}

#[tokio::test]
async fn deadlocks_are_resolved_on_a_server_in_another_language() {
    let Some((db, store)) = german() else { return };
    let (one, two) = (db.hotel(0, 0).await, db.hotel(0, 0).await);
    let meeting = Arc::new(Barrier::new(2));
    let (a, b) = tokio::join!(crosses(store, &one, &two, &meeting), crosses(db.another(), &two, &one, &meeting));
    a.unwrap();
    b.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM hotels WHERE name = 'Grand++'").await, 2);
}

#[tokio::test]
async fn timeouts_and_read_only_servers_are_unavailable_in_any_language() {
    let Some((db, store)) = german() else { return };
    let locked = db.hotel(0, 0).await.id;
    let _outside = locked_from_outside(&db, locked);
    let mut meets_lock = renames(locked, "Never");
    let refused = store.write(locked, vec![], move |tx| meets_lock(tx)).await;
    assert!(matches!(&refused, Err(TestRefusal::Store(error)) if error.is_temporary()), "{refused:?}");

    let refused = store
        .write(HotelId(1000), vec![], |tx: &mut Tx<'_>| {
            execute(tx, "SET TRANSACTION READ ONLY")?;
            execute(tx, "UPDATE hotels SET name = 'Never'")
        })
        .await;
    assert!(matches!(&refused, Err(error) if error.is_temporary()), "{refused:?}");

    let slow = "SELECT 1 FROM set_config('statement_timeout', '50', TRUE)";
    let refused = store
        .read(move |conn| {
            number(conn, slow)?;
            number(conn, "SELECT 1 FROM pg_sleep(30)")
        })
        .await;
    assert!(matches!(&refused, Err(error) if error.is_temporary()), "{refused:?}");

    // A wrong statement is distinguished from all temporary errors.
    let wrong = store.read(|conn| number(conn, "SELECT nothing FROM nowhere")).await;
    assert!(matches!(wrong, Err(StoreError::Query(_))), "{wrong:?}");
}

#[tokio::test]
async fn a_panic_of_the_commit_hook_ends_no_writer() {
    let folder = tempfile::tempdir().unwrap();
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let store = Store::open(&url, Arc::new(|_| panic!("on purpose"))).unwrap();
    for _ in 0..3 {
        store.write(HotelId(1), vec![], |_| Ok::<_, StoreError>(())).await.unwrap();
    }
    assert!(store.can_write());
    store.stop_writers().await;
    assert!(!store.can_write());
}

fn key(hotel: &StoredHotel, key: &str) -> IdempotencyKey {
    IdempotencyKey {
        staff: hotel.member.id,
        path: "/api/message_manager/departments/".to_owned(),
        key: ClientRef::parse(key).unwrap(),
        request_digest: "digest".to_owned(),
    }
}

/// An idempotent write: adds a department under an idempotency key, or returns the stored result.
fn once(hotel: &StoredHotel, name: &'static str, after_lookup: impl Fn() + Send + 'static) -> IdempotentJob {
    let (hotel, key) = (hotel.id, key(hotel, "k"));
    Box::new(move |tx| {
        if let KeyStatus::Completed(answer) = idempotency::find(tx.conn(), &key, Utc::now())? {
            return Ok(answer);
        }
        after_lookup();
        add(tx, hotel, name)?;
        idempotency::save(tx, &key, name, KeyRetention::Day, Utc::now())?;
        Ok(name.to_owned())
    })
}

type IdempotentJob = Box<dyn FnMut(&mut Tx<'_>) -> Result<String, TestRefusal> + Send>;

#[tokio::test]
async fn with_one_key_on_two_nodes_the_later_gets_the_result_of_the_first() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    let hotel = db.hotel(0, 0).await;
    let (meeting, looks) = (Arc::new(Barrier::new(2)), Arc::<AtomicU32>::default());
    let write = |store: Store, name: &'static str| {
        let (meeting, looks) = (meeting.clone(), looks.clone());
        let both_looked = move || {
            if looks.fetch_add(1, SeqCst) < 2 {
                meeting.wait();
            }
        };
        let (id, mut job) = (hotel.id, once(&hotel, name, both_looked));
        async move { store.write(id, vec![], move |tx| job(tx)).await }
    };
    let (a, b) = tokio::join!(write(db.store.clone(), "Spa"), write(db.another(), "Bar"));
    assert_eq!(a.as_ref().unwrap(), b.as_ref().unwrap());
    assert_eq!(departments_of(&db, hotel.id).await.len(), 2);
}

on_both!(a_refused_write_with_a_key_leaves_its_group_alone, |db| {
    let hotel = db.hotel(0, 0).await;
    let runs = Arc::<AtomicU32>::default();
    let counted = |runs: &Arc<AtomicU32>, refused: bool| -> TestJob {
        let (runs, key, id, kind) = (runs.clone(), key(&hotel, "k"), hotel.id, hotel.event());
        Box::new(move |tx| {
            runs.fetch_add(1, SeqCst);
            assert_eq!(idempotency::find(tx.conn(), &key, Utc::now())?, KeyStatus::New);
            if refused {
                return Err(TestRefusal::Own);
            }
            tx.record(id, Utc::now(), kind.clone());
            Ok(())
        })
    };
    let jobs = (0..10).map(|n| counted(&runs, n == 9)).collect();
    let ended = in_one_group(&db.store, hotel.id, jobs).await;
    assert!(ended[..9].iter().all(Result::is_ok) && ended[9].is_err(), "{ended:?}");
    assert_eq!(runs.load(SeqCst), 10, "the group was run again");
});

on_both!(keys_of_sent_messages_are_kept_for_ever, |db| {
    let hotel = db.hotel(0, 0).await;
    let before = Utc::now() - TimeDelta::days(400);
    let keep = async |name: &str, lifetime| {
        let key = key(&hotel, name);
        let job = move |tx: &mut Tx<'_>| idempotency::save(tx, &key, "answer", lifetime, before);
        db.store.write(hotel.id, vec![], job).await.unwrap();
    };
    keep("sent", KeyRetention::Forever).await;
    keep("changed", KeyRetention::Day).await;
    let find = async |name: &str| {
        let key = key(&hotel, name);
        db.store.read(move |conn| idempotency::find(conn, &key, Utc::now())).await.unwrap()
    };
    let answered = KeyStatus::Completed("answer".to_owned());
    assert_eq!((find("sent").await, find("changed").await), (answered.clone(), KeyStatus::New));
    let lifetimes = SessionLifetimes { idle: TimeDelta::days(30), max: TimeDelta::days(90) };
    let prune = move |tx: &mut Tx<'_>| retention::delete_expired(tx, lifetimes, Utc::now());
    db.store.write(HotelId(0), vec![], prune).await.unwrap();
    assert_eq!((find("sent").await, find("changed").await), (answered, KeyStatus::New));
    assert_eq!(db.number("SELECT count(*) FROM idempotency_keys").await, 1);
    // An expired idempotency key can be used again.
    keep("changed", KeyRetention::Day).await;
    let again = key(&hotel, "changed");
    let job = move |tx: &mut Tx<'_>| idempotency::save(tx, &again, "new", KeyRetention::Day, Utc::now());
    db.store.write(hotel.id, vec![], job).await.unwrap();
    assert_eq!(find("changed").await, KeyStatus::Completed("new".to_owned()));
});
