//! Import loops: no two files of a crate import each other, directly or through other files.
//!
//! The test reads `use` declarations and inline paths (`crate::…`, `super::…`, `self::…`, `child::…`) and resolves each
//! to the file that defines the item, through re-exports. A `pub use` of a child is no import, so that a parent may
//! re-export its children. Modules under `#[cfg(test)]` are not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::layers::{rust_files, workspace_root};

/// A module of a crate: `["feed", "state"]` is `feed/state.rs`, the empty path the root.
type ModulePath = Vec<String>;

/// A name that a `use` declaration brings into scope.
#[derive(Debug, PartialEq)]
struct ImportedName {
    path: ModulePath,
    alias: Option<String>,
    /// A `pub use` at the top level of the file.
    is_reexport: bool,
}

/// The code of one crate by module, with the names that each module re-exports.
struct CrateSource {
    code: BTreeMap<ModulePath, String>,
    reexports: BTreeMap<ModulePath, BTreeMap<String, ModulePath>>,
}

impl CrateSource {
    fn read(source: &Path) -> Self {
        let files = rust_files(source).into_iter();
        Self::new(files.map(|file| (module_of(source, &file), fs::read_to_string(file).unwrap())).collect())
    }

    fn new(files: BTreeMap<ModulePath, String>) -> Self {
        let code = files.into_iter().map(|(module, text)| (module, without_test_module(&without_comments(&text))));
        let mut source = Self { code: code.collect(), reexports: BTreeMap::new() };
        for (module, code) in &source.code {
            let mut names = BTreeMap::new();
            for import in imports(code).into_iter().filter(|import| import.is_reexport) {
                if let Some(path) = source.absolute(module, &import.path) {
                    names.insert(import.alias.or(import.path.last().cloned()).unwrap_or_default(), path);
                }
            }
            source.reexports.insert(module.clone(), names);
        }
        source
    }

    /// A path from the crate's root; `None` if the path leads to another crate.
    fn absolute(&self, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (head, rest) = path.split_first()?;
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        match head.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => Some([&module[..module.len().saturating_sub(supers)], &path[supers..]].concat()),
            _ => {
                let is_child = self.code.contains_key(&[module, std::slice::from_ref(head)].concat());
                is_child.then(|| [module, path].concat())
            }
        }
    }

    /// The module that defines the item of an absolute path.
    fn defining_module(&self, path: &[String], depth: usize) -> ModulePath {
        const MAX_REEXPORTS: usize = 8;
        let path: ModulePath = path.iter().filter(|segment| *segment != "self").cloned().collect();
        let length = (0..=path.len()).rev().find(|length| self.code.contains_key(&path[..*length])).unwrap_or(0);
        let (module, rest) = path.split_at(length);
        let reexported = rest.first().and_then(|name| self.reexports.get(module)?.get(name));
        match reexported {
            Some(target) if depth < MAX_REEXPORTS && *target != path => {
                self.defining_module(&[target, &rest[1..]].concat(), depth + 1)
            }
            _ => module.to_vec(),
        }
    }

    /// The other modules that a module imports from.
    fn imported_modules(&self, module: &ModulePath) -> BTreeSet<ModulePath> {
        let code = &self.code[module];
        let mut targets = BTreeSet::new();
        for import in imports(code) {
            let Some(path) = self.absolute(module, &import.path) else { continue };
            let is_facade = import.is_reexport && path.starts_with(module);
            if !is_facade {
                targets.insert(self.defining_module(&path, 0));
            }
        }
        for path in inline_paths(code) {
            if let Some(path) = self.absolute(module, &path) {
                targets.insert(self.defining_module(&path, 0));
            }
        }
        targets.remove(module);
        targets
    }

    /// The sets of modules that import each other, each with its imports inside the set.
    fn loops(&self) -> Vec<BTreeMap<ModulePath, BTreeSet<ModulePath>>> {
        let graph: BTreeMap<_, _> = self.code.keys().map(|it| (it.clone(), self.imported_modules(it))).collect();
        let reachable: BTreeMap<_, _> = graph.keys().map(|it| (it, reachable_from(&graph, it))).collect();
        let mut loops = Vec::new();
        let mut seen = BTreeSet::new();
        for module in graph.keys() {
            let in_loop = reachable[module].iter().filter(|other| reachable[other].contains(module));
            let members: BTreeSet<&ModulePath> = in_loop.collect();
            if members.is_empty() || !seen.insert(members.clone()) {
                continue;
            }
            let inside =
                |it: &ModulePath| graph[it].iter().filter(|target| members.contains(target)).cloned().collect();
            loops.push(members.iter().map(|it| ((*it).clone(), inside(it))).collect());
        }
        loops
    }
}

/// The modules that can be reached over one or more imports.
fn reachable_from(graph: &BTreeMap<ModulePath, BTreeSet<ModulePath>>, start: &ModulePath) -> BTreeSet<ModulePath> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&ModulePath> = graph[start].iter().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module.clone()) {
            open.extend(&graph[module]);
        }
    }
    reached
}

