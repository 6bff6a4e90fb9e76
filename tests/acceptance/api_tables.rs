//! The tables of all calls, commands and events in docs/api.md, which are generated from the documents of the program.
//!
//! After a change: `UPDATE_DOCS=1 cargo test -p acceptance --test acceptance api_tables`.

use std::fs;

use acceptance::{
    Value,
    described::{asyncapi, openapi},
};

use crate::{docs::page, layers::workspace_root};

const PAGE: &str = "docs/api.md";

/// Examples in tables are cut to this many characters.
const MAX_EXAMPLE: usize = 400;

/// An example for a cell: compact JSON, in which long inner objects and arrays are `{…}` and `[…]`.
fn cell(example: &Value) -> String {
    let shortened = match example {
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), shorten(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    };
    let cut: String = shortened.chars().take(MAX_EXAMPLE).collect();
    let end = if cut.len() < shortened.len() { "…" } else { "" };
    // Code that has such a mark itself is between two of them.
    let mark = if cut.contains('`') { "``" } else { "`" };
    format!("{mark}{}{end}{mark}", cut.replace('|', "\\|"))
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match value {
        Value::Object(_) if text.len() > 60 => "{…}".to_owned(),
        Value::Array(items) if text.len() > 60 && !items.is_empty() => "[…]".to_owned(),
        _ => text,
    }
}

/// A description is one line, and its columns are not ended by its own bars.
fn line(value: &Value) -> String {
    value.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Resolves a reference within a document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().and_then(|it| document.pointer(it.trim_start_matches('#'))).unwrap_or(value)
}

/// The first example of a schema or media type.
fn example_of<'a>(document: &'a Value, value: &'a Value) -> Option<&'a Value> {
    let value = resolve(document, value);
    let named = value["examples"].as_object().and_then(|all| all.values().next()).map(|it| &it["value"]);
    let own = [&value["example"], &value["examples"][0]].into_iter().find(|it| !it.is_null());
    own.or(named).or_else(|| value.get("schema").and_then(|schema| example_of(document, schema)))
}

/// One row for each call: method and path, summary, and an example of the body.
fn calls() -> String {
    let mut rows = "| call | effect | body |\n|---|---|---|\n".to_owned();
    for (path, methods) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(summary) = operation.get("summary") else { continue };
            let content = &operation["requestBody"]["content"];
            let body = match content.as_object().and_then(|it| it.iter().next()) {
                None => String::new(),
                Some((media_type, body)) if media_type == "application/json" => {
                    example_of(openapi(), body).map_or_else(|| "JSON".to_owned(), cell)
                }
                Some((media_type, _)) => format!("`{media_type}`"),
            };
            let (method, path) = (method.to_uppercase(), path.replace("/api/message_manager/", ""));
            rows += &format!("| `{method} {path}` | {} | {body} |\n", line(summary));
        }
    }
    rows
}

/// One row for each message of the WebSocket: commands, or events.
fn messages(of_commands: bool) -> String {
    let title = if of_commands { "command" } else { "event" };
    let mut rows = format!("| {title} | meaning | example |\n|---|---|---|\n");
    for (key, message) in asyncapi()["components"]["messages"].as_object().unwrap() {
        if key.starts_with("command.") != of_commands {
            continue;
        }
        let examples = message["examples"].as_array().expect("no examples");
        let example = cell(&examples[0]["payload"]);
        let name = message["name"].as_str().unwrap();
        rows += &format!("| `{name}` | {} | {example} |\n", line(&message["summary"]));
    }
    rows
}

/// Replaces the lines between the marks of a table.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{begin} is not in {PAGE}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is not in {PAGE}"));
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_api_guide_lists_all_calls_commands_and_events() {
    let written = page(PAGE);
    let tables = [("calls", calls()), ("commands", messages(true)), ("events", messages(false))];
    let expected = tables.iter().fold(written.clone(), |text, (name, table)| with_table(&text, name, table));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(workspace_root().join(PAGE), &expected).unwrap();
    } else if written != expected {
        let missing: Vec<&str> = expected.lines().filter(|line| !written.contains(line)).collect();
        panic!("run this test with UPDATE_DOCS=1; new lines in {PAGE}:\n{}", missing.join("\n"));
    }
}
