//! Which crate may know which, and that what is kept in one crate stays there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acceptance::Value;

/// The crates, and which of the others each may depend on.
const ARROWS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("wire", &["domain"]),
    ("persistence", &["domain"]),
    ("auth", &["domain"]),
    ("whatsapp", &["domain"]),
    ("desk", &["domain", "persistence", "auth", "whatsapp"]),
    ("transport", &["domain", "wire", "desk"]),
    // It stands in for Meta, and shares no mistakes with what talks to Meta.
    (SIMULATOR, &[]),
    ("message-manager", &["domain", "wire", "persistence", "auth", "whatsapp", "desk", "transport", SIMULATOR]),
    // From the outside only.
    (ACCEPTANCE, &[]),
    (BENCH, &[]),
];

const SIMULATOR: &str = "simulator";

/// It drives the product from the outside, with whatever drives it best.
const ACCEPTANCE: &str = "acceptance";

/// Its baselines are made of the same outside things as the product, and of nothing of ours.
const BENCH: &str = "bench";

/// Outside things, and the one crate of the product that may know each. The stand-in of Meta has its own.
const KEPT_IN: [(&str, &str); 12] = [
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
];

/// What the product is built with: each is to be used, not only listed.
const BUILT_WITH: [&str; 9] =
    ["r2d2", "diesel", "actix", "actix-web", "actix-web-actors", "serde", "jsonwebtoken", "thiserror", "env_logger"];

/// A crate of the workspace.
struct Member {
    folder: PathBuf,
    /// Of every kind: for tests and for building as well.
    dependencies: BTreeSet<String>,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn members() -> BTreeMap<String, Member> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let asked = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let told = Command::new(cargo).args(asked).current_dir(workspace()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let metadata: Value = serde_json::from_slice(&told.stdout).unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let member = |it: &Value| {
        let manifest = PathBuf::from(text(&it["manifest_path"]));
        let dependencies = it["dependencies"].as_array().unwrap().iter().map(|it| text(&it["name"])).collect();
        (text(&it["name"]), Member { folder: manifest.parent().unwrap().to_owned(), dependencies })
    };
    metadata["packages"].as_array().unwrap().iter().map(member).collect()
}

/// The Rust files beneath a folder that have a word in them.
fn files_with(folder: &Path, word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, word));
        } else if path.extension().is_some_and(|it| it == "rs") && fs::read_to_string(&path).unwrap().contains(word) {
            found.push(path);
        }
    }
    found
}

#[test]
fn arrows_between_crates_point_one_way() {
    let (members, allowed) = (members(), BTreeMap::from(ARROWS));
    let (there, known): (Vec<&str>, Vec<&str>) =
        (members.keys().map(String::as_str).collect(), allowed.keys().copied().collect());
    assert_eq!(there, known, "a new crate needs its place among the arrows");
    for (name, member) in &members {
        let inside = member.dependencies.iter().filter(|it| members.contains_key(*it) && *it != name);
        let wrong: Vec<&String> = inside.filter(|it| !allowed[name.as_str()].contains(&it.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}

#[test]
fn outside_things_are_kept_in_one_crate() {
    let members = members();
    for (thing, home) in KEPT_IN {
        let product = members.iter().filter(|(name, _)| ![ACCEPTANCE, BENCH, SIMULATOR].contains(&name.as_str()));
        let having = product.filter(|(_, it)| it.dependencies.contains(thing));
        let having: Vec<&str> = having.map(|(name, _)| name.as_str()).collect();
        assert_eq!(having, [home], "{thing}");
    }
}

#[test]
fn the_deprecated_crate_is_named_in_one_file() {
    let folder = members()["transport"].folder.join("src");
    assert_eq!(files_with(&folder, "actix_web_actors"), [folder.join("session.rs")]);
}

#[test]
fn the_domain_knows_nothing_of_the_outside() {
    let members = members();
    let known: Vec<&str> = members["domain"].dependencies.iter().map(String::as_str).collect();
    for foreign in ["serde", "serde_json", "tokio", "futures-util", "diesel", "actix", "actix-web", "log"] {
        assert!(!known.contains(&foreign), "{known:?}");
    }
}

#[test]
fn what_it_is_built_with_is_used() {
    let members = members();
    for thing in BUILT_WITH {
        let word = thing.replace('-', "_");
        let named = |it: &Member, form: &str| !files_with(&it.folder.join("src"), form).is_empty();
        // With what follows, since the name of the actors' crate begins those of others.
        let forms = [format!("{word}::"), format!("use {word};")];
        let used = |it: &Member| it.dependencies.contains(thing) && forms.iter().any(|form| named(it, form));
        assert!(members.values().any(used), "{thing}");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |backend: &str| -> Vec<String> {
        let folder = workspace().join("migrations").join(backend);
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
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}
