//! Database failures: a full disk, a read-only or damaged database, a failed migration. Writes are refused as a whole,
//! reads continue, and the server recovers without a restart.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use acceptance::{
    ApiResponse, DatabaseKind, PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, TestWorld, WorldOptions, alone,
    json, on_both, unique,
};
use tokio::time::Instant;

use crate::{
    command_line::error_line,
    event_assertions::{assert_in_order, message_texts},
};

/// Longest time until writes work again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a text with an idempotency key made from the text.
pub async fn send_with_key(staff: &StaffClient, stay: &TestStay, text: &str) -> ApiResponse {
    let key: String = text.chars().take(40).map(|it| if it == ' ' { '-' } else { it }).collect();
    staff.key(&key).post(stay.path("send_message/"), json!({ "text": text })).await
}

/// Retries while the database is unavailable (503).
async fn send_until_acknowledged(staff: &StaffClient, stay: &TestStay, text: &str) {
    let start = Instant::now();
    loop {
        let response = send_with_key(staff, stay, text).await;
        if response.status != 503 {
            assert!([200, 201].contains(&response.status), "{}", response.text());
            return;
        }
        assert!(start.elapsed() < RECOVERY_TIMEOUT, "writes do not recover");
    }
}

/// The texts of the newest 1,000 messages of a conversation.
pub async fn stored_texts(staff: &StaffClient, stay: &TestStay) -> Vec<String> {
    let messages = staff.get(stay.path("messages/?limit=1000")).await.is(200);
    messages.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// Fails unless writes get 503 and change nothing, while reads and sockets work.
async fn assert_read_only(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay, socket: &mut TestSocket) {
    let (before, text) = (staff.get(stay.path("")).await.is(200), unique("unwritten"));
    send_with_key(staff, stay, &text).await.problem(503, "unavailable");
    let command = json!({ "command": "send_message", "stay_id": stay.id, "text": text, "client_ref": text });
    socket.refused(command, "unavailable").await;
    let login = json!({ "username": staff.username, "password": PASSWORD });
    hotel.anonymous().post("/api/auth/login/", login).await.problem(503, "unavailable");
    // The send would also have taken over the conversation.
    assert_eq!(staff.get(stay.path("")).await.is(200), before);
    assert!(!stored_texts(staff, stay).await.contains(&text));
    staff.get("conversations/").await.is(200);
    socket.ping().await;
}

/// Limits the size of files that a process may write; beyond, writing fails as on a full disk.
fn limit_file_size(process: u32, bytes: &str) {
    let set = Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(set.unwrap().success());
}

/// The path of a file that SQLite keeps beside the database, such as `-wal`.
fn companion_file(file: &Path, end: &str) -> PathBuf {
    format!("{}{end}", file.display()).into()
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_space() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let (staff, stay, untouched) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let log = fs::metadata(companion_file(world.file(), "-wal")).unwrap().len();
        limit_file_size(world.process_id(), &(log + 200_000).to_string());
        // The disk becomes full while messages are sent; each send is either acknowledged or refused.
        let long = "x".repeat(4000);
        let mut acknowledged = Vec::new();
        let refused = loop {
            let text = format!("{}-{long}", unique("full"));
            let response = send_with_key(&staff, &stay, &text).await;
            if response.status == 503 {
                break text;
            }
            response.is(201);
            acknowledged.push(text);
            assert!(acknowledged.len() < 200, "the disk is never full");
        };
        let stored = stored_texts(&staff, &stay).await;
        assert!(!stored.contains(&refused) && acknowledged.iter().all(|it| stored.contains(it)));
        assert_read_only(&hotel, &staff, &untouched, &mut socket).await;
        limit_file_size(world.process_id(), "unlimited");
        send_until_acknowledged(&staff, &stay, &refused).await;
        acknowledged.push(refused);
        let events = socket.events_so_far(&hotel).await;
        assert_in_order(&events);
        assert_eq!(message_texts(&events), acknowledged);
    });
}

/// Root may write to files without write permission; `setpriv` takes this right away.
fn without_root_override() -> WorldOptions {
    let through = match fs::metadata("/proc/self").unwrap().uid() {
        0 => vec!["setpriv".into(), "--bounding-set=-dac_override,-dac_read_search".into()],
        _ => Vec::new(),
    };
    WorldOptions { through, ..WorldOptions::default() }
}

fn writable(file: &Path, writable: bool) {
    for end in ["", "-wal", "-shm"] {
        let file = companion_file(file, end);
        if file.exists() {
            fs::set_permissions(file, Permissions::from_mode(if writable { 0o644 } else { 0o444 })).unwrap();
        }
    }
}