/// The module of a source file.
fn module_of(source: &Path, file: &Path) -> ModulePath {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: ModulePath = path.iter().map(|it| it.to_str().unwrap().to_owned()).collect();
    if module.last().is_some_and(|it| it == "mod") || [["lib"], ["main"]].iter().any(|root| module == *root) {
        module.pop();
    }
    module
}

/// Replaces comments by nothing and string and character literals by empty ones, so that no text looks like code.
fn without_comments(code: &str) -> String {
    let mut plain = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(length) = literal_length(rest, plain.chars().last()) {
            plain.push_str("\"\"");
            length
        } else {
            plain.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    plain
}

/// The length of the string or character literal at the beginning of `code`, if there is one.
fn literal_length(code: &str, previous: Option<char>) -> Option<usize> {
    let is_in_word = previous.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let raw = code.strip_prefix('b').unwrap_or(code).strip_prefix('r').filter(|_| !is_in_word);
    if let Some(raw) = raw.filter(|it| it.trim_start_matches('#').starts_with('"')) {
        let hashes = "#".repeat(raw.len() - raw.trim_start_matches('#').len());
        let start = code.len() - raw.len() + hashes.len() + 1;
        let end = format!("\"{hashes}");
        return Some(code[start..].find(&end).map_or(code.len(), |at| start + at + end.len()));
    }
    match code.chars().next()? {
        '"' => Some(closing_quote(code, '"').unwrap_or(code.len())),
        // A lifetime has no closing quote after one character or escape.
        '\'' if code[1..].starts_with('\\') => closing_quote(code, '\''),
        '\'' => {
            let character = code[1..].chars().next()?;
            code[1 + character.len_utf8()..].starts_with('\'').then_some(character.len_utf8() + 2)
        }
        _ => None,
    }
}

/// The length of a literal up to its closing quote, with escapes.
fn closing_quote(code: &str, quote: char) -> Option<usize> {
    let mut characters = code.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return Some(at + quote.len_utf8()),
            _ => {}
        }
    }
    None
}

/// Cuts the code before the first inline module under `#[cfg(test)]`.
fn without_test_module(code: &str) -> String {
    let is_module = |after: &str| {
        let item = after.trim_start().trim_start_matches("pub ");
        item.starts_with("mod ") && item.find(['{', ';']).is_some_and(|at| item[at..].starts_with('{'))
    };
    let starts = ["#[cfg(test", "#[cfg(all(test"].into_iter().flat_map(|start| code.match_indices(start));
    let ends = starts.filter(|(at, _)| code[*at..].split_once(']').is_some_and(|(_, after)| is_module(after)));
    let end = ends.map(|(at, _)| at).min();
    code[..end.unwrap_or(code.len())].to_owned()
}

/// A `use` declaration at the beginning of a line: its range in the code, the tree, and whether it is a re-export.
fn use_declarations(code: &str) -> Vec<(std::ops::Range<usize>, &str, bool)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        let item = line.trim_start();
        let public = item.strip_prefix("pub").and_then(|rest| {
            let rest = rest.strip_prefix('(').and_then(|it| it.split_once(')')).map_or(rest, |(_, rest)| rest);
            rest.strip_prefix(' ')
        });
        if let Some(tree) = public.unwrap_or(item).strip_prefix("use ") {
            let at = start + line.len() - tree.len();
            let end = code[at..].find(';').map_or(code.len(), |length| at + length);
            let is_reexport = public.is_some() && item.len() == line.len();
            found.push((start..end, &code[at..end], is_reexport));
        }
        start += line.len();
    }
    found
}

fn imports(code: &str) -> Vec<ImportedName> {
    let mut names = Vec::new();
    for (_, tree, is_reexport) in use_declarations(code) {
        let tokens = use_tokens(tree);
        let flat = flatten_use_tree(&tokens, &mut 0, &[]);
        names.extend(flat.into_iter().map(|(path, alias)| ImportedName { path, alias, is_reexport }));
    }
    names
}

/// Splits a `use` tree into names, `{`, `}` and `,`; `::` is left out.
fn use_tokens(tree: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for part in tree.split_inclusive(['{', '}', ',', ':', ' ', '\n']) {
        let name = part.trim_end_matches(['{', '}', ',', ':', ' ', '\n']);
        let end = part[name.len()..].trim();
        tokens.extend(Some(name).filter(|it| !it.is_empty()));
        tokens.extend(Some(end).filter(|it| !it.is_empty() && *it != ":"));
    }
    tokens
}

