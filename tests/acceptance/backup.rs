//! Backing up and restoring: nothing acknowledged is lost, and nobody goes on from a history that is over.

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
    Backend, Options, Output, Program, Socket, Staff, Stay, Value, World, alone, binary, json, on_both, psql, unserved,
};
use futures_util::future::join;

use crate::{
    keys,
    told::{one, said},
};

/// How soon a running server must know that another history has begun.
const SOON: Duration = Duration::from_secs(5);

/// What a command failed with, told in one line.
#[track_caller]
fn fails(done: &Output) -> &str {
    let told = done.fails(1);
    assert!(told.starts_with("message-manager: ") && told.lines().count() == 1, "{told}");
    assert!(done.stdout.is_empty(), "{done:?}");
    told
}

/// The names in a folder that begin so, sorted.
fn names(folder: &Path, start: &str) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = all.filter(|name| name.starts_with(start)).collect();
    found.sort_unstable();
    found
}

/// What was said in a conversation since it was generated.
async fn words_in(staff: &Staff, stay: &Stay) -> Vec<String> {
    let page = staff.get(stay.path("messages/?limit=1000")).await.is(200);
    let all = page.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned());
    all.filter(|words| words.starts_with("said ")).collect()
}

async fn says(staff: &Staff, stay: &Stay, n: usize) -> String {
    let words = format!("said {n}");
    staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
    words
}

/// Where the log stands.
async fn cursor(staff: &Staff) -> Value {
    let list = staff.get("conversations/").await;
    let seq: i64 = list.header("x-event-seq").unwrap().parse().unwrap();
    json!({ "epoch": list.header("x-event-epoch").unwrap(), "after_seq": seq })
}

/// Fails unless this cursor is refused, and the one told instead is good.
async fn starts_afresh(staff: &Staff, cursor: &Value, epoch: &Value) {
    let mut socket = Socket::open(staff).await;
    assert_eq!(&socket.welcome["epoch"], epoch);
    let (replayed, told) = socket.resume(cursor.clone()).await;
    assert_eq!((replayed.len(), &told["type"], &told["epoch"]), (0, &json!("resync_required"), epoch), "{cursor}");
    let (_, told) = socket.resume(json!({ "epoch": told["epoch"], "after_seq": told["seq"] })).await;
    assert_eq!(told["type"], "resumed");
}

/// Runs a command while the test goes on.
async fn run_beside(world: &Arc<World>, arguments: &'static [&'static str]) -> Output {
    let world = world.clone();
    tokio::task::spawn_blocking(move || world.run(arguments)).await.unwrap()
}

#[test]
fn all_that_was_acknowledged_before_a_backup_comes_back() {
    alone(Backend::Sqlite, Options::default(), |world| async move {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut acknowledged = Vec::new();
        for n in 0..20 {
            acknowledged.push(says(&staff, &stay, n).await);
        }
        let before = acknowledged.len();
        let over = Cell::new(false);
        let sending = async {
            while !over.get() {
                acknowledged.push(says(&staff, &stay, acknowledged.len()).await);
            }
        };
        let backup = async {
            let done = run_beside(&world, &["backup", "copy.db"]).await;
            over.set(true);
            done
        };
        let told = join(backup, sending).await.0.json();
        assert!(acknowledged.len() > before, "nothing was sent meanwhile");
        // One whole file, for its owner.
        let copy = world.folder().join("copy.db");
        assert_eq!(told, json!({ "file": "copy.db", "bytes": fs::metadata(&copy).unwrap().len() }));
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(world.folder(), "copy"), ["copy.db"]);
        let worthless = cursor(&staff).await;
        world.kill();
        let data = world.folder().join("data");
        assert!(data.join("message_manager.db-wal").is_file(), "nothing is left that could be mixed in");
        let told = run_beside(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(keys(&told), ["database", "epoch", "kept"]);
        let kept = format!("message_manager.db.before-{}", told["epoch"].as_str().unwrap());
        assert_eq!(names(&data, "message_manager"), ["message_manager.db", &kept, "message_manager.db.lock"]);
        assert!(told["kept"].as_str().unwrap().ends_with(&kept), "{told}");
        world.serve();
        // The session goes on. Of what was sent meanwhile a part is there: all up to one moment.
        let there = words_in(&staff, &stay).await;
        assert!(there.len() >= before && acknowledged.starts_with(&there), "{there:?} of {acknowledged:?}");
        for after_seq in [0, worthless["after_seq"].as_i64().unwrap()] {
            let cursor = json!({ "epoch": worthless["epoch"], "after_seq": after_seq, "stay_ids": [stay.id] });
            starts_afresh(&staff, &cursor, &told["epoch"]).await;
        }
        // The database that was replaced has all, and the backup is what it was.
        let count = |file: &Path| {
            let query = "SELECT count(*) FROM messages WHERE content LIKE 'said %'";
            let conn = rusqlite::Connection::open(file).unwrap();
            conn.query_row(query, [], |row| row.get::<_, isize>(0)).unwrap()
        };
        assert_eq!((count(&data.join(&kept)), count(&copy)), (acknowledged.len() as isize, there.len() as isize));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let words = says(&staff, &stay, 1000).await;
        assert_eq!(said(&socket.so_far(&hotel).await), [words]);
    });
}

