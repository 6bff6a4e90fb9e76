//! Writing in lanes: groups, refusals, panics, conflicts, lost connections.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use chrono::Utc;
use diesel::result::Error;
use domain::{Event, HotelId, Seq};
use persistence::{Store, StoreError, Tx, departments, events};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, yield_now},
};

use crate::support::{Backend, Database, Hotel, Refusal, execute, name, number, on_both};

/// How long a job that others wait for may be waited for itself.
const PATIENCE: Duration = Duration::from_secs(10);

pub type Job = Box<dyn FnMut(&mut Tx<'_>) -> Result<(), Refusal> + Send>;

/// Keeps a hotel's lane busy until the end of it is sent.
pub async fn hold(store: &Store, hotel: HotelId) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (go_on, wait) = mpsc::channel();
    let (began, begun) = oneshot::channel();
    let (store, mut began) = (store.clone(), Some(began));
    let held = tokio::spawn(async move {
        let job = move |_: &mut Tx<'_>| {
            if let Some(began) = began.take() {
                began.send(()).unwrap();
            }
            wait.recv_timeout(PATIENCE).map_err(|_| StoreError::Unavailable("nobody went on".into()))
        };
        store.write(hotel, vec![], job).await
    });
    begun.await.unwrap();
    (go_on, held)
}

/// Runs jobs of a hotel in one group; how each ended.
pub async fn in_one_group(store: &Store, hotel: HotelId, jobs: Vec<Job>) -> Vec<Result<(), Refusal>> {
    let (go_on, held) = hold(store, hotel).await;
    let waiting: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let store = store.clone();
            tokio::spawn(async move { store.write(hotel, vec![], job).await })
        })
        .collect();
    // Each has put its job into the queue once it was polled.
    for _ in 0..3 {
        yield_now().await;
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut ended = Vec::new();
    for it in waiting {
        ended.push(it.await.unwrap());
    }
    ended
}

pub fn adds_department(hotel: HotelId, word: &'static str) -> Job {
    Box::new(move |tx| add(tx, hotel, word))
}

pub fn add(tx: &mut Tx<'_>, hotel: HotelId, word: &str) -> Result<(), Refusal> {
    assert!(departments::insert(tx, hotel, &name(word), Utc::now())?.is_some());
    Ok(())
}

pub async fn departments_of(db: &Database, hotel: HotelId) -> Vec<String> {
    let slice = persistence::conversations::Slice { offset: 0, limit: 100 };
    let (_, list) = db.store.read(move |conn| departments::list(conn, hotel, slice)).await.unwrap();
    let mut names: Vec<String> = list.into_iter().map(|it| it.name).collect();
    names.sort();
    names
}

async fn log_of(db: &Database, hotel: HotelId) -> Vec<Event> {
    db.store.read(move |conn| events::after(conn, hotel, Seq(0), 100_000)).await.unwrap()
}

on_both!(what_waits_is_committed_as_one_group, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, kind) = (hotel.id, hotel.event());
    db.told.lock().unwrap().clear();
    let record = || -> Job {
        let kind = kind.clone();
        Box::new(move |tx| {
            tx.record(id, Utc::now(), kind.clone());
            Ok(())
        })
    };
    let ended = in_one_group(&db.store, id, (0..50).map(|_| record()).collect()).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let told = db.told.lock().unwrap().clone();
    assert_eq!(told.iter().map(|group| group.len()).collect::<Vec<_>>(), [0, 50]);
});

on_both!(a_group_that_gives_way_again_and_again_is_done_one_by_one, |db| {
    let id = db.hotel(0, 0).await.id;
    let tried = Arc::<AtomicU32>::default();
    let counted = tried.clone();
    let in_the_way: Job = Box::new(move |tx| {
        add(tx, id, "B")?;
        // As often as a group is tried.
        if counted.fetch_add(1, SeqCst) < 3 {
            Err(StoreError::Conflict(Error::RollbackTransaction).into())
        } else {
            Ok(())
        }
    });
    let ended = in_one_group(&db.store, id, vec![adds_department(id, "A"), in_the_way, adds_department(id, "C")]).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!(tried.load(SeqCst), 4);
    assert_eq!(departments_of(&db, id).await, ["A", "B", "C", "Reception"]);
});

