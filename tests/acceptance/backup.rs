//! Backup and restore: no acknowledged message is lost, and cursors from before a restore are refused.

use std::{
    cell::Cell,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use acceptance::{
    CommandOutput, DatabaseKind, Program, StaffClient, TestSocket, TestStay, TestWorld, Value, WorldOptions, alone,
    binary, json, on_both, psql, without_server,
};
use futures_util::future::join;

use crate::{
    command_line::error_line,
    event_assertions::{message_texts, single_event},
    keys,
};

/// Longest time until a running server notices a new epoch.
const EPOCH_NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// The sorted names of the files in a folder that start with `start`.
fn files_starting_with(folder: &Path, start: &str) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = all.filter(|name| name.starts_with(start)).collect();
    found.sort_unstable();
    found
}

/// The texts that the test sent to a conversation, in order.
async fn sent_texts(staff: &StaffClient, stay: &TestStay) -> Vec<String> {
    let page = staff.get(stay.path("messages/?limit=1000")).await.is(200);
    let all = page.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned());
    all.filter(|words| words.starts_with("said ")).collect()
}

async fn send_numbered(staff: &StaffClient, stay: &TestStay, n: usize) -> String {
    let words = format!("said {n}");
    staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
    words
}

/// The current epoch and log head.
async fn cursor(staff: &StaffClient) -> Value {
    let list = staff.get("conversations/").await;
    let seq: i64 = list.header("x-event-seq").unwrap().parse().unwrap();
    json!({ "epoch": list.header("x-event-epoch").unwrap(), "after_seq": seq })
}

/// Fails unless the old cursor gets `resync_required`, and the cursor of that response is accepted.
async fn assert_resync_required(staff: &StaffClient, cursor: &Value, epoch: &Value) {
    let mut socket = TestSocket::open(staff).await;
    assert_eq!(&socket.welcome["epoch"], epoch);
    let (replayed, event) = socket.resume(cursor.clone()).await;
    assert_eq!((replayed.len(), &event["type"], &event["epoch"]), (0, &json!("resync_required"), epoch), "{cursor}");
    let (_, event) = socket.resume(json!({ "epoch": event["epoch"], "after_seq": event["seq"] })).await;
    assert_eq!(event["type"], "resumed");
}

/// Runs a command on a thread, so that the test continues.
async fn run_on_thread(world: &Arc<TestWorld>, arguments: &'static [&'static str]) -> CommandOutput {
    let world = world.clone();
    tokio::task::spawn_blocking(move || world.run(arguments)).await.unwrap()
}

#[test]
fn a_restore_brings_back_every_message_acknowledged_before_the_backup() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut acknowledged = Vec::new();
        for n in 0..20 {
            acknowledged.push(send_numbered(&staff, &stay, n).await);
        }
        let before = acknowledged.len();
        let is_finished = Cell::new(false);
        let sending = async {
            while !is_finished.get() {
                acknowledged.push(send_numbered(&staff, &stay, acknowledged.len()).await);
            }
        };
        let backup = async {
            let done = run_on_thread(&world, &["backup", "copy.db"]).await;
            is_finished.set(true);
            done
        };
        let output = join(backup, sending).await.0.json();
        assert!(acknowledged.len() > before, "nothing was sent meanwhile");
        // The backup is a single file that only its owner can read.
        let copy = world.folder().join("copy.db");
        assert_eq!(output, json!({ "file": "copy.db", "bytes": fs::metadata(&copy).unwrap().len() }));
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(files_starting_with(world.folder(), "copy"), ["copy.db"]);
        let stale_cursor = cursor(&staff).await;
        world.kill();
        let data = world.folder().join("data");
        assert!(data.join("message_manager.db-wal").is_file(), "the write-ahead log is empty");
        let output = run_on_thread(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(keys(&output), ["database", "epoch", "kept"]);
        let replaced = format!("message_manager.db.before-{}", output["epoch"].as_str().unwrap());
        assert_eq!(
            files_starting_with(&data, "message_manager"),
            ["message_manager.db", &replaced, "message_manager.db.lock"]
        );
        assert!(output["kept"].as_str().unwrap().ends_with(&replaced), "{output}");
        world.serve();
        // The session stays valid. The messages sent during the backup are stored up to one point in time.
        let restored = sent_texts(&staff, &stay).await;
        assert!(restored.len() >= before && acknowledged.starts_with(&restored), "{restored:?} of {acknowledged:?}");
        for after_seq in [0, stale_cursor["after_seq"].as_i64().unwrap()] {
            let cursor = json!({ "epoch": stale_cursor["epoch"], "after_seq": after_seq, "stay_ids": [stay.id] });
            assert_resync_required(&staff, &cursor, &output["epoch"]).await;
        }
        // The replaced database still has everything, and the backup is unchanged.
        let count = |file: &Path| {
            let query = "SELECT count(*) FROM messages WHERE content LIKE 'said %'";
            let conn = rusqlite::Connection::open(file).unwrap();
            conn.query_row(query, [], |row| row.get::<_, isize>(0)).unwrap()
        };
        assert_eq!(
            (count(&data.join(&replaced)), count(&copy)),
            (acknowledged.len() as isize, restored.len() as isize)
        );
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let text = send_numbered(&staff, &stay, 1000).await;
        assert_eq!(message_texts(&socket.events_so_far(&hotel).await), [text]);
    });
}

