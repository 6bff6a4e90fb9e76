//! Group commit: groups, refusals, panics, conflicts, lost connections.

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
use persistence::{Store, StoreError, Tx, departments, event_log};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{StoredHotel, TestBackend, TestDatabase, TestRefusal, execute, name, number, on_both};

/// How long a job that blocks others waits for its signal.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(10);

pub type TestJob = Box<dyn FnMut(&mut Tx<'_>) -> Result<(), TestRefusal> + Send>;

/// Blocks a hotel's writer until a signal is sent.
pub async fn block_writer(store: &Store, hotel: HotelId) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (go_on, wait) = mpsc::channel();
    let (started, has_started) = oneshot::channel();
    let (store, mut started) = (store.clone(), Some(started));
    let held = tokio::spawn(async move {
        let job = move |_: &mut Tx<'_>| {
            if let Some(started) = started.take() {
                started.send(()).unwrap();
            }
            wait.recv_timeout(SIGNAL_TIMEOUT).map_err(|_| StoreError::Unavailable("no signal in time".into()))
        };
        store.write(hotel, vec![], job).await
    });
    has_started.await.unwrap();
    (go_on, held)
}

/// Runs jobs of one hotel in one group. Returns their results.
pub async fn in_one_group(store: &Store, hotel: HotelId, jobs: Vec<TestJob>) -> Vec<Result<(), TestRefusal>> {
    let (go_on, held) = block_writer(store, hotel).await;
    let mut tickets = Vec::new();
    for job in jobs {
        tickets.push(store.submit_write(hotel, vec![], job).await.unwrap());
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut results = Vec::new();
    for ticket in tickets {
        results.push(ticket.result().await);
    }
    results
}

pub fn adds_department(hotel: HotelId, word: &'static str) -> TestJob {
    Box::new(move |tx| add(tx, hotel, word))
}

pub fn add(tx: &mut Tx<'_>, hotel: HotelId, word: &str) -> Result<(), TestRefusal> {
    assert!(departments::insert(tx, hotel, &name(word), Utc::now())?.is_some());
    Ok(())
}

pub async fn departments_of(db: &TestDatabase, hotel: HotelId) -> Vec<String> {
    let slice = persistence::sql::pagination::Slice { offset: 0, limit: 100 };
    let (_, list) = db
        .store
        .read(move |conn| departments::list(conn, hotel, departments::DepartmentSelector::All, slice))
        .await
        .unwrap();
    let mut names: Vec<String> = list.into_iter().map(|it| it.name).collect();
    names.sort();
    names
}

async fn log_of(db: &TestDatabase, hotel: HotelId) -> Vec<Event> {
    db.store.read(move |conn| event_log::list_after(conn, hotel, Seq(0), 100_000)).await.unwrap()
}

on_both!(queued_jobs_are_committed_as_one_group, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, kind) = (hotel.id, hotel.event());
    db.committed.lock().unwrap().clear();
    let record = || -> TestJob {
        let kind = kind.clone();
        Box::new(move |tx| {
            tx.record(id, Utc::now(), kind.clone());
            Ok(())
        })
    };
    let ended = in_one_group(&db.store, id, (0..50).map(|_| record()).collect()).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let committed = db.committed.lock().unwrap().clone();
    assert_eq!(committed.iter().map(|group| group.len()).collect::<Vec<_>>(), [0, 50]);
});

