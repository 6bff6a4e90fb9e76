//! The `doctor` command: it reports each part as ok, wrong, not set or not checked.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use acceptance::{
    ACCESS_TOKEN, APP_SECRET, ApiClient, DatabaseKind, Meta, PASSWORD, Port, Program, StaffClient, TestRedis,
    TestWorld, VERIFY_TOKEN, Value, WorldOptions, json, on_both, on_sqlite,
};

/// These values must never be printed.
const SECRETS: [(&str, &str); 3] = [
    ("WHATSAPP_APP_SECRET", APP_SECRET),
    ("WHATSAPP_VERIFY_TOKEN", VERIFY_TOKEN),
    ("WHATSAPP_ACCESS_TOKEN", ACCESS_TOKEN),
];
const NUMBER: &str = "105000000000001";

/// The results of one `doctor` run.
struct DoctorReport {
    parts: Vec<Value>,
}

impl DoctorReport {
    /// State and explanation of a part; of several parts with this name, the last.
    #[track_caller]
    fn of(&self, name: &str) -> (&str, &str) {
        let found = self.parts.iter().rfind(|it| it["thing"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name}: {:?}", self.parts));
        (found["state"].as_str().unwrap(), found["says"].as_str().unwrap())
    }

    #[track_caller]
    fn is(&self, name: &str, state: &str, text: &str) {
        let (found, says) = self.of(name);
        assert!(found == state && says.contains(text), "{name}: {found}: {says}");
    }
}

/// Runs `doctor` as text and as JSON. Fails if the two differ, if the exit code does not fit, or if a secret is
/// printed.
#[track_caller]
fn run_doctor(program: &Program) -> DoctorReport {
    let (text, as_json) = (program.run(&["doctor"]), program.run(&["doctor", "--json"]));
    let json: Value = serde_json::from_str(&as_json.stdout).unwrap_or_else(|error| panic!("{error}: {as_json:?}"));
    let parts = json["things"].as_array().unwrap().clone();
    let wrong = parts.iter().filter(|it| it["state"] == "wrong").count();
    assert_eq!(json["wrong"], wrong);
    for done in [&text, &as_json] {
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
    assert_eq!(text.stdout.lines().count(), parts.len(), "{text:?}");
    let words = ["ok ", "wrong ", "not set ", "not checked "];
    assert!(text.stdout.lines().all(|line| words.iter().any(|word| line.starts_with(word))), "{text:?}");
    DoctorReport { parts }
}

fn with(program: &Program, settings: &[(&str, &str)]) -> Program {
    let mut other = program.clone();
    other.settings.extend(settings.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    other
}

/// No WhatsApp setting, and no hotel that needs one.
fn without_whatsapp() -> WorldOptions {
    WorldOptions::default().hotels(1).arguments(&[]).set("RUST_LOG", "off")
}

/// A world with all WhatsApp settings for this simulator; its hotel has a number. The server has a fixed port, so that
/// the doctor can find its webhook.
fn world_with_whatsapp(backend: DatabaseKind, meta: &Meta, port: &Port) -> Arc<TestWorld> {
    let options = SECRETS.iter().fold(without_whatsapp(), |options, (name, value)| options.set(name, value));
    let options = options.set("WHATSAPP_API_URL", &meta.base).set("BIND_ADDRESS", port.address());
    let world = TestWorld::prepare(backend, options);
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    world
}

on_both!(without_whatsapp_nothing_is_wrong, without_server without_whatsapp() => |world| {
    let report = run_doctor(&world.program);
    report.is("database", "ok", "up to date");
    report.is("JWT_SECRET", "ok", "");
    report.is("clock", "ok", "");
    for name in ["Redis", "app secret", "verify token", "webhook", "access token", "numbers"] {
        report.is(name, "not_set", "");
    }
    report.is("parked", "ok", "");
});

on_both!(an_unusable_database_is_reported, without_server without_whatsapp().hotels(0) => |world| {
    let report = run_doctor(&world.program);
    report.is("database", "wrong", "message-manager migrate");
    // The doctor has not migrated.
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
    report.is("numbers", "not_checked", "");
    let unavailable = with(&world.program, &[("DATABASE_URL", "postgres://mm:hunter2@127.0.0.1:9/mm")]);
    run_doctor(&unavailable).is("database", "wrong", "DATABASE_URL");
    world.run(&["migrate"]);
    world.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')").unwrap();
    run_doctor(&world.program).is("database", "wrong", "newer");
});

on_both!(invalid_settings_are_reported, without_server without_whatsapp() => |world| {
    let bad = with(&world.program, &[("JWT_SECRET", "hunter2"), ("REDIS_URL", "http://:hunter2@x")]);
    let report = run_doctor(&bad);
    report.is("settings", "wrong", "JWT_SECRET");
    report.is("settings", "wrong", "REDIS_URL");
    let without = with(&world.program, &[("JWT_SECRET", "")]);
    let state = if world.backend == DatabaseKind::Sqlite { "not_set" } else { "wrong" };
    run_doctor(&without).is("JWT_SECRET", state, "");
});

on_sqlite!(redis_is_checked, without_server without_whatsapp() => |world| {
    let free_port = Port::free();
    let unavailable = with(&world.program, &[("REDIS_URL", &format!("redis://:hunter2@{}", free_port.address()))]);
    run_doctor(&unavailable).is("Redis", "wrong", "REDIS_URL");
    if TestRedis::is_available() {
        let redis = TestRedis::start();
        run_doctor(&with(&world.program, &[("REDIS_URL", &redis.url())])).is("Redis", "ok", "");
    }
});

on_sqlite!(missing_whatsapp_settings_are_wrong_if_a_hotel_has_a_number, without_server without_whatsapp() => |world| {
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    let report = run_doctor(&world.program);
    for (name, text) in [
        ("app secret", "WHATSAPP_APP_SECRET"),
        ("verify token", "WHATSAPP_VERIFY_TOKEN"),
        ("webhook", "PUBLIC_URL"),
        ("access token", "WHATSAPP_ACCESS_TOKEN"),
    ] {
        report.is(name, "wrong", text);
    }
    report.is("numbers", "ok", "");
    report.is("number", "not_checked", "");
    let plain = with(&world.program, &[("PUBLIC_URL", "http://desk.example")]);
    run_doctor(&plain).is("webhook", "wrong", "https");
    // If the webhook cannot be reached, the reason may be that only this machine cannot reach it.
    let far = [("PUBLIC_URL", "https://127.0.0.1:9"), SECRETS[1]];
    run_doctor(&with(&world.program, &far)).is("webhook", "not_checked", "not reached from this machine");
});

on_both!(a_complete_setup_is_reported_as_ok, without_server without_whatsapp().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    run_doctor(&world.program).is("webhook", "not_checked", "not reached");
    world.serve();
    let report = run_doctor(&world.program);
    assert!(report.parts.iter().all(|it| it["state"] != "wrong"), "{:?}", report.parts);
    for (name, text) in [
        ("database", "up to date"),
        ("clock", "WhatsApp"),
        ("app secret", "is set"),
        ("verify token", "is set"),
        ("webhook", "returns the challenge"),
        ("access token", "accepts it"),
        ("numbers", "every hotel"),
        ("number", NUMBER),
        ("sending", "0 wait"),
        ("guests", "the last message came at "),
    ] {
        report.is(name, "ok", text);
    }
    assert!(report.parts.iter().any(|it| it["thing"] == "guests" && it["hotel_id"].is_i64()));
});

on_sqlite!(refused_numbers_and_tokens_are_reported, without_server without_whatsapp().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    let hotel = world.generated["hotels"][0]["id"].to_string();
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", "442079460000"]).json();
    let report = run_doctor(&world.program);
    report.is("access token", "ok", "");
    report.is("number", "wrong", "hotel set");
    // Earlier versions accepted it.
    world.sql(&format!("UPDATE hotels SET whatsapp_phone_number_id = '+44 20 7946 0000' WHERE id = {hotel}")).unwrap();
    run_doctor(&world.program).is("number", "wrong", "digits");
    world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", NUMBER]).json();
    meta.post("account/", json!({ "token_revoked": true })).await;
    let report = run_doctor(&world.program);
    report.is("access token", "wrong", "190");
    report.is("number", "not_checked", "");
    let unavailable = with(&world.program, &[("WHATSAPP_API_URL", "http://127.0.0.1:9")]);
    run_doctor(&unavailable).is("access token", "wrong", "not reached");
});

on_sqlite!(a_webhook_with_another_verify_token_is_reported, without_server without_whatsapp().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    world.serve();
    let other = with(&world.program, &[("WHATSAPP_VERIFY_TOKEN", "hunter2-another")]);
    run_doctor(&other).is("webhook", "wrong", "verify token");
    // The simulator has no webhook at this path.
    let wrong_url = with(&world.program, &[("PUBLIC_URL", &meta.base)]);
    let report = run_doctor(&wrong_url);
    assert_eq!(report.of("webhook").0, "wrong");
});

