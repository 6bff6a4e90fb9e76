//! Settings: environment variables, the `.env` file, and the errors of invalid values.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use acceptance::{ApiClient, DatabaseKind, PASSWORD, Program, TestWorld, WorldOptions, alone, json, on_sqlite, unique};

/// Fails to sign in.
async fn fail_sign_in(client: &ApiClient, username: &str) -> u16 {
    client.post("/api/auth/login/", json!({ "username": username, "password": "a guess" })).await.status
}

fn empty_database() -> WorldOptions {
    WorldOptions::default().hotels(0).arguments(&[]).set("RUST_LOG", "off")
}

/// The one-line error with which `serve` stops.
#[track_caller]
fn startup_error(program: &Program) -> String {
    let done = program.run(&["serve"]);
    let error = done.fails(1);
    assert!(error.starts_with("message-manager: ") && error.lines().count() == 1, "{error}");
    error.to_owned()
}

fn with(program: &Program, settings: &[(&str, &str)]) -> Program {
    let mut other = program.clone();
    other.settings.extend(settings.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    other
}

fn without(program: &Program, name: &str) -> Program {
    let mut other = program.clone();
    other.settings.remove(name);
    other
}

#[test]
fn an_invalid_setting_stops_the_start_and_is_named() {
    let world = TestWorld::prepare(DatabaseKind::Sqlite, empty_database());
    let bad = [
        ("DATABASE_URL", "mysql://hunter2@db/mm"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgres://mm:hunter2@db/mm?sslmode=require"),
        ("DATABASE_URL", "postgres://mm:hunter2@db/mm?connect_timeout=1&sslmode=verify-full"),
        ("BIND_ADDRESS", "localhost"),
        ("BIND_ADDRESS", "127.0.0.1:99999"),
        ("PUBLIC_URL", "ftp://desk.example"),
        ("PUBLIC_URL", "desk.example"),
        ("ALLOWED_ORIGINS", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("JWT_SECRET", "hunter2 hunter2 hunter2 hunter2"),
        ("REDIS_URL", "hunter2@cache:6379"),
        ("REDIS_URL", "redis://:hunter2@"),
        ("REDIS_URL", "rediss://:hunter2@cache:6379"),
        ("SESSION_IDLE_DAYS", "0"),
        ("SESSION_MAX_DAYS", "ninety"),
        ("EVENT_RETENTION_DAYS", "-1"),
        ("MAX_BODY_MEMORY_MB", "plenty"),
        ("RUST_LOG", "info,desk=loud"),
    ];
    for (name, value) in bad {
        let error = startup_error(&with(&world.program, &[(name, value)]));
        assert!(error.contains(name) && !error.contains("hunter2"), "{name}={value}: {error}");
    }
    let error =
        startup_error(&with(&world.program, &[("BIND_ADDRESS", "x"), ("JWT_SECRET", "y"), ("TRUSTED_PROXIES", "z")]));
    assert!(["BIND_ADDRESS", "JWT_SECRET", "TRUSTED_PROXIES"].iter().all(|name| error.contains(name)), "{error}");
    let error = startup_error(&with(&world.program, &[("BIND_ADDRESS", "0.0.0.0:0")]));
    assert!(error.contains("PUBLIC_URL"), "{error}");
    assert!(!world.folder().join("data").exists());
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let world = TestWorld::prepare(DatabaseKind::Sqlite, empty_database());
    // Nothing listens on the discard port.
    let error = startup_error(&with(&world.program, &[("DATABASE_URL", "postgres://mm:hunter2@127.0.0.1:9/mm")]));
    assert!(!error.contains("hunter2"), "{error}");
    fs::write(world.folder().join("file"), "").unwrap();
    let error = startup_error(&with(&world.program, &[("DATABASE_URL", "sqlite://file/mm.db")]));
    assert!(error.contains("file"), "{error}");
    fs::create_dir(world.folder().join("folder")).unwrap();
    startup_error(&with(&world.program, &[("DATABASE_URL", "sqlite://folder")]));
    fs::write(world.folder().join("garbage.db"), "no database ".repeat(1000)).unwrap();
    startup_error(&with(&world.program, &[("DATABASE_URL", "sqlite://garbage.db")]));
}

on_sqlite!(environment_variables_take_precedence_over_the_env_file, without_server empty_database() => |world| {
    // Only the file.
    let program = without(&without(&world.program, "DATABASE_URL"), "RUST_LOG");
    fs::write(world.folder().join(".env"), "DATABASE_URL=\"sqlite://from file.db\"\nRUST_LOG=nonsense=x\n").unwrap();
    assert!(program.run(&["migrate"]).fails(1).contains("RUST_LOG"));
    fs::write(world.folder().join(".env"), "# comment\nDATABASE_URL=\"sqlite://from file.db\"\n").unwrap();
    assert_eq!(program.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("from file.db").exists());
    fs::write(world.folder().join(".env"), "DATABASE_URL=sqlite://of$HOME$$.db\n").unwrap();
    assert_eq!(program.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("of$HOME$$.db").exists());
    // File and environment.
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
    assert_eq!(world.run(&["migrate"]).code, Some(0));
    assert_eq!(world.number("SELECT count(*) FROM hotels"), 0);
    fs::write(world.folder().join(".env"), "RUST_LOG=off\nhunter2 hunter3\n").unwrap();
    let error = world.run(&["migrate"]);
    assert!(error.fails(1).contains(".env") && !error.stderr.contains("hunter2"), "{error:?}");
});

#[test]
fn env_example_lists_every_setting_with_its_default() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../.env.example");
    let text = fs::read_to_string(file).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|it| it.0)
        .filter(|it| is_name(it))
        .collect();
    let known = [
        "DATABASE_URL",
        "BIND_ADDRESS",
        "PUBLIC_URL",
        "ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
        "JWT_SECRET",
        "REDIS_URL",
        "SESSION_IDLE_DAYS",
        "SESSION_MAX_DAYS",
        "EVENT_RETENTION_DAYS",
        "MAX_BODY_MEMORY_MB",
        "RUST_LOG",
    ];
    for name in known {
        assert!(listed.contains(&name), "{name} is not in .env.example");
    }
    // Uncommented, the file is valid and changes nothing.
    let world = TestWorld::prepare(DatabaseKind::Sqlite, empty_database());
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|it| it.split_once('=').is_some_and(|it| is_name(it.0)))
        .collect();
    fs::write(world.folder().join(".env"), lines.join("\n")).unwrap();
    let program = Program { settings: Default::default(), ..world.program.clone() };
    assert_eq!(program.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("data/message_manager.db").exists());
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_')
}

