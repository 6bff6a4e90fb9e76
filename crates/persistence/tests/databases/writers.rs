//! Writers: locks that others hold, callers who have gone, servers in another language, panics.

use std::{
    process::Command,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use domain::{ClientRef, HotelId};
use persistence::{
    DbUrl, Store, StoreError, Tx,
    idempotency::{self, Key, Known, Lifetime},
    sessions::Lifetimes,
    upkeep,
};
use tokio::task::yield_now;

use crate::{
    lanes::{Job, add, adds_department, crosses, departments_of, hold, in_one_group},
    support::{Backend, Database, Hotel, Refusal, execute, number, on_both},
};

/// Below what a write waits for a lock alone, and far above what a commit takes on a busy machine.
const SHORTLY: Duration = Duration::from_secs(4);

/// Somebody at the database's prompt who holds a hotel's row.
fn locked_from_outside(db: &Database, hotel: HotelId) -> PgConnection {
    let DbUrl::Postgres(url) = &db.url else { panic!("only PostgreSQL locks rows") };
    let mut outside = PgConnection::establish(url).unwrap();
    outside.batch_execute(&format!("BEGIN; SELECT FROM hotels WHERE id = {hotel} FOR UPDATE")).unwrap();
    outside
}

fn renames(hotel: HotelId, to: &'static str) -> Job {
    Box::new(move |tx| {
        execute(tx, &format!("UPDATE hotels SET name = '{to}' WHERE id = {hotel}"))?;
        Ok(())
    })
}

#[tokio::test]
async fn a_lock_held_from_outside_delays_only_its_own_hotel() {
    let Some(db) = Database::new(Backend::Postgres) else { return };
    let locked = db.hotel(0, 0).await.id;
    let mut outside = locked_from_outside(&db, locked);
    let write = |of: HotelId, job: Job| {
        let (store, mut job) = (db.store.clone(), job);
        tokio::spawn(async move { store.write(of, vec![], move |tx| job(tx)).await })
    };
    let first = write(locked, renames(locked, "First"));
    yield_now().await;
    let second = write(locked, renames(locked, "Second"));
    yield_now().await;
    // Enough that each writer has some.
    let began = Instant::now();
    for n in 1000..1020 {
        let other: Job = Box::new(|_| Ok(()));
        write(HotelId(n), other).await.unwrap().unwrap();
    }
    assert!(began.elapsed() < SHORTLY, "{:?}", began.elapsed());
    assert!(!first.is_finished() && !second.is_finished());
    outside.batch_execute("COMMIT").unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    // A later write of the hotel has not overtaken the one that waited.
    assert_eq!(db.number(format!("SELECT count(*) FROM hotels WHERE id = {locked} AND name = 'Second'")).await, 1);
}

#[tokio::test]
async fn a_lock_timeout_refuses_only_the_write_that_meets_the_lock() {
    let Some(db) = Database::new(Backend::Postgres) else { return };
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
    assert!(matches!(&ended[1], Err(Refusal::Store(error)) if error.may_pass()), "{ended:?}");
    assert_eq!(departments_of(&db, hotel).await, ["A", "B", "C", "Reception"]);
}

on_both!(a_write_whose_caller_is_gone_is_not_begun, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let (go_on, held) = hold(&db.store, hotel).await;
    let store = db.store.clone();
    let mut job = adds_department(hotel, "Nobody waits for this");
    let gone = tokio::spawn(async move { store.write(hotel, vec![], move |tx| job(tx)).await });
    yield_now().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut next = adds_department(hotel, "Spa");
    db.store.write(hotel, vec![], move |tx| next(tx)).await.unwrap();
    assert_eq!(departments_of(&db, hotel).await, ["Reception", "Spa"]);
});

/// A database on a server that speaks German, if this machine has that language.
fn german() -> Option<(Database, Store)> {
    let locales = Command::new("locale")
        .arg("-a")
        .output()
        .is_ok_and(|it| String::from_utf8_lossy(&it.stdout).lines().any(|it| it.eq_ignore_ascii_case("de_DE.utf8")));
    if !locales {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "the locale de_DE.UTF-8 is missing");
        println!("skipped: the locale de_DE.UTF-8 is missing (localedef -i de_DE -f UTF-8 de_DE.UTF-8)");
        return None;
    }
    let db = Database::new(Backend::Postgres)?;
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
async fn deadlocks_are_resolved_on_a_server_that_speaks_another_language() {
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
    assert!(matches!(&refused, Err(Refusal::Store(error)) if error.may_pass()), "{refused:?}");

    let refused = store
        .write(HotelId(1000), vec![], |tx: &mut Tx<'_>| {
            execute(tx, "SET TRANSACTION READ ONLY")?;
            execute(tx, "UPDATE hotels SET name = 'Never'")
        })
        .await;
    assert!(matches!(&refused, Err(error) if error.may_pass()), "{refused:?}");

    let slow = "SELECT 1 FROM set_config('statement_timeout', '50', TRUE)";
    let refused = store
        .read(move |conn| {
            number(conn, slow)?;
            number(conn, "SELECT 1 FROM pg_sleep(30)")
        })
        .await;
    assert!(matches!(&refused, Err(error) if error.may_pass()), "{refused:?}");

    // What is wrong in itself is told from all of these.
    let wrong = store.read(|conn| number(conn, "SELECT nothing FROM nowhere")).await;
    assert!(matches!(wrong, Err(StoreError::Query(_))), "{wrong:?}");
}

