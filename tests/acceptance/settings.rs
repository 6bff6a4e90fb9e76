//! Settings: where they come from, and what is wrong with bad ones.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use acceptance::{Backend, Client, Options, PASSWORD, Program, World, alone, json, on_both, unique};

/// Somebody who may not sign in.
async fn guess(client: &Client, username: &str) -> u16 {
    client.post("/api/auth/login/", json!({ "username": username, "password": "a guess" })).await.status
}

fn quiet() -> Options {
    Options::default().hotels(0).arguments(&[]).set("RUST_LOG", "off")
}

/// The one line that `serve` fails with.
#[track_caller]
fn refused(program: &Program) -> String {
    let done = program.run(&["serve"]);
    let told = done.fails(1);
    assert!(told.starts_with("message-manager: ") && told.lines().count() == 1, "{told}");
    told.to_owned()
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
fn a_bad_setting_stops_the_start_and_is_named() {
    let world = World::prepare(Backend::Sqlite, quiet());
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
        let told = refused(&with(&world.program, &[(name, value)]));
        assert!(told.contains(name) && !told.contains("hunter2"), "{name}={value}: {told}");
    }
    let told = refused(&with(&world.program, &[("BIND_ADDRESS", "x"), ("JWT_SECRET", "y"), ("TRUSTED_PROXIES", "z")]));
    assert!(["BIND_ADDRESS", "JWT_SECRET", "TRUSTED_PROXIES"].iter().all(|name| told.contains(name)), "{told}");
    let told = refused(&with(&world.program, &[("BIND_ADDRESS", "0.0.0.0:0")]));
    assert!(told.contains("PUBLIC_URL"), "{told}");
    assert!(!world.folder().join("data").exists());
}

#[test]
fn a_database_that_is_not_there_is_told_without_its_password() {
    let world = World::prepare(Backend::Sqlite, quiet());
    // The discard port: nobody listens there.
    let told = refused(&with(&world.program, &[("DATABASE_URL", "postgres://mm:hunter2@127.0.0.1:9/mm")]));
    assert!(!told.contains("hunter2"), "{told}");
    fs::write(world.folder().join("file"), "").unwrap();
    let told = refused(&with(&world.program, &[("DATABASE_URL", "sqlite://file/mm.db")]));
    assert!(told.contains("file"), "{told}");
    fs::create_dir(world.folder().join("folder")).unwrap();
    refused(&with(&world.program, &[("DATABASE_URL", "sqlite://folder")]));
    fs::write(world.folder().join("garbage.db"), "no database ".repeat(1000)).unwrap();
    refused(&with(&world.program, &[("DATABASE_URL", "sqlite://garbage.db")]));
}

on_both!(the_environment_comes_before_the_file, unserved quiet() => |world| {
    // The file alone.
    let bare = without(&without(&world.program, "DATABASE_URL"), "RUST_LOG");
    fs::write(world.folder().join(".env"), "DATABASE_URL=\"sqlite://from file.db\"\nRUST_LOG=nonsense=x\n").unwrap();
    assert!(bare.run(&["migrate"]).fails(1).contains("RUST_LOG"));
    fs::write(world.folder().join(".env"), "# comment\nDATABASE_URL=\"sqlite://from file.db\"\n").unwrap();
    assert_eq!(bare.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("from file.db").exists());
    fs::write(world.folder().join(".env"), "DATABASE_URL=sqlite://of$HOME$$.db\n").unwrap();
    assert_eq!(bare.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("of$HOME$$.db").exists());
    // Both.
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
    assert_eq!(world.run(&["migrate"]).code, Some(0));
    assert_eq!(world.number("SELECT count(*) FROM hotels"), 0);
    fs::write(world.folder().join(".env"), "RUST_LOG=off\nhunter2 hunter3\n").unwrap();
    let told = world.run(&["migrate"]);
    assert!(told.fails(1).contains(".env") && !told.stderr.contains("hunter2"), "{told:?}");
});

