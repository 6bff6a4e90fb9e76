//! A world that is not as it should be: a full disk, a database that takes nothing or is damaged, a schema of
//! another program, a clock that jumps. It is told, nothing is done by halves, what can go on does, and when
//! the world is mended so is all.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use acceptance::{
    Answer, Backend, Hotel, Options, PASSWORD, Socket, Staff, Stay, Value, World, alone, json, on_both, unique,
};
use tokio::time::Instant;

use crate::{
    program::fails,
    resume::cursor,
    told::{in_order, said},
};

/// How soon all must go on when the world is mended.
const SOON: Duration = Duration::from_secs(10);

/// Sends words under a key that is their own.
async fn send(staff: &Staff, stay: &Stay, words: &str) -> Answer {
    let key: String = words.chars().take(40).map(|it| if it == ' ' { '-' } else { it }).collect();
    staff.key(&key).post(stay.path("send_message/"), json!({ "text": words })).await
}

/// The same until it is acknowledged.
async fn send_at_last(staff: &Staff, stay: &Stay, words: &str) {
    let start = Instant::now();
    loop {
        let answer = send(staff, stay, words).await;
        if answer.status != 503 {
            assert!([200, 201].contains(&answer.status), "{}", answer.text());
            return;
        }
        assert!(start.elapsed() < SOON, "it does not go on");
    }
}

/// The newest messages of a conversation.
async fn stored(staff: &Staff, stay: &Stay) -> Vec<String> {
    let messages = staff.get(stay.path("messages/?limit=1000")).await.is(200);
    messages.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// Where nothing can be written: that is told, nothing is done by halves, reading and sockets go on.
async fn only_reading_works(hotel: &Hotel, staff: &Staff, stay: &Stay, socket: &mut Socket) {
    let (before, words) = (staff.get(stay.path("")).await.is(200), unique("unwritten"));
    send(staff, stay, &words).await.problem(503, "unavailable");
    let command = json!({ "command": "send_message", "stay_id": stay.id, "text": words, "client_ref": words });
    socket.refused(command, "unavailable").await;
    let login = json!({ "username": staff.username, "password": PASSWORD });
    hotel.nobody().post("/api/auth/login/", login).await.problem(503, "unavailable");
    // Sending would have taken it over as well.
    assert_eq!(staff.get(stay.path("")).await.is(200), before);
    assert!(!stored(staff, stay).await.contains(&words));
    staff.get("conversations/").await.is(200);
    socket.ping().await;
}

/// Sets how large a file may grow that this process writes: beyond, writing fails as on a full disk.
fn limit_files(process: u32, bytes: &str) {
    let set = Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(set.unwrap().success());
}

/// A file that belongs to this one.
fn beside(file: &Path, end: &str) -> PathBuf {
    format!("{}{end}", file.display()).into()
}

#[test]
fn on_a_full_disk_reading_goes_on_and_with_room_all_does() {
    alone(Backend::Sqlite, Options::default(), async |world: Arc<World>| {
        let hotel = world.hotel();
        let (staff, stay, untouched) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let log = fs::metadata(beside(world.file(), "-wal")).unwrap().len();
        limit_files(world.process_id(), &(log + 200_000).to_string());
        // It fills up while many write at once; each is told what became of theirs.
        let long = "x".repeat(4000);
        let mut acknowledged = Vec::new();
        let refused = loop {
            let words = format!("{}-{long}", unique("full"));
            let answer = send(&staff, &stay, &words).await;
            if answer.status == 503 {
                break words;
            }
            answer.is(201);
            acknowledged.push(words);
            assert!(acknowledged.len() < 200, "the disk is never full");
        };
        let kept = stored(&staff, &stay).await;
        assert!(!kept.contains(&refused) && acknowledged.iter().all(|it| kept.contains(it)));
        only_reading_works(&hotel, &staff, &untouched, &mut socket).await;
        limit_files(world.process_id(), "unlimited");
        send_at_last(&staff, &stay, &refused).await;
        acknowledged.push(refused);
        let told = socket.so_far(&hotel).await;
        in_order(&told);
        assert_eq!(said(&told), acknowledged);
    });
}

/// Root may write whatever a file's mode says; run through this it may not.
fn bound_by_modes() -> Options {
    let through = match fs::metadata("/proc/self").unwrap().uid() {
        0 => vec!["setpriv".into(), "--bounding-set=-dac_override,-dac_read_search".into()],
        _ => Vec::new(),
    };
    Options { through, ..Options::default() }
}

fn writable(file: &Path, writable: bool) {
    for end in ["", "-wal", "-shm"] {
        let file = beside(file, end);
        if file.exists() {
            fs::set_permissions(file, Permissions::from_mode(if writable { 0o644 } else { 0o444 })).unwrap();
        }
    }
}

on_both!(a_database_that_takes_nothing_is_read, bound_by_modes() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let postgres = |value: &str| {
        let (server, name) = world.program.settings["DATABASE_URL"].rsplit_once('/').unwrap();
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        acceptance::psql(&format!("{server}/postgres"), &set).unwrap();
        world.cut_connections();
    };
    match world.backend {
        Backend::Sqlite => {
            writable(world.file(), false);
            // What is open stays writable: a lock that is not waited out makes it open anew.
            let other = world.sqlite();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            send(&staff, &stay, "locked out").await.problem(503, "unavailable");
            other.execute_batch("ROLLBACK").unwrap();
        }
        Backend::Postgres => {
            postgres("on");
            // What was connected notices.
            send(&staff, &stay, "cut off").await.problem(503, "unavailable");
        }
    }
    only_reading_works(&hotel, &staff, &stay, &mut socket).await;
    match world.backend {
        Backend::Sqlite => writable(world.file(), true),
        Backend::Postgres => postgres("off"),
    }
    send_at_last(&staff, &stay, "as before").await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["as before"]);
});

