//! The examples in the documentation, run as they are printed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acceptance::{Backend, Options, Whatsapp, World, binary};

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(name)).unwrap()
}

/// The `sh` blocks of a page, one after another.
fn examples(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let script: String = blocks.collect();
    assert!(!script.is_empty(), "no examples");
    script
}

/// Whether what the examples use is there; where not, that is said, or with `REQUIRE_ALL=1` a failure.
fn tools_are_there() -> bool {
    let there =
        |tool: &str| Command::new("sh").args(["-c", "command -v \"$0\"", tool]).output().unwrap().status.success();
    let missing: Vec<&str> = ["bash", "curl"].into_iter().filter(|tool| !there(tool)).collect();
    if !missing.is_empty() {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "not installed: {missing:?}");
        println!("skipped: not installed: {missing:?}");
    }
    missing.is_empty()
}

fn socket_client() -> PathBuf {
    let client = binary().parent().unwrap().join("examples/socket");
    assert!(client.is_file(), "build it first: cargo build -p message-manager --example socket");
    client
}

/// Runs a script in a folder; what it printed. A client that would listen for ever is ended after
/// a moment.
fn run(script: &str, folder: &Path, settings: &[(&str, &str)]) -> String {
    let before = format!(
        "set -euo pipefail\nexport PATH={}:$PATH\ncargo() {{ timeout 3 {} \"${{@:6}}\" || [ $? = 124 ]; }}\n",
        binary().parent().unwrap().display(),
        socket_client().display(),
    );
    let done = Command::new("bash")
        .args(["-c", &format!("{before}{script}")])
        .current_dir(folder)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{}\n{text}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    text
}

#[test]
fn from_clone_to_first_message_and_on() {
    if !tools_are_there() {
        return;
    }
    // As `make run` starts it.
    let options = Options::default().hotels(0).arguments(&["--demo", "--simulate-whatsapp"]);
    let world = World::start(Backend::Sqlite, options);
    let said = world.said().join("\n");
    let password = said.split("with the password ").nth(1).unwrap().split(',').next().unwrap();
    let scripts = examples(&page("README.md")) + &examples(&page("docs/api.md"));
    let script = scripts.replace("127.0.0.1:8080", &world.address());
    assert_ne!(script, scripts, "the address was not found");
    let told = run(&script, world.folder(), &[("PASSWORD", password)]);
    for part in [
        r#""content":"Until eight, Ana.""#,
        r#""guest_name":"Ana""#,
        "\"delivery\":\"delivered\"\n\"delivery\":\"read\"\n",
        r#""type":"welcome""#,
        r#""type":"ack","request_id":"2","command":"send_message""#,
        r#""type":"new_message","stay_id":null,"content":"Shall I reserve a place?""#,
        r#""errors":{"text":["Please write something."]}"#,
        "201\n200\n",
        r#""type":"new_message","stay_id":null,"content":"Breakfast is from seven.""#,
        r#""type":"resumed""#,
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[test]
fn running_it() {
    if !tools_are_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let told = run(&examples(&page("docs/operations.md")), folder.path(), &[]);
    for part in [
        r#""username":"ann"}"#,
        r#""result":"created""#,
        r#""key":"mmk_"#,
        r#""file":"backup.db""#,
        r#""kept":"data/message_manager.db.before-"#,
        "The database is up to date.",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[test]
fn guests_on_whatsapp() {
    if !tools_are_there() {
        return;
    }
    let whatsapp = Whatsapp::start(Backend::Sqlite, Options::default().hotels(1));
    let (world, page) = (&whatsapp.world, examples(&page("docs/whatsapp.md")));
    let script = page.replace("http://127.0.0.1:8090", &whatsapp.meta.base);
    assert_ne!(script, page, "the address was not found");
    let settings: Vec<(&str, &str)> =
        world.program.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let told = run(&script, world.folder(), &settings);
    for part in [
        r#"{"id":1}"#,
        "ok           number of hotel 1",
        r#""reason":"no hotel has this number""#,
        "Whose number is this?",
        r#"{"messages":1,"parked":0,"reports":0}"#,
        r#"{"ids":["wamid."#,
        r#"{"waiting":1}"#,
        r#""token_revoked":true"#,
        r#""reads":false"#,
        r#""entries":["#,
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!told.contains(r#"{"error":""#), "{told}");
}

/// `.env.example` lists every setting that the program reads, and no other.
#[test]
fn every_setting_is_listed() {
    let is_name = |text: &&str| text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    let example = page(".env.example");
    let lines = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let mut listed: Vec<&str> = lines.map(|(name, _)| name).filter(is_name).collect();
    listed.sort_unstable();
    let source = page("crates/app/src/settings.rs");
    let calls = source.split("reader.").skip(1).filter_map(|rest| rest.split_once("(\"")?.1.split_once('"'));
    let mut read: Vec<&str> = calls.map(|(name, _)| name).filter(is_name).collect();
    // Not in a release.
    read.retain(|name| !name.starts_with("TEST_"));
    read.sort_unstable();
    assert_eq!(listed, read);
}
