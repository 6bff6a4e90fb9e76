//! `copy-database`: from SQLite to PostgreSQL and back, with all rows, ids and sessions.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use acceptance::{
    CommandOutput, DatabaseKind, Program, ServerProcess, StaffClient, TestHotel, TestWorld, Value, WorldOptions, alone,
    json, psql,
};
use tokio::time::sleep;

use crate::{keys, reply::upload};

/// What a person sees in a hotel.
#[derive(Debug, PartialEq)]
struct Sight {
    answers: Vec<Value>,
    file: Vec<u8>,
}

/// Rows of many tables, with texts and bytes that are easily changed by a copy. Returns the path of a file.
async fn fill(hotel: &TestHotel, manager: &StaffClient) -> String {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let text = "\u{202e}two 🏳️‍🌈 towels\n\"quoted\" \\ back\tslash 'single' {{x}} \u{1}";
    hotel.send_message(&staff, &stay, text).await;
    let bytes: Vec<u8> = (0..700_000_u32).map(|it| (it * 7 % 251) as u8).collect();
    let sent = upload(&staff, &stay, ("menu.bin", "application/octet-stream"), &bytes, None).await.is(201);
    staff.post(stay.path("notes/"), json!({ "text": "a note" })).await.is(201);
    staff.put(stay.path("draft/"), json!({ "text": " as typed " })).await.is(200);
    staff.patch("me/settings/", json!({ "theme": "dark", "size": 1.5, "deep": { "a": [1, null] } })).await.is(200);
    let label = manager.post("labels/", json!({ "name": "VIP", "colour": "red" })).await.is(201);
    manager.patch(stay.path("labels/"), json!({ "add": [label["id"]] })).await.is(200);
    manager.patch("hotel/", json!({ "country": "ES", "variables": { "wifi": "sea & sun" } })).await.is(200);
    manager.post("api_keys/", json!({ "name": "PMS", "expires_at": "2099-01-01T00:00:00.123456Z" })).await.is(201);
    hotel.send_guest_message(&hotel.unused_phone(), "hola").await;
    manager.post_empty(hotel.relay(1).path("close/")).await.is(200);
    format!("attachments/{}/", sent["attachments"][0]["id"])
}

async fn look(hotel: &TestHotel, manager: &StaffClient, file: &str) -> Sight {
    let (one, other) = (hotel.relay(0), hotel.relay(1));
    let paths = [
        "hotel/".to_owned(),
        "staff/".to_owned(),
        "departments/".to_owned(),
        "labels/".to_owned(),
        "stays/".to_owned(),
        "me/settings/".to_owned(),
        "conversations/?status=demo,checkin,active,relay,closed".to_owned(),
        one.path(""),
        one.path("messages/?include=notes"),
        one.path("history/"),
        other.path("messages/"),
    ];
    let mut answers = Vec::new();
    for path in paths {
        answers.push(manager.get(path).await.is(200));
    }
    // A key that only another call changes.
    let api_keys = manager.get("api_keys/").await.is(200);
    answers.push(api_keys["results"].clone());
    Sight { answers, file: manager.get(file).await.body }
}

async fn stop(mut server: ServerProcess) {
    server.signal("TERM");
    while server.exit_code().is_none() {
        sleep(Duration::from_millis(20)).await;
    }
}

fn copy(world: &TestWorld, from: &str, to: &str) -> CommandOutput {
    world.run(&["copy-database", from, to])
}

/// The error of a refused copy: one line, maybe after lines about the progress.
#[track_caller]
fn refusal(done: &CommandOutput) -> String {
    let line = done.fails(1).lines().last().unwrap().to_owned();
    assert!(line.starts_with("message-manager: ") && done.stdout.is_empty(), "{done:?}");
    line
}

/// Name, number of rows and digest of each table.
fn tables(copied: &Value) -> Vec<Value> {
    copied["tables"].as_array().unwrap().iter().filter(|it| it["name"] != "epochs").cloned().collect()
}

fn serve(world: &TestWorld, url: &str) -> ServerProcess {
    let mut program: Program = world.program.clone();
    program.settings.insert("DATABASE_URL".into(), url.to_owned());
    program.settings.insert("BIND_ADDRESS".into(), world.address());
    program.serve(&["--demo".to_owned()], &world.log)
}