#[test]
fn what_cannot_be_backed_up_is_told() {
    alone(Backend::Sqlite, Options::default(), |world| async move {
        world.run(&["backup", "copy.db"]).json();
        let first = fs::read(world.folder().join("copy.db")).unwrap();
        for (file, word) in
            [("copy.db", "exists"), ("no/such/folder/copy.db", "no/such/folder"), ("copy.db/x", "copy.db")]
        {
            let done = world.run(&["backup", file]);
            assert!(fails(&done).contains(word), "{file}: {done:?}");
        }
        assert_eq!(fs::read(world.folder().join("copy.db")).unwrap(), first);
        assert_eq!(names(world.folder(), "copy"), ["copy.db"]);
        let mut elsewhere = world.program.clone();
        elsewhere.settings.insert("DATABASE_URL".into(), "sqlite://nowhere/mm.db".into());
        let done = elsewhere.run(&["backup", "nothing.db"]);
        assert!(fails(&done).contains("nowhere/mm.db"), "{done:?}");
        assert!(names(world.folder(), "no").is_empty());
    });
}

#[test]
fn what_cannot_be_restored_is_told_and_changes_nothing() {
    alone(Backend::Sqlite, Options::default(), |world| async move {
        let data = world.folder().join("data");
        let file = |name: &str| world.folder().join(name);
        world.run(&["backup", "copy.db"]).json();
        let good = fs::read(file("copy.db")).unwrap();
        let running = world.run(&["restore", "copy.db"]);
        assert!(fails(&running).contains("stop the server"), "{running:?}");
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
        for (name, word) in [
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
            assert!(fails(&done).contains(word), "{name}: {done:?}");
        }
        // Another program that has it open, as SQLite's own shell may.
        let other = world.sqlite();
        other.query_row("SELECT count(*) FROM hotels", [], |row| row.get::<_, i64>(0)).unwrap();
        assert!(fails(&world.run(&["restore", "copy.db"])).contains("in use"));
        drop(other);
        assert_eq!(epoch().unwrap(), before);
        assert_eq!(names(&data, "message_manager"), ["message_manager.db", "message_manager.db.lock"]);
        // While it is being restored nobody begins to use it.
        let lock = File::open(data.join("message_manager.db.lock")).unwrap();
        lock.lock().unwrap();
        for command in [&["hotel", "list"][..], &["serve"]] {
            assert!(fails(&world.run(command)).contains("restored"), "{command:?}");
        }
        assert!(fails(&world.run(&["restore", "copy.db"])).contains("in use"));
        drop(lock);
        assert_eq!(world.run(&["restore", "copy.db"]).code, Some(0));
    });
}

