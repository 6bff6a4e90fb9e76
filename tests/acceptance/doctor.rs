//! The doctor: what it says of what is right, and of what is wrong.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use acceptance::{
    ACCESS_TOKEN, APP_SECRET, Backend, Client, Meta, Options, PASSWORD, Port, Program, Redis, Staff, VERIFY_TOKEN,
    Value, World, json, on_both,
};

/// What must never be printed.
const SECRETS: [(&str, &str); 3] = [
    ("WHATSAPP_APP_SECRET", APP_SECRET),
    ("WHATSAPP_VERIFY_TOKEN", VERIFY_TOKEN),
    ("WHATSAPP_ACCESS_TOKEN", ACCESS_TOKEN),
];
const NUMBER: &str = "105000000000001";

/// What a run of it said.
struct Said {
    things: Vec<Value>,
}

impl Said {
    /// How a thing is, and what it says of it; the last of that name.
    #[track_caller]
    fn of(&self, thing: &str) -> (&str, &str) {
        let found = self.things.iter().rfind(|it| it["thing"] == thing);
        let found = found.unwrap_or_else(|| panic!("no {thing}: {:?}", self.things));
        (found["state"].as_str().unwrap(), found["says"].as_str().unwrap())
    }

    #[track_caller]
    fn is(&self, thing: &str, state: &str, words: &str) {
        let (found, says) = self.of(thing);
        assert!(found == state && says.contains(words), "{thing}: {found}: {says}");
    }
}

/// Runs it both ways, and looks that they say the same, that the exit code fits, and that no secret is said.
#[track_caller]
fn examine(program: &Program) -> Said {
    let (text, told) = (program.run(&["doctor"]), program.run(&["doctor", "--json"]));
    let json: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    let things = json["things"].as_array().unwrap().clone();
    let wrong = things.iter().filter(|it| it["state"] == "wrong").count();
    assert_eq!(json["wrong"], wrong);
    for done in [&text, &told] {
        if wrong == 0 {
            assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
        } else {
            let line = done.fails(1);
            assert!(line.starts_with("message-manager: ") && line.lines().count() == 1, "{line}");
        }
        for secret in ["hunter2", APP_SECRET, VERIFY_TOKEN, ACCESS_TOKEN] {
            assert!(!format!("{done:?}").contains(secret), "{done:?}");
        }
    }
    assert_eq!(text.stdout.lines().count(), things.len(), "{text:?}");
    let words = ["ok ", "wrong ", "not set ", "not checked "];
    assert!(text.stdout.lines().all(|line| words.iter().any(|word| line.starts_with(word))), "{text:?}");
    Said { things }
}

fn with(program: &Program, settings: &[(&str, &str)]) -> Program {
    let mut other = program.clone();
    other.settings.extend(settings.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    other
}

/// Nothing of WhatsApp is set, and no hotel needs it.
fn bare() -> Options {
    Options::default().hotels(1).arguments(&[]).set("RUST_LOG", "off")
}

/// A world where all is set for this Meta, at a port that the doctor can know; its one hotel has the number.
fn complete(backend: Backend, meta: &Meta, port: &Port) -> Arc<World> {
    let options = SECRETS.iter().fold(bare(), |options, (name, value)| options.set(name, value));
    let options = options.set("WHATSAPP_API_URL", &meta.base).set("BIND_ADDRESS", port.address());
    let world = World::prepare(backend, options);
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    world
}

on_both!(without_whatsapp_nothing_is_wrong, unserved bare() => |world| {
    let said = examine(&world.program);
    said.is("database", "ok", "up to date");
    said.is("JWT_SECRET", "ok", "");
    said.is("clock", "ok", "");
    for thing in ["Redis", "app secret", "verify token", "webhook", "access token", "numbers"] {
        said.is(thing, "not_set", "");
    }
    said.is("parked", "ok", "");
});

on_both!(a_database_that_cannot_be_used_is_told, unserved bare().hotels(0) => |world| {
    let said = examine(&world.program);
    said.is("database", "wrong", "message-manager migrate");
    // It has made none.
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
    said.is("numbers", "not_checked", "");
    let away = with(&world.program, &[("DATABASE_URL", "postgres://mm:hunter2@127.0.0.1:9/mm")]);
    examine(&away).is("database", "wrong", "DATABASE_URL");
    world.run(&["migrate"]);
    world.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')").unwrap();
    examine(&world.program).is("database", "wrong", "newer");
});

on_both!(bad_settings_are_told, unserved bare() => |world| {
    let bad = with(&world.program, &[("JWT_SECRET", "hunter2"), ("REDIS_URL", "http://:hunter2@x")]);
    let said = examine(&bad);
    said.is("settings", "wrong", "JWT_SECRET");
    said.is("settings", "wrong", "REDIS_URL");
    let without = with(&world.program, &[("JWT_SECRET", "")]);
    let state = if world.backend == Backend::Sqlite { "not_set" } else { "wrong" };
    examine(&without).is("JWT_SECRET", state, "");
});

on_both!(redis_is_asked, unserved bare() => |world| {
    let dead = Port::free();
    let away = with(&world.program, &[("REDIS_URL", &format!("redis://:hunter2@{}", dead.address()))]);
    examine(&away).is("Redis", "wrong", "REDIS_URL");
    if Redis::is_there() {
        let redis = Redis::start();
        examine(&with(&world.program, &[("REDIS_URL", &redis.url())])).is("Redis", "ok", "");
    }
});

on_both!(what_is_missing_is_wrong_where_a_hotel_needs_it, unserved bare() => |world| {
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    let said = examine(&world.program);
    for (thing, words) in [
        ("app secret", "WHATSAPP_APP_SECRET"),
        ("verify token", "WHATSAPP_VERIFY_TOKEN"),
        ("webhook", "PUBLIC_URL"),
        ("access token", "WHATSAPP_ACCESS_TOKEN"),
    ] {
        said.is(thing, "wrong", words);
    }
    said.is("numbers", "ok", "");
    said.is("number", "not_checked", "");
    let plain = with(&world.program, &[("PUBLIC_URL", "http://desk.example")]);
    examine(&plain).is("webhook", "wrong", "https");
    // Where nobody listens, it may be that only this machine does not reach it.
    let far = [("PUBLIC_URL", "https://127.0.0.1:9"), SECRETS[1]];
    examine(&with(&world.program, &far)).is("webhook", "not_checked", "not reached from this machine");
});

on_both!(all_that_is_right_is_told, unserved bare().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = complete(world.backend, &meta, &port);
    examine(&world.program).is("webhook", "not_checked", "not reached");
    world.serve();
    let said = examine(&world.program);
    assert!(said.things.iter().all(|it| it["state"] != "wrong"), "{:?}", said.things);
    for (thing, words) in [
        ("database", "up to date"),
        ("clock", "WhatsApp"),
        ("app secret", "is set"),
        ("verify token", "is set"),
        ("webhook", "answers as Meta wants it"),
        ("access token", "takes it"),
        ("numbers", "every hotel"),
        ("number", NUMBER),
        ("sending", "0 wait"),
        ("guests", "the last message came at "),
    ] {
        said.is(thing, "ok", words);
    }
    assert!(said.things.iter().any(|it| it["thing"] == "guests" && it["hotel_id"].is_i64()));
});