on_both!(a_wrong_clock_is_reported, without_server without_whatsapp().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    world.advance(3600);
    let report = run_doctor(&world.program);
    report.is("clock", "wrong", "ahead of that of WhatsApp");
    let own = report.parts.iter().find(|it| it["thing"] == "clock").unwrap();
    assert_eq!(own["state"], if world.backend == DatabaseKind::Sqlite { "ok" } else { "wrong" });
});

on_both!(queued_messages_and_suspended_senders_are_reported, without_server without_whatsapp().hotels(0) => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    world.serve();
    let manager = world.generated["hotels"][0]["staff"][0]["username"].as_str().unwrap().to_owned();
    let manager = StaffClient::sign_in(&ApiClient::new(&world), &manager, PASSWORD).await;
    let stay = world.generated["hotels"][0]["stays"][0]["conversation_id"].to_string();
    meta.post("account/", json!({ "token_revoked": true })).await;
    let send = format!("conversations/{stay}/send_message/");
    manager.post(&send, json!({ "text": "It waits." })).await.is(201);
    let stopped = "SELECT count(*) FROM channels WHERE stopped_code IS NOT NULL";
    while world.number(stopped) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let report = run_doctor(&world.program);
    report.is("sending", "wrong", "1 wait to be sent");
    report.is("sending", "wrong", "190");
    report.is("access token", "wrong", "190");
    let another = with(&world.program, &[("WHATSAPP_ACCESS_TOKEN", "hunter2-new")]);
    run_doctor(&another).is("sending", "wrong", "another access token");
});