#[test]
fn a_failed_backup_reports_the_cause() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        world.run(&["backup", "copy.db"]).json();
        let first = fs::read(world.folder().join("copy.db")).unwrap();
        for (file, expected) in
            [("copy.db", "exists"), ("no/such/folder/copy.db", "no/such/folder"), ("copy.db/x", "copy.db")]
        {
            let done = world.run(&["backup", file]);
            assert!(error_line(&done).contains(expected), "{file}: {done:?}");
        }
        assert_eq!(fs::read(world.folder().join("copy.db")).unwrap(), first);
        assert_eq!(files_starting_with(world.folder(), "copy"), ["copy.db"]);
        let mut elsewhere = world.program.clone();
        elsewhere.settings.insert("DATABASE_URL".into(), "sqlite://nowhere/mm.db".into());
        let done = elsewhere.run(&["backup", "nothing.db"]);
        assert!(error_line(&done).contains("nowhere/mm.db"), "{done:?}");
        assert!(files_starting_with(world.folder(), "no").is_empty());
    });
}

#[test]
fn a_failed_restore_reports_the_cause_and_changes_nothing() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        let data = world.folder().join("data");
        let file = |name: &str| world.folder().join(name);
        world.run(&["backup", "copy.db"]).json();
        let good = fs::read(file("copy.db")).unwrap();
        let running = world.run(&["restore", "copy.db"]);
        assert!(error_line(&running).contains("stop the server"), "{running:?}");
        world.kill();
        fs::write(file("garbage.db"), "no database ".repeat(1000)).unwrap();
        fs::write(file("empty.db"), "").unwrap();
        let with = |name: &str, sql: &str| {
            fs::write(file(name), if name == "newer.db" { &good[..] } else { &[] }).unwrap();
            rusqlite::Connection::open(file(name)).unwrap().execute_batch(sql).unwrap();
        };
        with("newer.db", "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')");
        with("another.db", "CREATE TABLE hotels (id INTEGER PRIMARY KEY)");
        let mut damaged = good.clone();
        damaged[2 * 4096..8 * 4096].fill(0xA5);
        fs::write(file("damaged.db"), damaged).unwrap();
        fs::write(file("half.db"), &good).unwrap();
        fs::write(file("half.db-wal"), "the other half").unwrap();
        let epoch =
            || world.sqlite().query_row("SELECT group_concat(epoch) FROM epochs", [], |row| row.get::<_, String>(0));
        let before = epoch().unwrap();
        for (name, expected) in [
            ("nothing.db", "nothing.db"),
            ("garbage.db", "no database of this program"),
            ("empty.db", "no database of this program"),
            ("another.db", "no database of this program"),
            ("newer.db", "newer"),
            ("damaged.db", "damaged"),
            ("half.db", "half.db-wal"),
            ("data", "data"),
        ] {
            let done = world.run(&["restore", name]);
            assert!(error_line(&done).contains(expected), "{name}: {done:?}");
        }
        // Another program with an open connection, such as the SQLite shell.
        let other = world.sqlite();
        other.query_row("SELECT count(*) FROM hotels", [], |row| row.get::<_, i64>(0)).unwrap();
        assert!(error_line(&world.run(&["restore", "copy.db"])).contains("in use"));
        drop(other);
        assert_eq!(epoch().unwrap(), before);
        assert_eq!(files_starting_with(&data, "message_manager"), ["message_manager.db", "message_manager.db.lock"]);
        // During a restore no server and no command can start.
        let lock = File::open(data.join("message_manager.db.lock")).unwrap();
        lock.lock().unwrap();
        for command in [&["hotel", "list"][..], &["serve"]] {
            assert!(error_line(&world.run(command)).contains("restored"), "{command:?}");
        }
        assert!(error_line(&world.run(&["restore", "copy.db"])).contains("in use"));
        drop(lock);
        assert_eq!(world.run(&["restore", "copy.db"]).code, Some(0));
    });
}

