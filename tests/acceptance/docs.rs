//! Runs the shell examples of the documentation as they are printed.

use std::{fs, path::Path, process::Command};

use acceptance::{DatabaseKind, TestWorld, Value, WhatsappWorld, WorldOptions, binary};

use crate::layers::workspace_root;

pub fn page(name: &str) -> String {
    fs::read_to_string(workspace_root().join(name)).unwrap()
}

/// The blocks of a page in one language, concatenated.
pub fn code_blocks(page: &str, language: &str) -> String {
    let begin = format!("```{language}\n");
    let blocks = page.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap());
    let script: String = blocks.collect();
    assert!(!script.is_empty(), "no examples");
    script
}

fn examples(page: &str) -> String {
    code_blocks(page, "sh")
}

/// Returns `true` if the programs of the examples are installed. If not, the test is skipped, or fails with
/// `REQUIRE_ALL=1`.
fn has_required_tools() -> bool {
    has_programs(&["bash", "curl", "node"])
}

pub fn has_programs(programs: &[&str]) -> bool {
    let is_installed =
        |tool: &str| Command::new("sh").args(["-c", "command -v \"$0\"", tool]).output().unwrap().status.success();
    let missing: Vec<&&str> = programs.iter().filter(|tool| !is_installed(tool)).collect();
    if !missing.is_empty() {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "not installed: {missing:?}");
        println!("skipped: not installed: {missing:?}");
    }
    missing.is_empty()
}

/// Runs a script in a folder and returns its output. The socket client of the examples would never end, so it is
/// stopped after 3 s.
fn run(script: &str, folder: &Path, settings: &[(&str, &str)]) -> String {
    let before = format!(
        "set -euo pipefail\nexport PATH={}:$PATH\nln -sfn {} docs\nnode() {{ timeout 3 node \"$@\" || [ $? = 124 ]; }}\n",
        binary().parent().unwrap().display(),
        workspace_root().join("docs").display(),
    );
    let finished = Command::new("bash")
        .args(["-c", &format!("{before}{script}")])
        .current_dir(folder)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(finished.stdout).unwrap();
    assert!(finished.status.success(), "{}\n{text}\n{}", finished.status, String::from_utf8_lossy(&finished.stderr));
    text
}

#[test]
fn the_examples_of_the_readme_and_the_api_work() {
    if !has_required_tools() {
        return;
    }
    // The same options as `make run`.
    let options = WorldOptions::default().hotels(0).arguments(&["--demo", "--simulate-whatsapp"]);
    let world = TestWorld::start(DatabaseKind::Sqlite, options);
    let server_output = world.server_output().join("\n");
    let password = server_output.split("with the password ").nth(1).unwrap().split(',').next().unwrap();
    let scripts = examples(&page("README.md")) + &examples(&page("docs/api.md"));
    let script = scripts.replace("127.0.0.1:8080", &world.address());
    assert_ne!(script, scripts, "the address was not found");
    let output = run(&script, world.folder(), &[("PASSWORD", password)]);
    for part in [
        r#""content":"Until eight, Ana.""#,
        r#""guest_name":"Ana""#,
        "\"delivery\":\"delivered\"\n\"delivery\":\"read\"\n",
        r#""type":"welcome""#,
        r#""type":"ack","request_id":"2","command":"send_message""#,
        r#""errors":{"text":["Please write something."]}"#,
        "201\n200\n",
        r#""type":"resumed""#,
    ] {
        assert!(output.contains(part), "{part} is not in {output}");
    }
    for text in ["Shall I reserve a place?", "Breakfast is from seven."] {
        let part = format!(r#""stay_id":null,"content":"{text}""#);
        let is_event = |line: &str| line.contains(r#""type":"new_message""#) && line.contains(&part);
        assert!(output.lines().any(is_event), "no event with {text} is in {output}");
    }
}

#[test]
fn the_examples_of_operations_work() {
    if !has_required_tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(&examples(&page("docs/operations.md")), folder.path(), &[]);
    for part in [
        r#""username":"ann"}"#,
        r#""result":"created""#,
        r#""key":"mmk_"#,
        r#""file":"backup.db""#,
        r#""kept":"data/message_manager.db.before-"#,
        "The database is up to date.",
    ] {
        assert!(output.contains(part), "{part} is not in {output}");
    }
}

#[test]
fn the_examples_of_whatsapp_work() {
    if !has_required_tools() {
        return;
    }
    let whatsapp = WhatsappWorld::start(DatabaseKind::Sqlite, WorldOptions::default().hotels(1));
    let (world, page) = (&whatsapp.world, examples(&page("docs/whatsapp.md")));
    let script = page.replace("http://127.0.0.1:8090", &whatsapp.meta.base);
    assert_ne!(script, page, "the address was not found");
    let settings: Vec<(&str, &str)> =
        world.program.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = run(&script, world.folder(), &settings);
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
        assert!(output.contains(part), "{part} is not in {output}");
    }
    assert!(!output.contains(r#"{"error":""#), "{output}");
}

/// `.env.example` lists every setting that the program reads, and no other.
#[test]
fn env_example_lists_every_setting() {
    let is_name = |text: &&str| text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    let example = page(".env.example");
    let lines = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let mut listed: Vec<&str> = lines.map(|(name, _)| name).filter(is_name).collect();
    listed.sort_unstable();
    let source = page("crates/app/src/settings.rs");
    let calls = source.split("reader.").skip(1).filter_map(|rest| rest.split_once("(\"")?.1.split_once('"'));
    let mut read: Vec<&str> = calls.map(|(name, _)| name).filter(is_name).collect();
    // Only in builds for tests.
    read.retain(|name| !name.starts_with("TEST_"));
    read.sort_unstable();
    assert_eq!(listed, read);
}

/// Source files that a page names as `crate/path`, without `crates/`, `src/` and `.rs`.
fn named_source_files(text: &str) -> Vec<&str> {
    const CRATES: [&str; 10] =
        ["domain", "numbering", "auth", "whatsapp", "wire", "persistence", "desk", "transport", "app", "simulator"];
    let is_part_of_path = |c: char| c.is_ascii_lowercase() || c == '_' || c == '/';
    let words = text.split(|c: char| !is_part_of_path(c));
    let paths = words
        .filter(|word| word.split_once('/').is_some_and(|(name, rest)| CRATES.contains(&name) && !rest.is_empty()));
    paths.map(|path| path.trim_end_matches('/')).collect()
}

#[test]
fn architecture_and_glossary_name_existing_source_files() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    for name in ["docs/architecture.md", "docs/glossary.md"] {
        let text = page(name);
        let files = named_source_files(&text);
        assert!(files.len() > 20, "{name}: {files:?}");
        for file in files {
            let (crate_name, path) = file.split_once('/').unwrap();
            let source = crates.join(crate_name).join("src").join(path);
            // The walkthrough adds a table `tags`.
            let exists = path.ends_with("tags") || source.is_dir() || source.with_extension("rs").is_file();
            assert!(exists, "{name}: {file}");
        }
    }
}

/// The examples that other tests compare with the server are those of the specification.
#[test]
fn the_specification_has_the_examples_of_the_tests() {
    let specification = page("docs/specification.md");
    let blocks = specification.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let examples: Vec<Value> = blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    let folder = workspace_root().join("tests/acceptance/specification_examples");
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&file).unwrap();
        let is_found = match file.extension().and_then(|it| it.to_str()) {
            Some("json") => examples.contains(&serde_json::from_str(&text).unwrap()),
            _ => specification.contains(text.trim()),
        };
        assert!(is_found, "{}", file.display());
    }
}