#[test]
fn a_file_that_cannot_be_written_is_told_at_the_start() {
    let options = bound_by_modes().hotels(0).arguments(&[]);
    acceptance::unserved(Backend::Sqlite, options, async |world: Arc<World>| {
        world.run(&["hotel", "create", "--name", "Grand"]).json();
        writable(world.file(), false);
        for command in [&["serve"][..], &["hotel", "create", "--name", "Other"]] {
            let done = world.run(command);
            assert!(fails(&done).contains("readonly"), "{done:?}");
        }
        writable(world.file(), true);
        assert_eq!(world.number("SELECT count(*) FROM hotels"), 1);
        world.serve();
    });
}

#[test]
fn a_file_that_is_no_database_is_told_at_the_start_and_left_alone() {
    acceptance::unserved(Backend::Sqlite, Options::default().hotels(0), async |world: Arc<World>| {
        fs::create_dir_all(world.file().parent().unwrap()).unwrap();
        let other = "Dear diary, ".repeat(1000);
        fs::write(world.file(), &other).unwrap();
        for command in [&["serve"][..], &["migrate"], &["migrate", "--check"], &["hotel", "list"]] {
            let done = world.run(command);
            assert!(fails(&done).contains("not a database"), "{done:?}");
        }
        assert_eq!(fs::read_to_string(world.file()).unwrap(), other);
    });
}

#[test]
fn where_the_file_is_damaged_the_rest_goes_on() {
    alone(Backend::Sqlite, Options::default(), async |world: Arc<World>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.active(0));
        let list = staff.get("conversations/?status=active").await.is(200);
        world.kill();
        let page = damage(&world, "messages");
        world.serve();
        let staff = hotel.sign_in(&staff.username, PASSWORD).await;
        staff.get("/api/auth/me/").await.is(200);
        staff.get("staff/").await.is(200);
        staff.get(stay.path("messages/")).await.problem(503, "unavailable");
        send(&staff, &stay, "into the void").await.problem(503, "unavailable");
        assert!(world.log_text().contains("malformed"));
        let status =
            format!("SELECT count(*) FROM conversations WHERE id = {} AND status = 'active'", stay.conversation);
        assert_eq!(world.number(&status), 1, "it was taken over, and nothing sent");
        world.kill();
        page.put_back(&world);
        world.serve();
        let staff = hotel.sign_in(&staff.username, PASSWORD).await;
        assert_eq!(staff.get("conversations/?status=active").await.is(200), list);
        send(&staff, &stay, "into the void").await.is(201);
    });
}

