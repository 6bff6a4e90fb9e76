//! Type names are unique in the workspace, so that a search for a type finds one definition.

use std::{collections::BTreeMap, fs, path::Path};

use crate::layers::{rust_files, workspace_root};

/// The type that a line of code defines, if any. An indented `type` is an associated type and needs no name of its own.
fn defined_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let is_indented = code.len() < line.len();
    let (keyword, rest) = without_visibility(code).split_once(' ')?;
    let defines = ["struct", "enum", "trait", "union"].contains(&keyword) || (keyword == "type" && !is_indented);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    (defines && end > 0).then(|| &rest[..end])
}

/// Removes `pub `, `pub(crate) ` and the like.
fn without_visibility(code: &str) -> &str {
    let Some(rest) = code.strip_prefix("pub") else { return code };
    let rest = rest.strip_prefix('(').and_then(|it| it.split_once(')')).map_or(rest, |(_, rest)| rest);
    rest.strip_prefix(' ').unwrap_or(code)
}

/// The files that define each type, test code included.
fn definitions(root: &Path) -> BTreeMap<String, Vec<String>> {
    let mut definitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["crates", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            for defined in fs::read_to_string(&file).unwrap().lines().filter_map(defined_type) {
                definitions.entry(defined.to_owned()).or_default().push(name.clone());
            }
        }
    }
    definitions
}

#[test]
fn no_type_name_is_defined_twice() {
    let definitions = definitions(workspace_root());
    let lines = definitions.iter().filter(|(_, files)| files.len() > 1);
    let lines: Vec<String> = lines.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect();
    assert!(lines.is_empty(), "{} type names are defined more than once:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn definitions_are_found_in_lines_of_code() {
    let cases = [
        ("struct Plain;", Some("Plain")),
        ("pub struct Generic<T> {", Some("Generic")),
        ("    pub(crate) enum Nested {", Some("Nested")),
        ("pub(super) trait Limited: Sized {", Some("Limited")),
        ("type Alias = u8;", Some("Alias")),
        ("    type Output = u8;", None),
        ("struct $name;", None),
        ("// struct Commented;", None),
        ("public struct", None),
        ("let structure = 1;", None),
    ];
    for (line, expected) in cases {
        assert_eq!(defined_type(line), expected, "{line}");
    }
}