on_both!(what_whatsapp_refuses_is_told, unserved bare().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = complete(world.backend, &meta, &port);
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", "442079460000"]).json();
    let said = examine(&world.program);
    said.is("access token", "ok", "");
    said.is("number", "wrong", "hotel set");
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", "+44 20 7946 0000"]).json();
    examine(&world.program).is("number", "wrong", "digits");
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    meta.post("account/", json!({ "token_revoked": true })).await;
    let said = examine(&world.program);
    said.is("access token", "wrong", "190");
    said.is("number", "not_checked", "");
    let away = with(&world.program, &[("WHATSAPP_API_URL", "http://127.0.0.1:9")]);
    examine(&away).is("access token", "wrong", "not reached");
});

on_both!(a_webhook_of_somebody_else_is_told, unserved bare().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = complete(world.backend, &meta, &port);
    world.serve();
    let other = with(&world.program, &[("WHATSAPP_VERIFY_TOKEN", "hunter2-another")]);
    examine(&other).is("webhook", "wrong", "verify token");
    // Meta itself has no such page.
    let lost = with(&world.program, &[("PUBLIC_URL", &meta.base)]);
    let said = examine(&lost);
    assert_eq!(said.of("webhook").0, "wrong");
});

on_both!(a_clock_that_is_wrong_is_told, unserved bare().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = complete(world.backend, &meta, &port);
    world.advance(3600);
    let said = examine(&world.program);
    said.is("clock", "wrong", "ahead of that of WhatsApp");
    let own = said.things.iter().find(|it| it["thing"] == "clock").unwrap();
    assert_eq!(own["state"], if world.backend == Backend::Sqlite { "ok" } else { "wrong" });
});

on_both!(what_waits_and_what_is_stopped_is_told, unserved bare().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = complete(world.backend, &meta, &port);
    world.serve();
    let manager = world.generated["hotels"][0]["staff"][0]["username"].as_str().unwrap().to_owned();
    let manager = Staff::sign_in(&Client::new(&world), &manager, PASSWORD).await;
    let stay = world.generated["hotels"][0]["stays"][0]["conversation_id"].to_string();
    meta.post("account/", json!({ "token_revoked": true })).await;
    let send = format!("conversations/{stay}/send_message/");
    manager.post(&send, json!({ "text": "It waits." })).await.is(201);
    let stopped = "SELECT count(*) FROM channels WHERE stopped_code IS NOT NULL";
    while world.number(stopped) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said = examine(&world.program);
    said.is("sending", "wrong", "1 wait to be sent");
    said.is("sending", "wrong", "190");
    said.is("access token", "wrong", "190");
    let another = with(&world.program, &[("WHATSAPP_ACCESS_TOKEN", "hunter2-new")]);
    examine(&another).is("sending", "wrong", "another access token");
});

on_both!(what_is_parked_is_told_while_it_is_new, unserved bare() => |world| {
    let at = |hours: i64| {
        let at = chrono::Utc::now() - chrono::TimeDelta::hours(hours);
        match world.backend {
            Backend::Sqlite => at.timestamp_micros().to_string(),
            Backend::Postgres => format!("'{}'", at.to_rfc3339()),
        }
    };
    let park = |hours: i64| {
        let sql = "INSERT INTO parked (received_at, reason, phone_number_id, raw) VALUES";
        world.sql(&format!("{sql} ({}, 'no hotel has this number', '999', 'hunter2')", at(hours))).unwrap();
    };
    park(30);
    examine(&world.program).is("parked", "ok", "1 came");
    park(1);
    let said = examine(&world.program);
    said.is("parked", "wrong", "2 came");
    said.is("parked", "wrong", "phone number ids 999.");
});

/// It looks, and leaves everything as it is.
#[test]
fn it_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program { folder: folder.path().into(), settings: BTreeMap::new(), through: Vec::new() };
    examine(&program).is("database", "wrong", "data/message_manager.db");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