#[test]
fn the_example_lists_every_setting_with_its_default() {
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
    // Taken out of its comments it is a good file, and changes nothing.
    let world = World::prepare(Backend::Sqlite, quiet());
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|it| it.split_once('=').is_some_and(|it| is_name(it.0)))
        .collect();
    fs::write(world.folder().join(".env"), lines.join("\n")).unwrap();
    let bare = Program { settings: Default::default(), ..world.program.clone() };
    assert_eq!(bare.run(&["migrate"]).code, Some(0));
    assert!(world.folder().join("data/message_manager.db").exists());
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_')
}

#[test]
fn sqlite_keeps_a_secret_that_it_made_once() {
    alone(Backend::Sqlite, Options::default().set("JWT_SECRET", ""), async |world: Arc<World>| {
        let kept = world.folder().join("data/jwt_secret");
        let secret = fs::read(&kept).unwrap();
        assert!(secret.len() >= 32);
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let access = world.hotel().manager().await.access;
        // Each time a new client: the old one's connections died with the server.
        let me = async || Client::new(&world).bearer(&access).get("/api/auth/me/").await;
        world.kill();
        world.serve();
        me().await.is(200);
        assert_eq!(fs::read(&kept).unwrap(), secret);
        // Whoever changes it ends the tokens, not the sessions.
        world.kill();
        fs::write(&kept, "a secret of somebody else, long enough").unwrap();
        world.serve();
        me().await.problem(401, "unauthenticated");
        world.kill();
        fs::write(&kept, "too short").unwrap();
        assert!(refused(&world.program).contains("jwt_secret"));
    });
}

#[test]
fn postgresql_needs_a_secret_that_servers_share() {
    if Backend::Postgres.is_there() {
        let world = World::prepare(Backend::Postgres, quiet());
        let told = refused(&with(&world.program, &[("JWT_SECRET", "")]));
        assert!(told.contains("JWT_SECRET"), "{told}");
    }
}

on_both!(a_public_url_of_https_makes_the_cookie_secure, Options::default().set("PUBLIC_URL", "https://desk.example") => |world| {
    let hotel = world.hotel();
    let login = json!({ "username": hotel.staff[0].username, "password": PASSWORD });
    let answer = hotel.nobody().post("/api/auth/login/", login).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.split(';').any(|it| it.trim() == "Secure"), "{cookie}");
    let manager = hotel.manager().await;
    let page = manager.get("conversations/?status=relay,active&page_size=1").await.is(200);
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with("https://desk.example/api/message_manager/conversations/?"), "{next}");
    // The server's own pages are those of that URL, and no longer those of loopback.
    let by_cookie = |origin: &str| hotel.nobody().with("cookie", &manager.cookie).with("origin", origin);
    by_cookie(&world.base()).post_empty("/api/auth/refresh/").await.problem(403, "bad_origin");
    by_cookie("https://desk.example").post_empty("/api/auth/refresh/").await.is(200);
});

on_both!(only_trusted_proxies_are_believed, Options::default().set("TRUSTED_PROXIES", "192.0.2.1") => |world| {
    let name = unique("nobody");
    for n in 1..=5 {
        let client = Client::new(&world).with("x-forwarded-for", &format!("10.7.0.{n}"));
        assert_eq!(guess(&client, &name).await, 401);
    }
    assert_eq!(guess(&Client::new(&world).with("x-forwarded-for", "10.7.0.9"), &name).await, 429);
});

on_both!(a_trusted_proxy_tells_its_own_client_only, |hotel| {
    let name = unique("nobody");
    // What stands before the address that the proxy added, the client itself may have written.
    let client =
        |n: u32| Client::new(&hotel.world).with("x-forwarded-for", &format!("10.7.1.{n}, 10.2.{}.1", hotel.id % 250));
    for n in 1..=5 {
        assert_eq!(guess(&client(n), &name).await, 401);
    }
    assert_eq!(guess(&client(6), &name).await, 429);
    assert_eq!(guess(&hotel.nobody(), &name).await, 401);
});