#[test]
fn a_restore_replaces_a_damaged_database_and_keeps_a_copy() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        world.run(&["backup", "copy.db"]).json();
        world.kill();
        let database = world.folder().join("data/message_manager.db");
        let broken = "no database ".repeat(1000);
        fs::write(&database, &broken).unwrap();
        let output = run_on_thread(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(fs::read_to_string(output["kept"].as_str().unwrap()).unwrap(), broken);
        world.serve();
        staff.get("conversations/").await.is(200);
        // The same if there is no database at all.
        world.kill();
        fs::remove_dir_all(world.folder().join("data")).unwrap();
        let output = run_on_thread(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(output["kept"], Value::Null);
        assert_eq!(fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
        world.serve();
        staff.get("conversations/").await.is(200);
    });
}

/// Runs a command and kills it after a number of milliseconds, if it still runs.
fn run_and_kill(program: &Program, arguments: &[&str], after: u64) {
    let mut command = Command::new(binary());
    let quiet = command.args(arguments).current_dir(&program.folder).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.env_clear().envs(&program.settings).spawn().unwrap();
    thread::sleep(Duration::from_millis(after));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The number of epochs in a database; fails if the database is damaged.
fn count_epochs(file: &Path) -> i64 {
    let conn = rusqlite::Connection::open(file).unwrap();
    assert_eq!(conn.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    conn.query_row("SELECT count(*) FROM epochs", [], |row| row.get(0)).unwrap()
}

/// At any moment of a crash there is a complete backup or none, and a complete database, either the old or the new one.
#[test]
fn a_crash_during_backup_or_restore_leaves_complete_files() {
    without_server(DatabaseKind::Sqlite, WorldOptions::default().stays(40), |world| async move {
        let (copy, database) = (world.folder().join("copy.db"), world.folder().join("data/message_manager.db"));
        for after in (0..100).step_by(4) {
            run_and_kill(&world.program, &["backup", "copy.db"], after);
            if copy.exists() {
                assert_eq!(count_epochs(&copy), 1);
                fs::remove_file(&copy).unwrap();
            }
        }
        world.run(&["backup", "copy.db"]).json();
        for after in (0..100).step_by(4) {
            run_and_kill(&world.program, &["restore", "copy.db"], after);
            assert!([1, 2].contains(&count_epochs(&database)));
        }
        // Files left behind by a crash do not block a restore.
        world.run(&["restore", "copy.db"]).json();
        assert_eq!((count_epochs(&database), count_epochs(&copy)), (2, 1));
    });
}

on_both!(running_servers_notice_a_new_epoch, WorldOptions::default() => |world| {
    let node = world.another_node();
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let there = StaffClient::sign_in(&acceptance::ApiClient::new(&node), &staff.username, acceptance::PASSWORD).await;
    let mut sockets = [TestSocket::open(&staff).await, TestSocket::open(&there).await];
    for socket in &mut sockets {
        socket.subscribe(stay.id).await;
    }
    send_numbered(&staff, &stay, 1).await;
    for socket in &mut sockets {
        assert_eq!(socket.skip_to("new_message").await["content"], "said 1");
    }
    let stale_cursor = cursor(&staff).await;
    let output = world.run(&["new-epoch"]).json();
    assert_eq!(keys(&output), ["epoch"]);
    assert_ne!(output["epoch"], stale_cursor["epoch"]);
    for (socket, staff) in sockets.iter_mut().zip([&staff, &there]) {
        assert_eq!(socket.closed_within(EPOCH_NOTICE_TIMEOUT).await, 1012);
        assert_resync_required(staff, &stale_cursor, &output["epoch"]).await;
    }
    assert_eq!(cursor(&there).await, json!({ "epoch": output["epoch"], "after_seq": stale_cursor["after_seq"] }));
    // After the reconnect each event is delivered once.
    let mut socket = TestSocket::open(&there).await;
    socket.subscribe(stay.id).await;
    send_numbered(&staff, &stay, 2).await;
    assert_eq!(single_event(socket.events_so_far(&hotel).await, "new_message")["content"], "said 2");
});

on_both!(sockets_are_closed_if_the_log_goes_back, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    for n in 0..3 {
        send_numbered(&staff, &stay, n).await;
    }
    socket.events_so_far(&hotel).await;
    let id = hotel.id;
    world
        .sql(&format!(
            "UPDATE hotel_counters SET seq = seq - 2 WHERE hotel_id = {id}; DELETE FROM events WHERE hotel_id = {id} \
             AND seq > (SELECT seq FROM hotel_counters WHERE hotel_id = {id})"
        ))
        .unwrap();
    assert_eq!(socket.closed_within(EPOCH_NOTICE_TIMEOUT).await, 1012);
    let mut socket = TestSocket::open(&staff).await;
    assert_eq!(socket.welcome["seq"], cursor(&staff).await["after_seq"]);
    socket.subscribe(stay.id).await;
    send_numbered(&staff, &stay, 3).await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["said 3"]);
});