#[test]
fn sqlite_generates_a_jwt_secret_once() {
    alone(DatabaseKind::Sqlite, WorldOptions::default().set("JWT_SECRET", ""), async |world: Arc<TestWorld>| {
        let secret_file = world.folder().join("data/jwt_secret");
        let secret = fs::read(&secret_file).unwrap();
        assert!(secret.len() >= 32);
        assert_eq!(fs::metadata(&secret_file).unwrap().permissions().mode() & 0o777, 0o600);
        let access = world.hotel().manager().await.access;
        // A new client each time, because the connections of the old one are broken.
        let me = async || ApiClient::new(&world).bearer(&access).get("/api/auth/me/").await;
        world.kill();
        world.serve();
        me().await.is(200);
        assert_eq!(fs::read(&secret_file).unwrap(), secret);
        // A changed secret invalidates access tokens, but not sessions.
        world.kill();
        fs::write(&secret_file, "a secret of somebody else, long enough").unwrap();
        world.serve();
        me().await.problem(401, "unauthenticated");
        world.kill();
        fs::write(&secret_file, "too short").unwrap();
        assert!(startup_error(&world.program).contains("jwt_secret"));
    });
}

#[test]
fn postgresql_requires_a_jwt_secret() {
    if DatabaseKind::Postgres.is_available() {
        let world = TestWorld::prepare(DatabaseKind::Postgres, empty_database());
        let error = startup_error(&with(&world.program, &[("JWT_SECRET", "")]));
        assert!(error.contains("JWT_SECRET"), "{error}");
    }
}

on_sqlite!(an_https_public_url_makes_the_cookie_secure, WorldOptions::default().set("PUBLIC_URL", "https://desk.example") => |world| {
    let hotel = world.hotel();
    let login = json!({ "username": hotel.staff[0].username, "password": PASSWORD });
    let response = hotel.anonymous().post("/api/auth/login/", login).await;
    let cookie = response.set_cookie("__Host-mm_session").unwrap();
    assert!(cookie.split(';').any(|it| it.trim() == "Secure"), "{cookie}");
    let manager = hotel.manager().await;
    let page = manager.get("conversations/?status=relay,active&page_size=1").await.is(200);
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with("https://desk.example/api/message_manager/conversations/?"), "{next}");
    // With a public URL, loopback origins are no longer the server's own.
    let by_cookie = |origin: &str| hotel.anonymous().with("cookie", &manager.cookie).with("origin", origin);
    by_cookie(&world.base()).post_empty("/api/auth/refresh/").await.problem(403, "bad_origin");
    by_cookie("https://desk.example").post_empty("/api/auth/refresh/").await.is(200);
});

on_sqlite!(x_forwarded_for_counts_only_from_trusted_proxies, WorldOptions::default().set("TRUSTED_PROXIES", "192.0.2.1") => |world| {
    let name = unique("nobody");
    for n in 1..=5 {
        let client = ApiClient::new(&world).with("x-forwarded-for", &format!("10.7.0.{n}"));
        assert_eq!(fail_sign_in(&client, &name).await, 401);
    }
    assert_eq!(fail_sign_in(&ApiClient::new(&world).with("x-forwarded-for", "10.7.0.9"), &name).await, 429);
});

on_sqlite!(only_the_address_added_by_the_proxy_counts, |hotel| {
    let name = unique("nobody");
    // The client itself may have written the addresses before the one that the proxy added.
    let client = |n: u32| {
        ApiClient::new(&hotel.world).with("x-forwarded-for", &format!("10.7.1.{n}, 10.2.{}.1", hotel.id % 250))
    };
    for n in 1..=5 {
        assert_eq!(fail_sign_in(&client(n), &name).await, 401);
    }
    assert_eq!(fail_sign_in(&client(6), &name).await, 429);
    assert_eq!(fail_sign_in(&hotel.anonymous(), &name).await, 401);
});