on_both!(one_that_fails_spoils_no_other, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, taken) = (hotel.id, hotel.manager.username.clone());
    let refuses: Job = Box::new(move |tx| {
        add(tx, id, "Refused")?;
        Err(Refusal::Own)
    });
    let panics: Job = Box::new(move |tx| {
        add(tx, id, "Panicked")?;
        panic!("on purpose")
    });
    let fails: Job = Box::new(move |tx| {
        add(tx, id, "Failed")?;
        execute(tx, &format!("UPDATE staff SET username = '{taken}'"))?;
        Ok(())
    });
    let only_asks: Job = Box::new(|_| Err(Refusal::Own));
    let jobs = vec![
        adds_department(id, "A"),
        refuses,
        adds_department(id, "B"),
        panics,
        adds_department(id, "C"),
        fails,
        only_asks,
        adds_department(id, "D"),
    ];
    let ended = in_one_group(&db.store, id, jobs).await;
    assert!([0, 2, 4, 7].iter().all(|n| ended[*n].is_ok()), "{ended:?}");
    assert!(matches!(ended[1], Err(Refusal::Own)), "{ended:?}");
    assert!(matches!(ended[3], Err(Refusal::Store(StoreError::Panicked))), "{ended:?}");
    assert!(matches!(ended[5], Err(Refusal::Store(StoreError::Query(_)))), "{ended:?}");
    assert!(matches!(ended[6], Err(Refusal::Own)), "{ended:?}");
    assert_eq!(departments_of(&db, id).await, ["A", "B", "C", "D", "Reception"]);
});

on_both!(what_is_refused_leaves_no_event, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, kind) = (hotel.id, hotel.event());
    let record = |refused: bool| -> Job {
        let kind = kind.clone();
        Box::new(move |tx| {
            tx.record(id, Utc::now(), kind.clone());
            if refused { Err(Refusal::Own) } else { Ok(()) }
        })
    };
    in_one_group(&db.store, id, (0..9).map(|n| record(n % 3 == 0)).collect()).await;
    let seqs: Vec<i64> = log_of(&db, id).await.iter().map(|it| it.seq.0).collect();
    assert_eq!(seqs, (1..=6).collect::<Vec<_>>());
});

on_both!(jobs_that_panic_leave_the_lanes_and_the_readers_alive, |db| {
    let hotel = db.hotel(0, 0).await;
    // More than there are lanes, and connections to read with.
    for n in 0..20 {
        let written: Result<(), StoreError> = db.store.write(HotelId(n), vec![], |_| panic!("on purpose")).await;
        assert!(matches!(written, Err(StoreError::Panicked)), "{written:?}");
        let read: Result<(), StoreError> = db.store.read(|_| panic!("on purpose")).await;
        assert!(matches!(read, Err(StoreError::Panicked)), "{read:?}");
    }
    for n in 0..8 {
        db.store.write(HotelId(n), vec![], |tx| execute(tx, "UPDATE hotels SET name = 'Still here'")).await.unwrap();
    }
    assert_eq!(db.number("SELECT count(*) FROM hotels WHERE name = 'Still here'").await, 1);
    assert_eq!(departments_of(&db, hotel.id).await, ["Reception"]);
});

on_both!(places_in_the_log_have_no_gap_whoever_writes, |db| {
    let hotels = [db.hotel(0, 0).await, db.hotel(0, 0).await];
    db.told.lock().unwrap().clear();
    let nodes = [db.store.clone(), db.another()];
    let write = |n: usize| {
        let (hotel, store) = (hotels[n % 2].clone(), nodes[n / 2 % 2].clone());
        tokio::spawn(async move {
            let (id, kind, refused) = (hotel.id, hotel.event(), n.is_multiple_of(5));
            let job = move |tx: &mut Tx<'_>| {
                (0..=n % 3).for_each(|_| tx.record(id, Utc::now(), kind.clone()));
                if refused { Err(Refusal::Own) } else { Ok(()) }
            };
            store.write(id, vec![], job).await.is_ok()
        })
    };
    let writes: Vec<_> = (0..300).map(write).collect();
    let mut done = 0;
    for it in writes {
        done += usize::from(it.await.unwrap());
    }
    assert_eq!(done, 240);
    for hotel in &hotels {
        let seqs: Vec<i64> = log_of(&db, hotel.id).await.iter().map(|it| it.seq.0).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
        assert!(seqs.len() >= 120);
        // What this node told of, it told in order.
        let told = db.told.lock().unwrap().clone();
        let told: Vec<i64> =
            told.iter().flat_map(|it| it.iter()).filter(|it| it.hotel == hotel.id).map(|it| it.seq.0).collect();
        assert!(told.is_sorted() && !told.is_empty());
    }
});