on_both!(a_group_with_repeated_conflicts_runs_job_by_job, |db| {
    let id = db.hotel(0, 0).await.id;
    let tried = Arc::<AtomicU32>::default();
    let counted = tried.clone();
    let in_the_way: TestJob = Box::new(move |tx| {
        add(tx, id, "B")?;
        // The job conflicts as often as a group is attempted.
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

on_both!(a_failed_job_spoils_no_other_job, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, taken) = (hotel.id, hotel.manager.username.clone());
    let refuses: TestJob = Box::new(move |tx| {
        add(tx, id, "Refused")?;
        Err(TestRefusal::Own)
    });
    let panics: TestJob = Box::new(move |tx| {
        add(tx, id, "Panicked")?;
        panic!("on purpose")
    });
    let fails: TestJob = Box::new(move |tx| {
        add(tx, id, "Failed")?;
        execute(tx, &format!("UPDATE staff SET username = '{taken}'"))?;
        Ok(())
    });
    let only_asks: TestJob = Box::new(|_| Err(TestRefusal::Own));
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
    assert!(matches!(ended[1], Err(TestRefusal::Own)), "{ended:?}");
    assert!(matches!(ended[3], Err(TestRefusal::Store(StoreError::Panicked))), "{ended:?}");
    assert!(matches!(ended[5], Err(TestRefusal::Store(StoreError::Query(_)))), "{ended:?}");
    assert!(matches!(ended[6], Err(TestRefusal::Own)), "{ended:?}");
    assert_eq!(departments_of(&db, id).await, ["A", "B", "C", "D", "Reception"]);
});

on_both!(a_refused_job_leaves_no_event, |db| {
    let hotel = db.hotel(0, 0).await;
    let (id, kind) = (hotel.id, hotel.event());
    let record = |refused: bool| -> TestJob {
        let kind = kind.clone();
        Box::new(move |tx| {
            tx.record(id, Utc::now(), kind.clone());
            if refused { Err(TestRefusal::Own) } else { Ok(()) }
        })
    };
    in_one_group(&db.store, id, (0..9).map(|n| record(n % 3 == 0)).collect()).await;
    let seqs: Vec<i64> = log_of(&db, id).await.iter().map(|it| it.seq.0).collect();
    assert_eq!(seqs, (1..=6).collect::<Vec<_>>());
});

on_both!(panicking_jobs_leave_writers_and_readers_alive, |db| {
    let hotel = db.hotel(0, 0).await;
    // More panicking jobs than there are writers and read connections.
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

on_both!(sequence_numbers_of_two_nodes_have_no_gap, |db| {
    let hotels = [db.hotel(0, 0).await, db.hotel(0, 0).await];
    db.committed.lock().unwrap().clear();
    let nodes = [db.store.clone(), db.another()];
    let write = |n: usize| {
        let (hotel, store) = (hotels[n % 2].clone(), nodes[n / 2 % 2].clone());
        tokio::spawn(async move {
            let (id, kind, refused) = (hotel.id, hotel.event(), n.is_multiple_of(5));
            let job = move |tx: &mut Tx<'_>| {
                (0..=n % 3).for_each(|_| tx.record(id, Utc::now(), kind.clone()));
                if refused { Err(TestRefusal::Own) } else { Ok(()) }
            };
            store.write(id, vec![], job).await.is_ok()
        })
    };
    let writes: Vec<_> = (0..300).map(write).collect();
    let mut done = 0;
    for write in writes {
        done += usize::from(write.await.unwrap());
    }
    assert_eq!(done, 240);
    for hotel in &hotels {
        let seqs: Vec<i64> = log_of(&db, hotel.id).await.iter().map(|it| it.seq.0).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
        assert!(seqs.len() >= 120);
        // The commit hook of this node received the events of this node in order.
        let committed = db.committed.lock().unwrap().clone();
        let committed: Vec<i64> =
            committed.iter().flat_map(|it| it.iter()).filter(|it| it.hotel == hotel.id).map(|it| it.seq.0).collect();
        assert!(committed.is_sorted() && !committed.is_empty());
    }
});

on_both!(a_job_with_a_conflict_runs_again, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let runs = Arc::new(AtomicU32::new(0));
    let conflicting = |times: u32| {
        let runs = runs.clone();
        move |tx: &mut Tx<'_>| {
            departments::insert(tx, hotel, &name("Spa"), Utc::now())?;
            if runs.fetch_add(1, SeqCst) < times {
                return Err(StoreError::Conflict(Error::RollbackTransaction));
            }
            Ok(())
        }
    };
    db.store.write(hotel, vec![], conflicting(2)).await.unwrap();
    assert_eq!((runs.swap(0, SeqCst), departments_of(&db, hotel).await.len()), (3, 2));
    let never = db.store.write(hotel, vec![], conflicting(u32::MAX)).await;
    assert!(matches!(&never, Err(error) if error.is_temporary()), "{never:?}");
});

on_both!(a_read_sees_one_snapshot, |db| {
    let hotel = db.hotel(0, 0).await.id;
    let (started, has_started) = oneshot::channel();
    let (go_on, wait) = mpsc::channel();
    let mut started = Some(started);
    let reading = db.store.read(move |conn| {
        let count = "SELECT count(*) FROM departments";
        let before = number(conn, count)?;
        if let Some(started) = started.take() {
            started.send(()).unwrap();
        }
        wait.recv_timeout(SIGNAL_TIMEOUT).map_err(|_| StoreError::Unavailable("no signal in time".into()))?;
        Ok::<_, StoreError>((before, number(conn, count)?))
    });
    let writing = async {
        has_started.await.unwrap();
        let added = db.store.write(hotel, vec![], adds_department(hotel, "Spa")).await;
        go_on.send(()).unwrap();
        added.unwrap();
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert_eq!(read.unwrap(), (1, 1));
    assert_eq!(db.number("SELECT count(*) FROM departments").await, 2);
});

/// Runs a job that locks the row of its own hotel and then the row of the other job's hotel.
pub fn crosses(
    store: Store,
    mine: &StoredHotel,
    theirs: &StoredHotel,
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
async fn a_deadlock_of_two_nodes_is_resolved_for_both() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    let (one, two) = (db.hotel(0, 0).await, db.hotel(0, 0).await);
    let meeting = Arc::new(Barrier::new(2));
    let (a, b) =
        tokio::join!(crosses(db.store.clone(), &one, &two, &meeting), crosses(db.another(), &two, &one, &meeting));
    a.unwrap();
    b.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM hotels WHERE name = 'Grand++'").await, 2);
}

#[tokio::test]
async fn a_lost_connection_fails_the_write_and_is_replaced() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    let hotel = db.hotel(0, 0).await.id;
    let suicide = "SELECT pg_terminate_backend(pg_backend_pid())";
    let written = db.store.write(hotel, vec![], |tx: &mut Tx<'_>| execute(tx, suicide)).await;
    assert!(matches!(&written, Err(error) if error.is_temporary()), "{written:?}");
    db.store.write(hotel, vec![], adds_department(hotel, "Spa")).await.unwrap();
    // All idle connections are dead at once: a read opens a new connection and succeeds.
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid()";
    db.another().write(HotelId(0), vec![], |tx: &mut Tx<'_>| execute(tx, cut)).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM departments").await, 2);
}