on_both!(a_read_only_database_still_serves_reads, without_root_override() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let set_postgres_read_only = |value: &str| {
        let (server, name) = world.program.settings["DATABASE_URL"].rsplit_once('/').unwrap();
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        acceptance::psql(&format!("{server}/postgres"), &set).unwrap();
        world.cut_connections();
    };
    match world.backend {
        DatabaseKind::Sqlite => {
            writable(world.file(), false);
            // Open files stay writable. After a lock timeout the writer opens its connection again, and is then
            // read-only.
            let other = world.sqlite();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            send_with_key(&staff, &stay, "locked out").await.problem(503, "unavailable");
            other.execute_batch("ROLLBACK").unwrap();
        }
        DatabaseKind::Postgres => {
            set_postgres_read_only("on");
            // The writer notices the lost connection with the first write.
            send_with_key(&staff, &stay, "cut off").await.problem(503, "unavailable");
        }
    }
    assert_read_only(&hotel, &staff, &stay, &mut socket).await;
    match world.backend {
        DatabaseKind::Sqlite => writable(world.file(), true),
        DatabaseKind::Postgres => set_postgres_read_only("off"),
    }
    send_until_acknowledged(&staff, &stay, "as before").await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["as before"]);
});

#[test]
fn a_read_only_file_stops_the_start() {
    let options = without_root_override().hotels(0).arguments(&[]);
    acceptance::without_server(DatabaseKind::Sqlite, options, async |world: Arc<TestWorld>| {
        world.run(&["migrate"]);
        world.run(&["hotel", "create", "--name", "Grand"]).json();
        writable(world.file(), false);
        for command in [&["serve"][..], &["hotel", "create", "--name", "Other"]] {
            let done = world.run(command);
            assert!(error_line(&done).contains("readonly"), "{done:?}");
        }
        writable(world.file(), true);
        assert_eq!(world.number("SELECT count(*) FROM hotels"), 1);
        world.serve();
    });
}

#[test]
fn a_file_that_is_no_database_stops_the_start_and_is_not_changed() {
    acceptance::without_server(
        DatabaseKind::Sqlite,
        WorldOptions::default().hotels(0),
        async |world: Arc<TestWorld>| {
            fs::create_dir_all(world.file().parent().unwrap()).unwrap();
            let other = "Dear diary, ".repeat(1000);
            fs::write(world.file(), &other).unwrap();
            for command in [&["serve"][..], &["migrate"], &["migrate", "--check"], &["hotel", "list"]] {
                let done = world.run(command);
                assert!(error_line(&done).contains("not a database"), "{done:?}");
            }
            assert_eq!(fs::read_to_string(world.file()).unwrap(), other);
        },
    );
}

#[test]
fn a_damaged_table_leaves_the_others_usable() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.active(0));
        let list = staff.get("conversations/?status=active").await.is(200);
        world.kill();
        let page = damage_table_root(&world, "messages");
        world.serve();
        let staff = hotel.sign_in(&staff.username, PASSWORD).await;
        staff.get("/api/auth/me/").await.is(200);
        staff.get("staff/").await.is(200);
        staff.get(stay.path("messages/")).await.problem(503, "unavailable");
        send_with_key(&staff, &stay, "into the void").await.problem(503, "unavailable");
        assert!(world.log_text().contains("malformed"));
        let status =
            format!("SELECT count(*) FROM conversations WHERE id = {} AND status = 'active'", stay.conversation);
        assert_eq!(world.number(&status), 1, "the conversation was taken over without a message");
        world.kill();
        page.restore(&world);
        world.serve();
        let staff = hotel.sign_in(&staff.username, PASSWORD).await;
        assert_eq!(staff.get("conversations/?status=active").await.is(200), list);
        send_with_key(&staff, &stay, "into the void").await.is(201);
    });
}

/// The original bytes of a page of the database file.
struct SavedPage {
    at: u64,
    bytes: Vec<u8>,
}

/// Overwrites the root page of a table.
fn damage_table_root(world: &TestWorld, table: &str) -> SavedPage {
    // The last connection to close moves the write-ahead log into the database file.
    let (size, root) = {
        let conn = world.sqlite();
        let number = |query: &str| conn.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
        let root = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
        (number("PRAGMA page_size"), root)
    };
    let file = File::options().read(true).write(true).open(world.file()).unwrap();
    let mut page = SavedPage { at: (root - 1) * size, bytes: vec![0; size as usize] };
    file.read_exact_at(&mut page.bytes, page.at).unwrap();
    file.write_all_at(&vec![0xaa; size as usize], page.at).unwrap();
    page
}

impl SavedPage {
    fn restore(&self, world: &TestWorld) {
        File::options().write(true).open(world.file()).unwrap().write_all_at(&self.bytes, self.at).unwrap();
    }
}

on_both!(a_failed_migration_changes_nothing, without_server WorldOptions::default().hotels(0).arguments(&[]) => |world| {
    world.run(&["migrate"]);
    world.run(&["hotel", "create", "--name", "Grand"]).json();
    // Makes the migrations look as if they had not run.
    world.sql("CREATE TABLE written_down AS SELECT * FROM __diesel_schema_migrations").unwrap();
    world.sql("DELETE FROM __diesel_schema_migrations").unwrap();
    assert!(error_line(&world.run(&["migrate", "--check"])).contains("behind"));
    for command in [&["serve"][..], &["migrate"]] {
        let done = world.run(command);
        assert!(error_line(&done).contains("already exists"), "{done:?}");
    }
    assert_eq!(world.number("SELECT count(*) FROM __diesel_schema_migrations"), 0);
    world.sql("INSERT INTO __diesel_schema_migrations SELECT * FROM written_down").unwrap();
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(0));
    assert_eq!(world.run(&["hotel", "list"]).json()["hotels"][0]["name"], "Grand");
    world.serve();
});