on_both!(recent_dead_letters_are_reported, without_server without_whatsapp() => |world| {
    let at = |hours: i64| {
        let at = chrono::Utc::now() - chrono::TimeDelta::hours(hours);
        match world.backend {
            DatabaseKind::Sqlite => at.timestamp_micros().to_string(),
            DatabaseKind::Postgres => format!("'{}'", at.to_rfc3339()),
        }
    };
    let park = |hours: i64| {
        let sql = "INSERT INTO parked (received_at, reason, phone_number_id, raw) VALUES";
        world.sql(&format!("{sql} ({}, 'no hotel has this number', '999', 'hunter2')", at(hours))).unwrap();
    };
    park(30);
    run_doctor(&world.program).is("parked", "ok", "1 came");
    park(1);
    let report = run_doctor(&world.program);
    report.is("parked", "wrong", "2 came");
    report.is("parked", "wrong", "phone number ids 999.");
});

#[test]
fn doctor_creates_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program { folder: folder.path().into(), settings: BTreeMap::new(), through: Vec::new() };
    run_doctor(&program).is("database", "wrong", "data/message_manager.db");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

on_both!(faults_of_hotels_are_reported, without_server without_whatsapp() => |world| {
    let report = run_doctor(&world.program);
    for subject in ["managers", "staff", "imports", "API keys"] {
        report.is(subject, "ok", "");
    }
    let hotel = world.generated["hotels"][0]["id"].to_string();
    let (yes, soon) = match world.backend {
        DatabaseKind::Sqlite => ("1", "(unixepoch() + 86400) * 1000000"),
        DatabaseKind::Postgres => ("true", "now() + interval '1 day'"),
    };
    let key = world.run(&["api-key", "create", "--hotel", &hotel, "--name", "PMS"]).json()["id"].to_string();
    world.sql(&format!("UPDATE api_keys SET expires_at = {soon} WHERE id = {key}")).unwrap();
    let manager = world.generated["hotels"][0]["staff"][0]["username"].as_str().unwrap();
    // The program itself keeps the last manager.
    world.sql(&format!("UPDATE staff SET role = 'staff' WHERE username = '{manager}'")).unwrap();
    let report = run_doctor(&world.program);
    report.is("managers", "wrong", "staff create");
    report.is("staff", "wrong", manager);
    report.is("API keys", "wrong", "api-key revoke");
    world.sql(&format!("UPDATE staff SET role = 'manager' WHERE username = '{manager}' AND active = {yes}")).unwrap();
    world.run(&["api-key", "revoke", &key]).json();
    let report = run_doctor(&world.program);
    for subject in ["managers", "staff", "API keys"] {
        report.is(subject, "ok", "");
    }
    // A single failed import may be a slip; an import without failure ends the count.
    let import = |phone: &str| {
        let table = format!(
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\nR-1,Ana,{phone},1,2031-01-01,2031-01-02\n"
        );
        fs::write(world.folder().join("stays.csv"), table).unwrap();
        world.run(&["import-stays", "stays.csv", "--hotel", &hotel]).code
    };
    assert_eq!(import("5"), Some(1));
    run_doctor(&world.program).is("imports", "ok", "");
    assert_eq!(import("5"), Some(1));
    run_doctor(&world.program).is("imports", "wrong", "--dry-run");
    assert_eq!(import("+34600999001"), Some(0));
    run_doctor(&world.program).is("imports", "ok", "");
});