/// The paths of a `use` tree with their aliases: `a::{b, c as d}` is `a::b` and `a::c` as `d`.
fn flatten_use_tree(tokens: &[&str], at: &mut usize, prefix: &[String]) -> Vec<(ModulePath, Option<String>)> {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(*at) {
        match *token {
            "{" => {
                let mut found = Vec::new();
                *at += 1;
                while tokens.get(*at).is_some_and(|it| *it != "}") {
                    found.extend(flatten_use_tree(tokens, at, &path));
                    if tokens.get(*at) == Some(&",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return found;
            }
            "}" | "," => break,
            "as" => {
                let alias = tokens.get(*at + 1).map(|it| (*it).to_owned());
                *at += 2;
                return vec![(path, alias)];
            }
            name => {
                path.push(name.to_owned());
                *at += 1;
            }
        }
    }
    vec![(path, None)]
}

/// The paths outside of `use` declarations, such as `crate::sql::schema`, each at its beginning.
fn inline_paths(code: &str) -> Vec<ModulePath> {
    let mut body = String::new();
    let mut end = 0;
    for (range, _, _) in use_declarations(code) {
        body.push_str(&code[end..range.start]);
        end = range.end;
    }
    body.push_str(&code[end..]);
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.';
    let words = body.split(|c: char| !is_part(c)).filter(|it| it.contains("::"));
    let names = words.flat_map(paths_of_word).map(|it| it.split("::").map(str::to_owned).collect::<ModulePath>());
    names.filter(|it| it.len() > 1 && it[0].starts_with(|c: char| c.is_lowercase() || c == '_')).collect()
}

/// The paths of a word such as `crate::limits::MAX.min`. What follows a dot is a method or field, unless the dot belongs
/// to a range.
fn paths_of_word(word: &str) -> Vec<&str> {
    let parts: Vec<&str> = word.split('.').collect();
    let is_path = |at: &usize| *at == 0 || parts[at - 1].is_empty();
    (0..parts.len()).filter(is_path).map(|at| parts[at]).collect()
}

fn display(module: &[String]) -> String {
    if module.is_empty() { "(root)".to_owned() } else { module.join("/") }
}

#[test]
fn no_two_files_of_a_crate_import_each_other() {
    let mut lines = Vec::new();
    for entry in fs::read_dir(workspace_root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().display().to_string();
        for members in CrateSource::read(&folder.join("src")).loops() {
            lines.push(format!("{name}: a loop of {} files", members.len()));
            for (module, targets) in members {
                let targets: Vec<String> = targets.iter().map(|it| display(it)).collect();
                lines.push(format!("    {} imports {}", display(&module), targets.join(", ")));
            }
        }
    }
    assert!(lines.is_empty(), "files import each other:\n{}", lines.join("\n"));
}

mod parser_tests {
    use super::*;

    fn path(text: &str) -> ModulePath {
        text.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    fn loops(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(module, code)| (path(module), (*code).to_owned())).collect();
        let loops = CrateSource::new(files).loops();
        loops.into_iter().map(|members| members.keys().map(|it| display(it)).collect()).collect()
    }

    #[test]
    fn use_trees_are_flattened() {
        let names = imports("use crate::{a::{b, c as d}, e::*};\n    pub use f;\npub(crate) use g::h;\n");
        let found: Vec<(String, Option<&str>, bool)> =
            names.iter().map(|it| (it.path.join("::"), it.alias.as_deref(), it.is_reexport)).collect();
        let expected = [
            ("crate::a::b", None, false),
            ("crate::a::c", Some("d"), false),
            ("crate::e::*", None, false),
            ("f", None, false),
            ("g::h", None, true),
        ];
        assert_eq!(found, expected.map(|(path, alias, is_reexport)| (path.to_owned(), alias, is_reexport)));
    }

    #[test]
    fn comments_and_literals_are_removed() {
        let code = "a // use crate::x;\nlet s = \"\\\"use crate::x;\"; let c = '\"'; let r = r#\"\"x\"#; fn f<'a>() {}";
        assert_eq!(without_comments(code), "a \nlet s = \"\"; let c = \"\"; let r = \"\"; fn f<'a>() {}");
    }

    #[test]
    fn direct_and_indirect_loops_are_found() {
        assert_eq!(loops(&[("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g() }")]), [["a", "b"]]);
        let three =
            [("a", "use crate::b;"), ("b", "use super::c::C;"), ("c", "use crate::a::A;"), ("d", "use crate::a;")];
        assert_eq!(loops(&three), [["a", "b", "c"]]);
        assert!(loops(&[("a", "use crate::b::B;"), ("b", "use std::fmt;")]).is_empty());
    }

    #[test]
    fn a_parent_may_reexport_a_child_but_not_use_it_both_ways() {
        let child = ("a/b", "use super::Item;");
        assert!(loops(&[("a", "mod b;\npub use b::B;\npub struct Item;"), child]).is_empty());
        assert_eq!(loops(&[("a", "mod b;\nfn f() { b::g() }\npub struct Item;"), child]), [["a", "a/b"]]);
    }

    #[test]
    fn reexports_lead_to_the_defining_file() {
        let files = [("", "pub use b::B;"), ("a", "use crate::B;"), ("b", "use crate::a::A;")];
        assert_eq!(loops(&files), [["a", "b"]]);
    }

    #[test]
    fn test_modules_are_not_read() {
        let tested = ("a", "pub fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n");
        assert!(loops(&[tested, ("b", "use crate::a::f;")]).is_empty());
    }
}