#[test]
fn backup_and_restore_refuse_postgresql() {
    without_server(DatabaseKind::Postgres, WorldOptions::default(), |world| async move {
        assert!(error_line(&world.run(&["backup", "copy.db"])).contains("pg_dump"));
        assert!(error_line(&world.run(&["restore", "copy.db"])).contains("message-manager new-epoch"));
        assert!(files_starting_with(world.folder(), "copy").is_empty());
    });
}

#[test]
fn a_postgresql_dump_is_restored_with_a_new_epoch() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), |world| async move {
        let run_tool = |name: &str, arguments: &[&str]| {
            let psql = std::env::var("MM_TEST_PSQL").unwrap_or_else(|_| "psql".into());
            let done = Command::new(Path::new(&psql).with_file_name(name)).args(arguments).output().unwrap();
            assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        };
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        send_numbered(&staff, &stay, 1).await;
        let url = world.program.settings["DATABASE_URL"].clone();
        let dump = world.folder().join("dump").display().to_string();
        run_tool("pg_dump", &["--format=custom", "--file", &dump, &url]);
        send_numbered(&staff, &stay, 2).await;
        let stale_cursor = cursor(&staff).await;
        world.kill();
        let (server, name) = url.rsplit_once('/').unwrap();
        for sql in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
            psql(&format!("{server}/postgres"), &sql).unwrap();
        }
        run_tool("pg_restore", &["--single-transaction", "--dbname", &url, &dump]);
        let epoch = run_on_thread(&world, &["new-epoch"]).await.json()["epoch"].clone();
        world.serve();
        assert_eq!(sent_texts(&staff, &stay).await, ["said 1"]);
        assert_resync_required(&staff, &stale_cursor, &epoch).await;
    });
}

#[test]
fn wrong_usage_of_backup_commands_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program { folder: folder.path().into(), settings: Default::default(), through: vec![] };
    let wrong: [&[&str]; 5] =
        [&["backup"], &["backup", "one", "two"], &["restore"], &["restore", "--force", "x"], &["new-epoch", "7"]];
    for arguments in wrong {
        let done = program.run(arguments);
        assert!(!done.fails(2).is_empty() && done.stdout.is_empty(), "{arguments:?}: {done:?}");
    }
    for command in ["backup", "restore", "new-epoch"] {
        let help = program.run(&[command, "--help"]);
        assert!(help.code == Some(0) && !help.stdout.is_empty(), "{help:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn files_of_a_database_are_readable_by_their_owner_only() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        send_numbered(&staff, &hotel.relay(0), 1).await;
        let data = world.folder().join("data");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let private = ["", "-wal", "-shm", ".lock"].map(|suffix| data.join(format!("message_manager.db{suffix}")));
        for path in &private {
            assert_eq!(mode(path), 0o600, "{}", path.display());
        }
        world.run(&["backup", "copy.db"]).json();
        world.kill();
        // Files of an earlier version, which any user of the machine could read.
        for path in private.iter().filter(|it| it.exists()) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        world.serve();
        for path in &private {
            assert_eq!(mode(path), 0o600, "{}", path.display());
        }
        world.kill();
        // A restored file gets the mode of the replaced one.
        fs::set_permissions(world.file(), fs::Permissions::from_mode(0o640)).unwrap();
        world.run(&["restore", "copy.db"]).json();
        assert_eq!(mode(world.file()), 0o640);
    });
}
