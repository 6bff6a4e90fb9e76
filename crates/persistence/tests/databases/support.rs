//! Support for the database tests: a database for each test, with test data.

use std::{
    future::Future,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types,
};
use domain::{
    ConversationId, DepartmentId, Event, EventKind, HotelId, Name, PhoneNumber, Role, SessionId, Staff, StaffId,
    Status, StayId, Username, stay::StayDays,
};
use persistence::{
    Conn, DbUrl, JobError, Store, StoreError, Tx,
    bulk_insert::{self, BulkMessage, BulkStay},
    departments, hotels,
    sessions::NewSession,
    staff::{self, NewStaffRow},
    stays::Booking,
};
use tempfile::TempDir;

/// Defines a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, |$db:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($db: $crate::support::TestDatabase) $body
            #[test]
            fn sqlite() {
                $crate::support::run($crate::support::TestBackend::Sqlite, body);
            }
            #[test]
            fn postgres() {
                $crate::support::run($crate::support::TestBackend::Postgres, body);
            }
        }
    };
}
pub(crate) use on_both;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestBackend {
    Sqlite,
    Postgres,
}

/// Runs a test on a new database, if there is a server for this kind of database.
pub fn run<F: Future<Output = ()>>(backend: TestBackend, body: impl FnOnce(TestDatabase) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(db) = TestDatabase::new(backend) {
        runtime.block_on(body(db));
    }
}

/// A database for one test, and the store on it.
pub struct TestDatabase {
    pub backend: TestBackend,
    pub url: DbUrl,
    pub store: Store,
    /// The events of each commit, as the commit hook received them.
    pub committed: Arc<Mutex<Vec<Arc<[Event]>>>>,
    _folder: TempDir,
}

impl TestDatabase {
    /// Creates a new database, if there is a server for it.
    pub fn new(backend: TestBackend) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = new_database(backend, folder.path())?;
        let committed = Arc::new(Mutex::new(Vec::new()));
        let store = open(&url, &committed);
        Some(Self { backend, url, store, committed, _folder: folder })
    }

    /// Opens a second store on the same database, like another node.
    pub fn another(&self) -> Store {
        open(&self.url, &Arc::default())
    }

    /// Runs SQL in its own transaction.
    pub async fn sql(&self, sql: impl Into<String>) -> Result<usize, StoreError> {
        let sql = sql.into();
        self.store.write(HotelId(0), vec![], move |tx| execute(tx, &sql)).await
    }

    /// Returns the number that a query returns.
    pub async fn number(&self, query: impl Into<String>) -> i64 {
        let query = query.into();
        self.store.read(move |conn| number(conn, &query)).await.unwrap()
    }

    /// Returns a time as an SQL literal.
    pub fn time(&self, at: DateTime<Utc>) -> String {
        match self.backend {
            TestBackend::Sqlite => at.timestamp_micros().to_string(),
            TestBackend::Postgres => format!("'{}'", at.to_rfc3339()),
        }
    }

    /// Creates a hotel with a department, a manager, a staff member, and stays with
    /// messages. Every second conversation is in relay, the others are active.
    pub async fn hotel(&self, stays: u32, messages: u32) -> StoredHotel {
        let made = self.store.write(HotelId(0), vec![], move |tx| make_hotel(tx, stays, messages)).await;
        made.unwrap()
    }
}

fn open(url: &DbUrl, committed: &Arc<Mutex<Vec<Arc<[Event]>>>>) -> Store {
    let committed = committed.clone();
    Store::open(url, Arc::new(move |commit| committed.lock().unwrap().push(commit.events))).unwrap()
}

/// Returns the URL of a new, empty database.
pub fn new_database(backend: TestBackend, folder: &Path) -> Option<DbUrl> {
    Some(match backend {
        TestBackend::Sqlite => DbUrl::Sqlite(folder.join("test.db")),
        TestBackend::Postgres => DbUrl::Postgres(new_postgres()?),
    })
}

fn new_postgres() -> Option<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("MM_TEST_POSTGRES_URL") else {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_POSTGRES_URL is not set");
        println!("skipped: MM_TEST_POSTGRES_URL is not set (run it through tests/with-servers.sh)");
        return None;
    };
    let name = format!("mm_store_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    PgConnection::establish(&server).unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    Some(format!("{}/{name}", server.rsplit_once('/').unwrap().0))
}

/// Runs SQL on either database.
pub fn execute(tx: &mut Tx<'_>, sql: &str) -> Result<usize, StoreError> {
    Ok(match tx.unrestricted() {
        Conn::Pg(conn) => sql_query(sql).execute(conn)?,
        Conn::Sqlite(conn) => sql_query(sql).execute(conn)?,
    })
}