#[tokio::test]
async fn a_panic_while_telling_of_a_commit_ends_no_writer() {
    let folder = tempfile::tempdir().unwrap();
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let store = Store::open(&url, Arc::new(|_| panic!("on purpose"))).unwrap();
    for _ in 0..3 {
        store.write(HotelId(1), vec![], |_| Ok::<_, StoreError>(())).await.unwrap();
    }
    assert!(store.can_write());
    store.end_writers().await;
    assert!(!store.can_write());
}

fn key(hotel: &Hotel, key: &str) -> Key {
    Key {
        staff: hotel.member.id,
        path: "/api/message_manager/departments/".to_owned(),
        key: ClientRef::parse(key).unwrap(),
        request_digest: "digest".to_owned(),
    }
}

/// A write as `Desk::act_once` does it: adds a department under a key, or finds the answer.
fn once(hotel: &Hotel, name: &'static str, after_looking: impl Fn() + Send + 'static) -> OnceJob {
    let (hotel, key) = (hotel.id, key(hotel, "k"));
    Box::new(move |tx| {
        if let Known::Answered(answer) = idempotency::find(tx.conn(), &key, Utc::now())? {
            return Ok(answer);
        }
        after_looking();
        add(tx, hotel, name)?;
        idempotency::keep(tx, &key, name, Lifetime::Day, Utc::now())?;
        Ok(name.to_owned())
    })
}

type OnceJob = Box<dyn FnMut(&mut Tx<'_>) -> Result<String, Refusal> + Send>;

#[tokio::test]
async fn of_two_nodes_with_one_key_the_later_finds_the_answer_of_the_first() {
    let Some(db) = Database::new(Backend::Postgres) else { return };
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
    let counted = |runs: &Arc<AtomicU32>, refused: bool| -> Job {
        let (runs, key, id, kind) = (runs.clone(), key(&hotel, "k"), hotel.id, hotel.event());
        Box::new(move |tx| {
            runs.fetch_add(1, SeqCst);
            assert_eq!(idempotency::find(tx.conn(), &key, Utc::now())?, Known::New);
            if refused {
                return Err(Refusal::Own);
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

on_both!(keys_of_what_was_sent_are_kept_for_ever, |db| {
    let hotel = db.hotel(0, 0).await;
    let before = Utc::now() - TimeDelta::days(400);
    let keep = async |name: &str, lifetime| {
        let key = key(&hotel, name);
        let job = move |tx: &mut Tx<'_>| idempotency::keep(tx, &key, "answer", lifetime, before);
        db.store.write(hotel.id, vec![], job).await.unwrap();
    };
    keep("sent", Lifetime::Forever).await;
    keep("changed", Lifetime::Day).await;
    let find = async |name: &str| {
        let key = key(&hotel, name);
        db.store.read(move |conn| idempotency::find(conn, &key, Utc::now())).await.unwrap()
    };
    let answered = Known::Answered("answer".to_owned());
    assert_eq!((find("sent").await, find("changed").await), (answered.clone(), Known::New));
    let lifetimes = Lifetimes { idle: TimeDelta::days(30), most: TimeDelta::days(90) };
    let prune = move |tx: &mut Tx<'_>| upkeep::prune(tx, lifetimes, Utc::now());
    db.store.write(HotelId(0), vec![], prune).await.unwrap();
    assert_eq!((find("sent").await, find("changed").await), (answered, Known::New));
    assert_eq!(db.number("SELECT count(*) FROM idempotency_keys").await, 1);
    // A key that is over can be used again.
    keep("changed", Lifetime::Day).await;
    let again = key(&hotel, "changed");
    let job = move |tx: &mut Tx<'_>| idempotency::keep(tx, &again, "new", Lifetime::Day, Utc::now());
    db.store.write(hotel.id, vec![], job).await.unwrap();
    assert_eq!(find("changed").await, Known::Answered("new".to_owned()));
});