/// A page of the file, as it was.
struct Page {
    at: u64,
    bytes: Vec<u8>,
}

/// Writes nonsense over the root of a table.
fn damage(world: &World, table: &str) -> Page {
    // The last to close takes over what is in the log.
    let (size, root) = {
        let conn = world.sqlite();
        let number = |query: &str| conn.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
        let root = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
        (number("PRAGMA page_size"), root)
    };
    let file = File::options().read(true).write(true).open(world.file()).unwrap();
    let mut page = Page { at: (root - 1) * size, bytes: vec![0; size as usize] };
    file.read_exact_at(&mut page.bytes, page.at).unwrap();
    file.write_all_at(&vec![0xaa; size as usize], page.at).unwrap();
    page
}

impl Page {
    fn put_back(&self, world: &World) {
        File::options().write(true).open(world.file()).unwrap().write_all_at(&self.bytes, self.at).unwrap();
    }
}

on_both!(a_migration_that_fails_is_told_and_leaves_all_as_it_was, unserved Options::default().hotels(0).arguments(&[]) => |world| {
    world.run(&["hotel", "create", "--name", "Grand"]).json();
    // As if what made the tables had not been written down.
    world.sql("CREATE TABLE written_down AS SELECT * FROM __diesel_schema_migrations").unwrap();
    world.sql("DELETE FROM __diesel_schema_migrations").unwrap();
    assert!(fails(&world.run(&["migrate", "--check"])).contains("behind"));
    for command in [&["serve"][..], &["migrate"]] {
        let done = world.run(command);
        assert!(fails(&done).contains("already exists"), "{done:?}");
    }
    assert_eq!(world.number("SELECT count(*) FROM __diesel_schema_migrations"), 0);
    world.sql("INSERT INTO __diesel_schema_migrations SELECT * FROM written_down").unwrap();
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(0));
    assert_eq!(world.run(&["hotel", "list"]).json()["hotels"][0]["name"], "Grand");
    world.serve();
});

on_both!(a_clock_that_jumps_back_changes_no_order, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let before = cursor(&staff).await;
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    send(&staff, &stay, "one").await.is(201);
    world.advance(-3600);
    // Who is signed in stays so; a key is still known, and a token still refreshes.
    send(&staff, &stay, "one").await.is(200);
    hotel.guest_says(&stay.phone, "two").await;
    let refreshed = hotel.nobody().post("/api/auth/refresh/", json!({ "refresh": staff.refresh })).await.is(200);
    let again = hotel.nobody().bearer(refreshed["access"].as_str().unwrap());
    again.get("/api/auth/me/").await.is(200);
    let staff = hotel.sign_in(&staff.username, PASSWORD).await;
    send(&staff, &stay, "three").await.is(201);
    let stale = json!({ "text": "four", "seen_message_id": first_id(&staff, &stay).await });
    hotel.manager().await.post(stay.path("send_message/"), stale).await.problem(409, "stale_reply");
    let all = stored(&staff, &stay).await;
    assert_eq!(all[all.len() - 3..], ["one", "two", "three"]);
    let shown = staff.get(stay.path("")).await.is(200);
    assert_eq!((&shown["last_message"]["content"], &shown["unread_count"]), (&json!("three"), &json!(0)));
    let told = socket.so_far(&hotel).await;
    in_order(&told);
    assert_eq!(said(&told), ["one", "two", "three"]);
    let missed = staff.get(format!("events/?after_seq={}", before["seq"])).await.is(200);
    let missed: Vec<Value> = missed["results"].as_array().unwrap().clone();
    in_order(&missed);
    assert_eq!(said(&missed), ["one", "two", "three"]);
});

/// The oldest message of a conversation.
async fn first_id(staff: &Staff, stay: &Stay) -> Value {
    staff.get(stay.path("messages/")).await.is(200)[0]["id"].clone()
}