#[test]
fn a_database_is_copied_to_postgres_and_back() {
    if !DatabaseKind::Postgres.is_available() {
        return;
    }
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world: Arc<TestWorld>| async move {
        let hotel = world.hotel();
        let manager = hotel.manager().await;
        let file = fill(&hotel, &manager).await;
        // The id of a deleted row is not given again.
        let gone = manager.post("labels/", json!({ "name": "gone", "colour": "pink" })).await.is(201)["id"].clone();
        manager.send("DELETE", format!("labels/{gone}/"), None).await.is(204);
        let seen = look(&hotel, &manager, &file).await;
        assert_eq!(seen.file.len(), 700_000);
        let sqlite = world.program.settings["DATABASE_URL"].clone();
        let postgres = DatabaseKind::Postgres.create_database(world.folder());
        assert!(refusal(&copy(&world, &sqlite, &postgres)).contains("in use"));
        world.signal("TERM");
        assert_eq!(world.wait_for_exit(Duration::from_secs(10)).await, Some(0));

        let done = copy(&world, &sqlite, &postgres);
        assert!(done.stderr.contains("copying messages: ") && done.stderr.contains("verifying messages"), "{done:?}");
        let copied = done.json();
        assert_eq!(keys(&copied), ["epoch", "tables"]);
        assert_eq!(keys(&copied["tables"][0]), ["digest", "name", "rows"]);
        let rows_of = |name: &str| tables(&copied).iter().find(|it| it["name"] == name).unwrap()["rows"].clone();
        assert_eq!(rows_of("messages"), world.number("SELECT count(*) FROM messages"));
        assert_eq!(rows_of("attachment_parts"), 3);
        assert!(refusal(&copy(&world, &sqlite, &postgres)).contains("not empty"));
        // The same rows on the way back.
        let back = format!("sqlite://{}", world.folder().join("back.db").display());
        let returned = copy(&world, &postgres, &back).json();
        assert_eq!(tables(&returned), tables(&copied));
        assert_ne!(returned["epoch"], copied["epoch"]);
        let mode = fs::metadata(world.folder().join("back.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let server = serve(&world, &postgres);
        // The server registers in the database soon after it listens.
        while psql(&postgres, "SELECT count(*) FROM nodes").unwrap() == "0" {
            sleep(Duration::from_millis(20)).await;
        }
        assert!(refusal(&copy(&world, &postgres, &format!("{back}.other"))).contains("a server uses"));
        assert_eq!(look(&hotel, &manager, &file).await, seen);
        let list = manager.get("conversations/").await;
        assert_eq!(list.header("x-event-epoch"), copied["epoch"].as_str());
        let new = manager.post("labels/", json!({ "name": "new", "colour": "pink" })).await.is(201);
        assert!(new["id"].as_i64() > gone.as_i64(), "{new} {gone}");
        hotel.send_message(&hotel.of(0).await, &hotel.relay(0), "on PostgreSQL").await;
        stop(server).await;

        fs::remove_file(world.folder().join("back.db")).unwrap();
        copy(&world, &postgres, &back).json();
        let server = serve(&world, &back);
        let texts = manager.get(hotel.relay(0).path("messages/")).await.is(200);
        assert_eq!(texts.as_array().unwrap().last().unwrap()["content"], "on PostgreSQL");
        // The copy is searched as soon as the server has made its index.
        while manager.get("search/?q=postgresql").await.is(200)["count"] == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        let newer = manager.post("labels/", json!({ "name": "newer", "colour": "teal" })).await.is(201);
        assert!(newer["id"].as_i64() > new["id"].as_i64());
        stop(server).await;
        // Foreign keys and counters of ids are as in a database of this program.
        assert_eq!(psql(&postgres, "SELECT count(*) > 30 FROM pg_constraint WHERE contype = 'f'").unwrap(), "t");
    });
}

#[test]
fn a_copy_is_refused_without_a_fitting_source_and_target() {
    if !DatabaseKind::Postgres.is_available() {
        return;
    }
    let world = TestWorld::prepare(DatabaseKind::Sqlite, WorldOptions::default().hotels(1));
    let sqlite = world.program.settings["DATABASE_URL"].clone();
    let (postgres, other) = {
        let new = || DatabaseKind::Postgres.create_database(world.folder());
        (new(), new())
    };
    let file = |name: &str| format!("sqlite://{}", world.folder().join(name).display());
    assert!(refusal(&copy(&world, &sqlite, &file("copy.db"))).contains("backup"));
    assert!(refusal(&copy(&world, &postgres, &other)).contains("pg_dump"));
    assert!(refusal(&copy(&world, &file("missing.db"), &postgres)).contains("does not exist"));
    assert!(refusal(&copy(&world, &postgres, &file("copy.db"))).contains("no tables"));
    assert!(!copy(&world, "mysql://x", &postgres).fails(2).is_empty());
    for name in ["copy.db", "missing.db"] {
        assert!(!world.folder().join(name).exists(), "{name}");
    }
    // A database that was only migrated counts as empty; a file of another program is not touched.
    let migrate = |url: &str| {
        let mut program = world.program.clone();
        program.settings.insert("DATABASE_URL".into(), url.to_owned());
        assert_eq!(program.run(&["migrate"]).code, Some(0));
    };
    migrate(&postgres);
    copy(&world, &sqlite, &postgres).json();
    migrate(&file("back.db"));
    copy(&world, &postgres, &file("back.db")).json();
    assert!(refusal(&copy(&world, &postgres, &file("back.db"))).contains("not empty"));
    fs::write(world.folder().join("diary.db"), "Dear diary").unwrap();
    refusal(&copy(&world, &postgres, &file("diary.db")));
    assert_eq!(fs::read_to_string(world.folder().join("diary.db")).unwrap(), "Dear diary");
    // Nothing is left of a copy that fails in the middle.
    psql(&other, "CREATE TABLE a_table_of_ours (id bigint)").unwrap();
    refusal(&copy(&world, &sqlite, &other));
    assert_eq!(psql(&other, "SELECT count(*) FROM hotels").unwrap(), "0");
}