on_sqlite!(a_missing_proxy_setting_behind_https_is_reported, without_server without_whatsapp() => |world| {
    let https = with(&world.program, &[("PUBLIC_URL", "https://desk.example.com")]);
    run_doctor(&https).is("proxies", "ok", "");
    run_doctor(&with(&https, &[("TRUSTED_PROXIES", "")])).is("proxies", "wrong", "TRUSTED_PROXIES");
    run_doctor(&with(&world.program, &[("TRUSTED_PROXIES", "")])).is("proxies", "not_set", "");
});

on_both!(a_suspended_sender_continues_when_the_token_is_accepted_again, without_server without_whatsapp() => |world| {
    let (meta, port) = (Meta::start(1), Port::free());
    let world = world_with_whatsapp(world.backend, &meta, &port);
    let hotel = world.generated["hotels"][0]["id"].to_string();
    run_doctor(&world.program).is("sending", "ok", "");
    let suspend = |code: i64, token: &str| {
        let now = if world.backend == DatabaseKind::Sqlite { "1" } else { "now()" };
        world.sql("DELETE FROM channels").unwrap();
        world
            .sql(&format!(
                "INSERT INTO channels (hotel_id, holder, held_until, stopped_code, stopped_token) \
                 VALUES ({hotel}, '', {now}, {code}, '{token}')"
            ))
            .unwrap();
    };
    let stopped = || world.number("SELECT count(*) FROM channels WHERE stopped_code IS NOT NULL");
    let digest = sha256(ACCESS_TOKEN);
    suspend(190, &digest);
    meta.post("account/", json!({ "token_revoked": true })).await;
    run_doctor(&world.program).is("sending", "wrong", "suspended");
    assert_eq!(stopped(), 1);
    meta.post("account/", json!({ "token_revoked": false })).await;
    let first = world.run(&["doctor", "--json"]);
    assert!(first.stdout.contains("accepts the access token again"), "{first:?}");
    assert_eq!(stopped(), 0);
    // Neither another token nor a locked account recovers by that.
    for (code, token) in [(190, "another"), (131031, digest.as_str())] {
        suspend(code, token);
        world.run(&["doctor"]);
        assert_eq!(stopped(), 1, "{code}");
    }
});

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
