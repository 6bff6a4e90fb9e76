use super::*;

fn read(settings: &[(&str, &str)]) -> Result<Settings, String> {
    let get = |name: &str| settings.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    Settings::read(get).map_err(|error| error.to_string())
}

#[test]
fn unset_and_empty_settings_have_their_defaults() {
    let settings = read(&[("PUBLIC_URL", ""), ("SESSION_IDLE_DAYS", " ")]).unwrap();
    assert_eq!(settings.database_url, DbUrl::Sqlite("data/message_manager.db".into()));
    assert_eq!(settings.bind_address.to_string(), "127.0.0.1:8080");
    assert_eq!((settings.session_idle_days, settings.session_max_days, settings.event_retention_days), (30, 90, 7));
    assert!(settings.public_url.is_none() && settings.jwt_secret.is_none() && settings.allowed_origins.is_empty());
    assert_eq!(settings.rust_log, "info");
}

#[test]
fn without_a_url_the_database_is_in_the_data_folder() {
    let database = |settings: &[(&str, &str)]| read(settings).unwrap().database_url;
    let data_dir = ("DATA_DIR", "/var/lib/message manager");
    assert_eq!(database(&[data_dir]), DbUrl::Sqlite("/var/lib/message manager/message_manager.db".into()));
    assert_eq!(database(&[data_dir, ("DATABASE_URL", "sqlite://x.db")]), DbUrl::Sqlite("x.db".into()));
}

#[test]
fn lists_are_separated_by_commas() {
    let settings = read(&[
        ("ALLOWED_ORIGINS", "https://A.example, http://b.example:8000,"),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8, ::1"),
    ])
    .unwrap();
    assert_eq!(settings.allowed_origins, ["https://a.example", "http://b.example:8000"]);
    assert!(settings.trusted_proxies[0].contains(&"127.0.0.1".parse::<IpAddr>().unwrap()));
    assert_eq!(settings.trusted_proxies.len(), 3);
}

#[test]
fn an_invalid_setting_is_named() {
    for (name, bad) in [
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite://"),
        ("BIND_ADDRESS", "localhost"),
        ("BIND_ADDRESS", "127.0.0.1:99999"),
        ("PUBLIC_URL", "desk.example.com"),
        ("PUBLIC_URL", "ftp://desk.example.com"),
        ("ALLOWED_ORIGINS", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("JWT_SECRET", "too short"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_URL", "rediss://cache:6379"),
        ("SESSION_IDLE_DAYS", "0"),
        ("SESSION_MAX_DAYS", "ninety"),
        ("EVENT_RETENTION_DAYS", "-1"),
        ("MAX_BODY_MEMORY_MB", "31"),
        ("RUST_LOG", "desk=loud"),
    ] {
        let message = read(&[(name, bad)]).unwrap_err();
        assert!(message.starts_with(&format!("{name} ")) && !message.contains('\n'), "{message}");
    }
}

#[test]
fn all_faults_are_reported_in_one_line() {
    let message = read(&[("BIND_ADDRESS", "x"), ("JWT_SECRET", "y"), ("RUST_LOG", "z=z")]).unwrap_err();
    assert!(["BIND_ADDRESS", "JWT_SECRET", "RUST_LOG"].iter().all(|name| message.contains(name)), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn beyond_loopback_the_public_url_is_required() {
    assert!(read(&[("BIND_ADDRESS", "0.0.0.0:80")]).unwrap_err().starts_with("PUBLIC_URL "));
    assert!(read(&[("BIND_ADDRESS", "0.0.0.0:80"), ("PUBLIC_URL", "https://desk.example.com")]).is_ok());
    assert!(read(&[("BIND_ADDRESS", "[::1]:80")]).is_ok());
}

#[test]
fn no_secret_is_shown() {
    let secret = "0123456789abcdef0123456789abcdef";
    let settings = read(&[
        ("JWT_SECRET", secret),
        ("DATABASE_URL", "postgres://mm:hunter2@db/mm"),
        ("REDIS_URL", "redis://:hunter2@cache:6379"),
    ])
    .unwrap();
    let shown = format!("{settings:?} {:?} {:?}", settings.jwt_secret, settings.redis_url);
    assert!(!shown.contains(secret) && !shown.contains("hunter2"), "{shown}");
    assert!(!read(&[("REDIS_URL", "rediss://:hunter2@cache:6379")]).unwrap_err().contains("hunter2"));
    assert!(!read(&[("JWT_SECRET", "short-secret")]).unwrap_err().contains("short-secret"));
}