on_both!(a_job_that_gives_way_is_run_again, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let runs = Arc::new(AtomicU32::new(0));
    let gives_way = |times: u32| {
        let runs = runs.clone();
        move |tx: &mut Tx<'_>| {
            departments::insert(tx, hotel, &name("Spa"), Utc::now())?;
            if runs.fetch_add(1, SeqCst) < times {
                return Err(StoreError::Conflict(Error::RollbackTransaction));
            }
            Ok(())
        }
    };
    db.store.write(hotel, vec![], gives_way(2)).await.unwrap();
    assert_eq!((runs.swap(0, SeqCst), departments_of(&db, hotel).await.len()), (3, 2));
    let never = db.store.write(hotel, vec![], gives_way(u32::MAX)).await;
    assert!(matches!(&never, Err(error) if error.may_pass()), "{never:?}");
});

on_both!(a_read_sees_one_moment, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let (began, begun) = oneshot::channel();
    let (go_on, wait) = mpsc::channel();
    let mut began = Some(began);
    let reading = db.store.read(move |conn| {
        let count = "SELECT count(*) FROM departments";
        let before = number(conn, count)?;
        if let Some(began) = began.take() {
            began.send(()).unwrap();
        }
        wait.recv_timeout(PATIENCE).map_err(|_| StoreError::Unavailable("nobody went on".into()))?;
        Ok::<_, StoreError>((before, number(conn, count)?))
    });
    let writing = async {
        begun.await.unwrap();
        let added = db.store.write(hotel, vec![], adds_department(hotel, "Spa")).await;
        go_on.send(()).unwrap();
        added.unwrap();
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert_eq!(read.unwrap(), (1, 1));
    assert_eq!(db.number("SELECT count(*) FROM departments").await, 2);
});

/// Each takes its own hotel's row, then wants the other's.
pub fn crosses(
    store: Store,
    mine: &Hotel,
    theirs: &Hotel,
    meeting: &Arc<Barrier>,
) -> impl Future<Output = Result<(), StoreError>> + use<> {
    let (hotel, mine, theirs, meeting) = (mine.id, mine.id, theirs.id, meeting.clone());
    let mut first = true;
    let job = move |tx: &mut Tx<'_>| {
        execute(tx, &format!("UPDATE hotels SET name = name || '+' WHERE id = {mine}"))?;
        if std::mem::take(&mut first) {
            meeting.wait();
        }
        execute(tx, &format!("UPDATE hotels SET name = name || '+' WHERE id = {theirs}"))?;
        Ok::<_, StoreError>(())
    };
    async move { store.write(hotel, vec![], job).await }
}

#[tokio::test]
async fn two_nodes_in_each_others_way_both_come_through() {
    let Some(db) = Database::new(Backend::Postgres) else { return };
    let (one, two) = (db.hotel(0, 0).await, db.hotel(0, 0).await);
    let meeting = Arc::new(Barrier::new(2));
    let (a, b) =
        tokio::join!(crosses(db.store.clone(), &one, &two, &meeting), crosses(db.another(), &two, &one, &meeting));
    a.unwrap();
    b.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM hotels WHERE name = 'Grand++'").await, 2);
}

#[tokio::test]
async fn a_lost_connection_is_told_and_replaced() {
    let Some(db) = Database::new(Backend::Postgres) else { return };
    let hotel = db.hotel(0, 0).await.id;
    let suicide = "SELECT pg_terminate_backend(pg_backend_pid())";
    let written = db.store.write(hotel, vec![], |tx: &mut Tx<'_>| execute(tx, suicide)).await;
    assert!(matches!(&written, Err(error) if error.may_pass()), "{written:?}");
    db.store.write(hotel, vec![], adds_department(hotel, "Spa")).await.unwrap();
    // All that are idle are dead at once: a read finds a new one, and is not refused.
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid()";
    db.another().write(HotelId(0), vec![], |tx: &mut Tx<'_>| execute(tx, cut)).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM departments").await, 2);
}
