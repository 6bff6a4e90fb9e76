//! Crate dependencies: the arrows between crates, and the external crates that only one crate may use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acceptance::Value;

/// The crates of the workspace, and the other crates that each may depend on.
const ALLOWED_DEPENDENCIES: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("numbering", &["domain"]),
    ("wire", &["domain", "numbering"]),
    ("persistence", &["domain"]),
    ("auth", &["domain"]),
    ("whatsapp", &["domain"]),
    ("desk", &["domain", "numbering", "persistence", "auth", "whatsapp"]),
    ("transport", &["domain", "wire", "desk"]),
    (SIMULATOR, &[]),
    ("console", &[]),
    // The binary reaches `persistence` through `desk` only.
    ("message-manager", &["domain", "wire", "auth", "whatsapp", "desk", "transport", SIMULATOR, "console"]),
    (ACCEPTANCE, &[]),
    (BENCH, &[]),
];

/// The simulated Cloud API. It shares no code with the `whatsapp` crate, so it cannot share a mistake either.
const SIMULATOR: &str = "simulator";

/// These tests drive the binary from the outside.
const ACCEPTANCE: &str = "acceptance";

/// The baselines of the benchmarks use the same external crates as the product, but no code of it.
const BENCH: &str = "bench";

/// External crates, and the only crate of the product that may depend on each. Simulator, tests and benchmarks are exempt.
const EXTERNAL_OWNERS: [(&str, &str); 19] = [
    ("phonenumber", "numbering"),
    ("diesel", "persistence"),
    ("diesel_migrations", "persistence"),
    ("r2d2", "persistence"),
    ("libsqlite3-sys", "persistence"),
    ("pq-sys", "persistence"),
    ("jsonwebtoken", "auth"),
    ("argon2", "auth"),
    ("actix", "transport"),
    ("actix-web-actors", "transport"),
    ("redis", "transport"),
    ("reqwest", "whatsapp"),
    ("rustls", "whatsapp"),
    ("csv", "desk"),
    ("image", "desk"),
    ("rust-embed", "console"),
    ("clap", "message-manager"),
    ("prometheus", "message-manager"),
    ("env_logger", "message-manager"),
];

/// External crates that the specification demands: each must be used, not only listed.
const REQUIRED_CRATES: [&str; 9] =
    ["r2d2", "diesel", "actix", "actix-web", "actix-web-actors", "serde", "jsonwebtoken", "thiserror", "env_logger"];

/// A package of the workspace, as `cargo metadata` lists it.
struct WorkspacePackage {
    folder: PathBuf,
    /// Normal, build and dev dependencies.
    dependencies: BTreeSet<String>,
}

pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The Rust files below a folder, sorted; build output is left out.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn packages() -> BTreeMap<String, WorkspacePackage> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(workspace_root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(read_package).collect()
}

fn read_package(package: &Value) -> (String, WorkspacePackage) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let dependencies = package["dependencies"].as_array().unwrap().iter().map(|it| text(&it["name"])).collect();
    (text(&package["name"]), WorkspacePackage { folder: manifest.parent().unwrap().to_owned(), dependencies })
}

/// The Rust files below a folder that contain a text.
fn files_containing(folder: &Path, text: &str) -> Vec<PathBuf> {
    rust_files(folder).into_iter().filter(|file| fs::read_to_string(file).unwrap().contains(text)).collect()
}

#[test]
fn dependencies_between_crates_follow_the_table() {
    let (packages, allowed) = (packages(), BTreeMap::from(ALLOWED_DEPENDENCIES));
    let found: Vec<&str> = packages.keys().map(String::as_str).collect();
    let listed: Vec<&str> = allowed.keys().copied().collect();
    assert_eq!(found, listed, "add the new crate to ALLOWED_DEPENDENCIES");
    for (name, package) in &packages {
        let internal = package.dependencies.iter().filter(|it| packages.contains_key(*it) && *it != name);
        let forbidden: Vec<&String> = internal.filter(|it| !allowed[name.as_str()].contains(&it.as_str())).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

#[test]
fn external_crates_are_used_by_their_owner_only() {
    let packages = packages();
    for (external, owner) in EXTERNAL_OWNERS {
        let product = packages.iter().filter(|(name, _)| ![ACCEPTANCE, BENCH, SIMULATOR].contains(&name.as_str()));
        let users = product.filter(|(_, package)| package.dependencies.contains(external));
        let users: Vec<&str> = users.map(|(name, _)| name.as_str()).collect();
        assert_eq!(users, [owner], "{external}");
    }
}

#[test]
fn actix_web_actors_is_named_in_one_file() {
    let folder = packages()["transport"].folder.join("src");
    assert_eq!(files_containing(&folder, "actix_web_actors"), [folder.join("session.rs")]);
}

#[test]
fn the_domain_depends_on_no_io_or_async_crate_and_on_serde_only_by_a_feature() {
    let packages = packages();
    let dependencies = &packages["domain"].dependencies;
    for forbidden in ["tokio", "futures-util", "diesel", "actix", "actix-web", "log"] {
        assert!(!dependencies.contains(forbidden), "{dependencies:?}");
    }
    let manifest = fs::read_to_string(packages["domain"].folder.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("serde = { workspace = true, optional = true }") && !manifest.contains("default = ["));
}

#[test]
fn required_crates_are_used() {
    let packages = packages();
    for required in REQUIRED_CRATES {
        let identifier = required.replace('-', "_");
        // With the following characters, because `actix_web` is a prefix of `actix_web_actors`.
        let usages = [format!("{identifier}::"), format!("use {identifier};")];
        let is_used = |package: &WorkspacePackage| {
            let source = package.folder.join("src");
            package.dependencies.contains(required)
                && usages.iter().any(|usage| !files_containing(&source, usage).is_empty())
        };
        assert!(packages.values().any(is_used), "{required}");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let migrations = |backend: &str| -> Vec<String> {
        let folder = workspace_root().join("migrations").join(backend);
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            for file in ["up.sql", "down.sql"] {
                let sql = fs::read_to_string(path.join(file)).unwrap_or_default();
                assert!(!sql.trim().is_empty(), "{}: no {file}", path.display());
            }
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        names.sort();
        names
    };
    assert!(!migrations("sqlite").is_empty());
    assert_eq!(migrations("sqlite"), migrations("postgres"));
}