/// Returns the rows of a query with one text column named `line`.
pub fn lines(conn: &mut Conn, query: &str) -> Result<Vec<String>, StoreError> {
    let rows: Vec<TextRow> = match conn.unrestricted() {
        Conn::Pg(conn) => sql_query(query).load(conn)?,
        Conn::Sqlite(conn) => sql_query(query).load(conn)?,
    };
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// Returns the number that a query returns.
pub fn number(conn: &mut Conn, query: &str) -> Result<i64, StoreError> {
    let rows = lines(conn, &format!("SELECT CAST(({query}) AS TEXT) AS line"))?;
    Ok(rows[0].parse().unwrap())
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = sql_types::Text)]
    line: String,
}

/// A hotel and its data, created by [`TestDatabase::hotel`].
#[derive(Clone, Debug)]
pub struct StoredHotel {
    pub id: HotelId,
    pub department: DepartmentId,
    pub manager: Staff,
    pub member: Staff,
    pub stays: Vec<(StayId, ConversationId)>,
}

impl StoredHotel {
    /// Returns an event that changes nothing.
    pub fn event(&self) -> EventKind {
        EventKind::StaffChanged { staff: self.member.id }
    }
}

fn make_hotel(tx: &mut Tx<'_>, stays: u32, messages: u32) -> Result<StoredHotel, StoreError> {
    let now = Utc::now();
    let id = hotels::insert(tx, &name("Grand"), "UTC", now)?;
    let department = departments::insert(tx, id, &name("Reception"), now)?.unwrap().id;
    let mut member = |role: Role, departments: Vec<DepartmentId>| {
        let username = Username::parse(&format!("{}.h{id}", role.as_str())).unwrap();
        let new = NewStaffRow {
            username,
            name: name("Ana"),
            role,
            departments,
            password_hash: "none".into(),
            must_change_password: false,
            active: true,
        };
        Ok::<_, StoreError>(staff::insert(tx, id, &new, now)?.unwrap())
    };
    let (manager, member) = (member(Role::Manager, vec![])?, member(Role::Staff, vec![department])?);
    let new: Vec<BulkStay> = (0..stays).map(|n| new_stay(id, department, n, messages, now)).collect();
    let stays = bulk_insert::insert_stays(tx, id, &new)?;
    for (_, conversation) in &stays {
        let new: Vec<BulkMessage> = (0..messages).map(|n| new_message(*conversation, member.id, n, now)).collect();
        bulk_insert::insert_messages(tx, id, &new)?;
        bulk_insert::set_last_message(tx, *conversation)?;
    }
    Ok(StoredHotel { id, department, manager, member, stays })
}

fn new_stay(hotel: HotelId, department: DepartmentId, n: u32, messages: u32, now: DateTime<Utc>) -> BulkStay {
    let relay = n.is_multiple_of(2);
    let day = NaiveDate::from_ymd_opt(2030, 1, 1).unwrap();
    BulkStay {
        booking: Booking {
            guest_phone: Some(PhoneNumber::parse(&format!("+4910{:05}{n:06}", hotel.0)).unwrap()),
            room_number: Some(name(&format!("{n}"))),
            ..Booking::new(name(&format!("R-{n}")), name(&format!("Guest {n}")), StayDays::nights(day, 0))
        },
        status: if relay { Status::Relay } else { Status::Active },
        department: relay.then_some(department),
        guest_messages: i64::from(messages.div_ceil(2)),
        last_guest_message_at: (messages > 0).then_some(now),
        waiting_since: (messages % 2 == 1).then_some(now),
        created_at: now,
        updated_at: now - chrono::TimeDelta::seconds(i64::from(n)),
    }
}

fn new_message(conversation: ConversationId, author: StaffId, n: u32, at: DateTime<Utc>) -> BulkMessage {
    let by_guest = n.is_multiple_of(2);
    BulkMessage {
        conversation,
        content: "Two more towels, please.",
        author: (!by_guest).then_some(author),
        at,
        guest_ordinal: i64::from(n / 2 + 1),
    }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The error of a test job: a refusal, or a failure of the database.
#[derive(Debug)]
pub enum TestRefusal {
    Own,
    Store(StoreError),
}

impl From<StoreError> for TestRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl JobError for TestRefusal {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Own => None,
            Self::Store(error) => Some(error),
        }
    }
}

/// The values of a session with this id.
pub fn new_session(id: SessionId) -> NewSession {
    let (cookie_digest, address) = ("digest".to_owned(), "192.0.2.1".to_owned());
    NewSession { id, cookie_digest, is_remembered: true, address, user_agent: None }
}
