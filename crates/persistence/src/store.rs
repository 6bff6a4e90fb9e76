//! The store: reads on snapshots, and writes through the group-commit writers.

pub mod backup;
pub mod commit;
pub mod connection;
pub mod copy_database;
pub(crate) mod file_lock;
pub(crate) mod group_commit;
pub(crate) mod lock_wait_queue;
pub(crate) mod lock_wait_writer;
pub mod locks;
pub mod migrations;
pub mod pg_notify;
pub(crate) mod private_files;
pub mod read_only;
pub mod read_permits;
pub(crate) mod scan_threads;
pub mod transaction;
pub mod write_job;
pub mod write_key;

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    thread,
    time::Duration,
};

use domain::HotelId;
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

use crate::{
    StoreError,
    error::{JobError, final_error},
    store::{
        commit::OnCommit,
        connection::{Conn, ConnManager, DbUrl},
        file_lock::FileLock,
        locks::Locks,
        read_permits::{ReadPermits, ReadPurpose, SCAN_READERS},
        scan_threads::ScanThreads,
        transaction::Tx,
        write_job::{QueuedJob, Ticket, WriteJob},
        write_key::WriteKey,
    },
};

/// Connections for requests on SQLite. More of them would only share the same two or four cores.
const SQLITE_READERS: u32 = 4;
const POSTGRES_READERS: u32 = 8;
/// Number of writers on PostgreSQL, each with a connection. A hotel always uses the same writer: the row of its event
/// counter is hot, and jobs of one writer do not wait for that row.
const POSTGRES_WRITERS: usize = 4;
/// Maximum number of jobs in the queue of a writer.
const WRITE_QUEUE_SIZE: usize = 1024;
/// How long a caller waits for a free slot in the queue of a writer.
const ENQUEUE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A database with a current schema, its pool of readers and its writers.
///
/// Clones share all of it. The writer threads end when the last clone is dropped and their queues are empty.
#[derive(Clone)]
pub struct Store {
    readers: r2d2::Pool<ConnManager>,
    read_permits: ReadPermits,
    scan_threads: ScanThreads,
    /// The shared lock that keeps `restore` from replacing the SQLite file while it is in use.
    _file_lock: Option<Arc<FileLock>>,
    writers: Arc<[mpsc::Sender<Box<dyn QueuedJob>>]>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database and migrates its schema. Creates the folder of an SQLite file if necessary.
    ///
    /// Fails if the database is unavailable, read-only or newer than this program.
    pub fn open(url: &DbUrl, on_commit: OnCommit) -> Result<Self, StoreError> {
        let file_lock = lock_file(url)?;
        migrations::migrate(url)?;
        if let DbUrl::Sqlite(path) = url {
            private_files::restrict_database(path);
        }
        let (readers, writers) = match url {
            DbUrl::Sqlite(_) => (SQLITE_READERS, 1),
            DbUrl::Postgres(_) => (POSTGRES_READERS, POSTGRES_WRITERS),
        };
        let pool = r2d2::Pool::builder()
            .max_size(ReadPermits::connections(readers))
            .min_idle(Some(1))
            .connection_timeout(CONNECT_TIMEOUT)
            .test_on_check_out(false)
            .build_unchecked(ConnManager(url.clone()));
        let writers =
            (0..writers).map(|n| start_writer(n, url.clone(), on_commit.clone())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            readers: pool,
            read_permits: ReadPermits::new(readers),
            scan_threads: ScanThreads::new(SCAN_READERS)?,
            _file_lock: file_lock.map(Arc::new),
            writers: writers.into(),
        })
    }

    /// Whether the database exists: the file of SQLite, or tables of this program in PostgreSQL. Creates nothing.
    pub fn exists(url: &DbUrl) -> Result<bool, StoreError> {
        migrations::has_schema(url)
    }

    /// Returns `true` if schema migrations are pending. Changes nothing.
    pub fn has_pending_migrations(url: &DbUrl) -> Result<bool, StoreError> {
        migrations::has_pending_migrations(url)
    }

    /// Runs a job on one snapshot: all its queries see the same moment of the database.
    pub async fn read<T, E>(&self, job: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        self.read_for(ReadPurpose::Request, job).await
    }

    /// Runs a job on one snapshot like [`Store::read`], on the connections reserved for this purpose.
    pub async fn read_for<T, E>(
        &self,
        purpose: ReadPurpose,
        job: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        let permit = self.read_permits.acquire(purpose).await?;
        let readers = self.readers.clone();
        self.run_reading(purpose, move || {
            let _permit = permit;
            read_snapshot(&readers, job)
        })
        .await
    }

    /// Runs a job that reads with a single statement if the database is PostgreSQL. Such a job needs no transaction for
    /// its snapshot, which saves two round trips. On SQLite the job may run several statements, on one snapshot. The
    /// job runs again if a pooled connection turns out to be lost.
    pub async fn read_statement<T, E>(
        &self,
        purpose: ReadPurpose,
        mut job: impl FnMut(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        let permit = self.read_permits.acquire(purpose).await?;
        let readers = self.readers.clone();
        self.run_reading(purpose, move || {
            let _permit = permit;
            let mut attempts_left = readers.max_size();
            loop {
                let mut conn = readers.get().map_err(StoreError::from)?;
                if !conn.is_postgres() {
                    drop(conn);
                    return read_snapshot(&readers, job);
                }
                let result = job(&mut conn);
                let failure = result.as_ref().err().and_then(JobError::store_error);
                let is_lost = matches!(failure, Some(StoreError::Unavailable(_))) && conn.is_lost();
                if !is_lost || attempts_left == 0 {
                    return result.map_err(|error| final_error(error, true));
                }
                attempts_left -= 1;
            }
        })
        .await
    }

    async fn run_reading<T, E>(
        &self,
        purpose: ReadPurpose,
        job: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        let running = match purpose {
            ReadPurpose::Scan => self.scan_threads.spawn(job),
            ReadPurpose::Request | ReadPurpose::Replay | ReadPurpose::Feed => spawn_blocking(job),
        };
        running.await.unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    /// Queues a write job and returns as soon as it is queued. Jobs with the same key run in the order of submission.
    ///
    /// The job runs in a transaction, after the rows of `locks` are locked against all nodes. It may run again after a
    /// rollback, so it must not carry state from one run to the next. If it returns an error, its changes are rolled
    /// back. A job whose ticket is dropped before it starts is discarded.
    ///
    /// Fails if the queue of the writer stays full.
    pub async fn submit_write<T, E>(
        &self,
        key: impl Into<WriteKey>,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Ticket<T, E>, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        let key = key.into();
        let slot = timeout(ENQUEUE_TIMEOUT, self.writer(key).reserve())
            .await
            .map_err(|_| StoreError::Unavailable("too many writers".into()))?
            .map_err(|_| StoreError::Unavailable("the writer has stopped".into()))?;
        let (job, ticket) = WriteJob::new(key, locks.into(), job);
        slot.send(Box::new(job));
        Ok(ticket)
    }

    /// Runs a write job and returns when its changes are durable: [`Store::submit_write`], then [`Ticket::result`].
    pub async fn write<T, E>(
        &self,
        key: impl Into<WriteKey>,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
    {
        self.submit_write(key, locks, job).await?.result().await
    }

    /// Whether all writer threads are alive.
    pub fn can_write(&self) -> bool {
        self.writers.iter().all(|writer| !writer.is_closed())
    }

    /// Stops all writers, for tests of the behaviour without writers.
    #[cfg(feature = "test-access")]
    pub async fn stop_writers(&self) {
        for writer in self.writers.iter() {
            let _ = writer.send(Box::new(write_job::StopWriter::default())).await;
            writer.closed().await;
        }
    }

    fn writer(&self, key: WriteKey) -> &mpsc::Sender<Box<dyn QueuedJob>> {
        let mut hasher = DefaultHasher::new();
        key.hotel().unwrap_or(HotelId(0)).hash(&mut hasher);
        &self.writers[hasher.finish() as usize % self.writers.len()]
    }
}

fn lock_file(url: &DbUrl) -> Result<Option<FileLock>, StoreError> {
    let DbUrl::Sqlite(path) = url else { return Ok(None) };
    let unavailable = |cause: &str| StoreError::Unavailable(format!("{}: {cause}", path.display()));
    let lock = FileLock::shared(path).map_err(|error| unavailable(&error.to_string()))?;
    lock.ok_or_else(|| unavailable("a backup is being restored")).map(Some)
}

fn start_writer(n: usize, url: DbUrl, on_commit: OnCommit) -> Result<mpsc::Sender<Box<dyn QueuedJob>>, StoreError> {
    let failed = |error: std::io::Error| StoreError::Unavailable(error.to_string());
    let lock_wait_queue = lock_wait_writer::start(format!("lock-wait-{n}"), &url, on_commit.clone()).map_err(failed)?;
    let (queue, jobs) = mpsc::channel(WRITE_QUEUE_SIZE);
    thread::Builder::new()
        .name(format!("writer-{n}"))
        .spawn(move || group_commit::run_writer(url, jobs, on_commit, lock_wait_queue))
        .map_err(failed)?;
    Ok(queue)
}

fn read_snapshot<T, E: JobError>(
    readers: &r2d2::Pool<ConnManager>,
    job: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    let mut conn = begin_snapshot(readers)?;
    let conn: &mut Conn = &mut conn;
    let result = job(conn).map_err(|error| final_error(error, conn.is_postgres()));
    // A read changes nothing, so commit and rollback have the same effect; but a failed transaction can only be rolled
    // back.
    let ended = if result.is_ok() { conn.commit() } else { conn.rollback() };
    match (result, ended) {
        (Ok(_), Err(error)) => Err(StoreError::from(error).into()),
        (result, _) => result,
    }
}

/// Takes a connection from the pool and begins a snapshot on it. After a restart of the database server every pooled
/// connection is dead: each attempt drops one, and the last attempt gets a new one.
fn begin_snapshot(readers: &r2d2::Pool<ConnManager>) -> Result<r2d2::PooledConnection<ConnManager>, StoreError> {
    let mut attempts_left = readers.max_size();
    loop {
        let mut conn = readers.get()?;
        match conn.begin_snapshot().map_err(StoreError::from) {
            Err(StoreError::Unavailable(_)) if attempts_left > 0 => attempts_left -= 1,
            begun => return begun.map(|()| conn),
        }
    }
}