#[test]
fn a_broken_database_is_replaced_and_kept_as_it_is() {
    alone(Backend::Sqlite, Options::default(), |world| async move {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        world.run(&["backup", "copy.db"]).json();
        world.kill();
        let database = world.folder().join("data/message_manager.db");
        let broken = "no database ".repeat(1000);
        fs::write(&database, &broken).unwrap();
        let told = run_beside(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(fs::read_to_string(told["kept"].as_str().unwrap()).unwrap(), broken);
        world.serve();
        staff.get("conversations/").await.is(200);
        // And where there is nothing at all.
        world.kill();
        fs::remove_dir_all(world.folder().join("data")).unwrap();
        let told = run_beside(&world, &["restore", "copy.db"]).await.json();
        assert_eq!(told["kept"], Value::Null);
        assert_eq!(fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
        world.serve();
        staff.get("conversations/").await.is(200);
    });
}

/// Runs a command and kills it after so many milliseconds, unless it has ended by then.
fn cut_off(program: &Program, arguments: &[&str], after: u64) {
    let mut command = Command::new(binary());
    let quiet = command.args(arguments).current_dir(&program.folder).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.env_clear().envs(&program.settings).spawn().unwrap();
    thread::sleep(Duration::from_millis(after));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// How many histories a database tells of; fails where it is not whole.
fn histories(file: &Path) -> i64 {
    let conn = rusqlite::Connection::open(file).unwrap();
    assert_eq!(conn.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    conn.query_row("SELECT count(*) FROM epochs", [], |row| row.get(0)).unwrap()
}

/// Whenever a power cut comes: there is a whole backup or none, and a whole database, the old or the new one.
#[test]
fn what_is_cut_off_leaves_nothing_half() {
    unserved(Backend::Sqlite, Options::default().stays(40), |world| async move {
        let (copy, database) = (world.folder().join("copy.db"), world.folder().join("data/message_manager.db"));
        for after in (0..100).step_by(4) {
            cut_off(&world.program, &["backup", "copy.db"], after);
            if copy.exists() {
                assert_eq!(histories(&copy), 1);
                fs::remove_file(&copy).unwrap();
            }
        }
        world.run(&["backup", "copy.db"]).json();
        for after in (0..100).step_by(4) {
            cut_off(&world.program, &["restore", "copy.db"], after);
            assert!([1, 2].contains(&histories(&database)));
        }
        // What was left behind stands in nobody's way.
        world.run(&["restore", "copy.db"]).json();
        assert_eq!((histories(&database), histories(&copy)), (2, 1));
    });
}

on_both!(running_servers_notice_another_history, Options::default() => |world| {
    let node = world.another_node();
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let there = Staff::sign_in(&acceptance::Client::new(&node), &staff.username, acceptance::PASSWORD).await;
    let mut sockets = [Socket::open(&staff).await, Socket::open(&there).await];
    for socket in &mut sockets {
        socket.subscribe(stay.id).await;
    }
    says(&staff, &stay, 1).await;
    for socket in &mut sockets {
        assert_eq!(socket.skip_to("new_message").await["content"], "said 1");
    }
    let worthless = cursor(&staff).await;
    let told = world.run(&["new-epoch"]).json();
    assert_eq!(keys(&told), ["epoch"]);
    assert_ne!(told["epoch"], worthless["epoch"]);
    for (socket, staff) in sockets.iter_mut().zip([&staff, &there]) {
        assert_eq!(socket.closed_within(SOON).await, 1012);
        starts_afresh(staff, &worthless, &told["epoch"]).await;
    }
    assert_eq!(cursor(&there).await, json!({ "epoch": told["epoch"], "after_seq": worthless["after_seq"] }));
    // And on it goes, once.
    let mut socket = Socket::open(&there).await;
    socket.subscribe(stay.id).await;
    says(&staff, &stay, 2).await;
    assert_eq!(one(socket.so_far(&hotel).await, "new_message")["content"], "said 2");
});

on_both!(who_listens_to_a_log_that_has_gone_back_comes_back, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    for n in 0..3 {
        says(&staff, &stay, n).await;
    }
    socket.so_far(&hotel).await;
    let id = hotel.id;
    world
        .sql(&format!(
            "UPDATE hotel_counters SET seq = seq - 2 WHERE hotel_id = {id}; DELETE FROM events WHERE hotel_id = {id} \
             AND seq > (SELECT seq FROM hotel_counters WHERE hotel_id = {id})"
        ))
        .unwrap();
    assert_eq!(socket.closed_within(SOON).await, 1012);
    let mut socket = Socket::open(&staff).await;
    assert_eq!(socket.welcome["seq"], cursor(&staff).await["after_seq"]);
    socket.subscribe(stay.id).await;
    says(&staff, &stay, 3).await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["said 3"]);
});

#[test]
fn postgresql_is_left_to_its_own_tools() {
    unserved(Backend::Postgres, Options::default(), |world| async move {
        assert!(fails(&world.run(&["backup", "copy.db"])).contains("pg_dump"));
        assert!(fails(&world.run(&["restore", "copy.db"])).contains("message-manager new-epoch"));
        assert!(names(world.folder(), "copy").is_empty());
    });
}

#[test]
fn a_postgresql_that_was_dumped_comes_back() {
    alone(Backend::Postgres, Options::default(), |world| async move {
        let tool = |name: &str, arguments: &[&str]| {
            let psql = std::env::var("MM_TEST_PSQL").unwrap_or_else(|_| "psql".into());
            let done = Command::new(Path::new(&psql).with_file_name(name)).args(arguments).output().unwrap();
            assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        };
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        says(&staff, &stay, 1).await;
        let url = world.program.settings["DATABASE_URL"].clone();
        let dump = world.folder().join("dump").display().to_string();
        tool("pg_dump", &["--format=custom", "--file", &dump, &url]);
        says(&staff, &stay, 2).await;
        let worthless = cursor(&staff).await;
        world.kill();
        let (server, name) = url.rsplit_once('/').unwrap();
        for sql in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
            psql(&format!("{server}/postgres"), &sql).unwrap();
        }
        tool("pg_restore", &["--single-transaction", "--dbname", &url, &dump]);
        let epoch = run_beside(&world, &["new-epoch"]).await.json()["epoch"].clone();
        world.serve();
        assert_eq!(words_in(&staff, &stay).await, ["said 1"]);
        starts_afresh(&staff, &worthless, &epoch).await;
    });
}

#[test]
fn they_are_used_wrongly_with_exit_code_2() {
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
