//! Validates interactive messages: lists, buttons and requests.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    graph_error::GraphError,
    json_fields::{GraphResult, list, object, reject_unknown_keys, text},
};

const MAX_BODY_CHARS: usize = 1024;
const MAX_HEADER_CHARS: usize = 60;
const MAX_BUTTONS: usize = 3;
const MAX_SECTIONS: usize = 10;
/// Maximum number of rows in all sections of a list together.
const MAX_ROWS: usize = 10;

pub(crate) fn check_interactive(message: &Map<String, Value>) -> GraphResult<()> {
    reject_unknown_keys(message, "interactive", &["type", "header", "body", "footer", "action"])?;
    let kind = text(message, "interactive.type", "type", 40)?.ok_or_else(|| GraphError::missing("interactive.type"))?;
    check_header(message, kind)?;
    required(part(message, "body")?, "interactive.body.text", "text", MAX_BODY_CHARS)?;
    if message.contains_key("footer") {
        required(part(message, "footer")?, "interactive.footer.text", "text", MAX_HEADER_CHARS)?;
    }
    let action = part(message, "action")?;
    match kind {
        "button" => check_buttons(action),
        "list" => check_list(action),
        "cta_url" => {
            let parameters =
                action.get("parameters").ok_or_else(|| GraphError::missing("interactive.action.parameters"))?;
            let parameters = object(parameters, "interactive.action.parameters")?;
            required(parameters, "interactive.action.parameters.display_text", "display_text", 20)?;
            required(parameters, "interactive.action.parameters.url", "url", 2048).map(drop)
        }
        "location_request_message" | "request_contact_info" => {
            required(action, "interactive.action.name", "name", 40).map(drop)
        }
        other => Err(GraphError {
            status: 501,
            ..GraphError::new(131051, format!("The simulator has no interactive messages of type {other:?}."))
        }),
    }
}

fn check_header(message: &Map<String, Value>, kind: &str) -> GraphResult<()> {
    if !message.contains_key("header") {
        return Ok(());
    }
    let header = part(message, "header")?;
    let form = required(header, "interactive.header.type", "type", 20)?;
    match form {
        "text" => required(header, "interactive.header.text", "text", MAX_HEADER_CHARS).map(drop),
        "image" | "video" | "document" if kind != "list" => {
            object(header.get(form).unwrap_or(&Value::Null), "interactive.header").map(drop)
        }
        _ => Err(GraphError::value("interactive.header.type is not allowed for this message")),
    }
}

fn check_buttons(action: &Map<String, Value>) -> GraphResult<()> {
    reject_unknown_keys(action, "interactive.action", &["buttons"])?;
    let buttons = list(action, "interactive.action.buttons", "buttons")?;
    let buttons = buttons.ok_or_else(|| GraphError::missing("interactive.action.buttons"))?;
    if !(1..=MAX_BUTTONS).contains(&buttons.len()) {
        return Err(GraphError::value(format!("Invalid buttons count. Min allowed buttons: 1, Max: {MAX_BUTTONS}")));
    }
    let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
    for button in buttons {
        let button = object(button, "interactive.action.buttons[]")?;
        reject_unknown_keys(button, "interactive.action.buttons[]", &["type", "reply"])?;
        if button.get("type").is_none_or(|it| it != "reply") {
            return Err(GraphError::value("interactive.action.buttons[].type must be reply"));
        }
        let reply = part(button, "reply")?;
        reject_unknown_keys(reply, "interactive.action.buttons[].reply", &["id", "title"])?;
        require_unique(&mut ids, required(reply, "button reply id", "id", 256)?, "Duplicated button reply id")?;
        require_unique(
            &mut titles,
            required(reply, "button reply title", "title", 20)?,
            "Duplicated button reply title",
        )?;
    }
    Ok(())
}

fn check_list(action: &Map<String, Value>) -> GraphResult<()> {
    reject_unknown_keys(action, "interactive.action", &["button", "sections"])?;
    required(action, "interactive.action.button", "button", 20)?;
    let sections = list(action, "interactive.action.sections", "sections")?;
    let sections = sections.ok_or_else(|| GraphError::missing("interactive.action.sections"))?;
    if !(1..=MAX_SECTIONS).contains(&sections.len()) {
        return Err(GraphError::value(format!("interactive.action.sections must be 1 to {MAX_SECTIONS}")));
    }
    let (mut ids, mut row_count) = (HashSet::new(), 0);
    for section in sections {
        let section = object(section, "interactive.action.sections[]")?;
        reject_unknown_keys(section, "interactive.action.sections[]", &["title", "rows"])?;
        if sections.len() > 1 || section.contains_key("title") {
            required(section, "section title", "title", 24)?;
        }
        let rows = list(section, "section rows", "rows")?.filter(|rows| !rows.is_empty());
        for row in rows.ok_or_else(|| GraphError::missing("interactive.action.sections[].rows"))? {
            let row = object(row, "section rows[]")?;
            reject_unknown_keys(row, "section rows[]", &["id", "title", "description"])?;
            require_unique(&mut ids, required(row, "row id", "id", 200)?, "Duplicated row id")?;
            required(row, "row title", "title", 24)?;
            text(row, "row description", "description", 72)?;
            row_count += 1;
        }
    }
    if row_count > MAX_ROWS {
        return Err(GraphError::value(format!("Total row count exceed max allowed count: {MAX_ROWS}")));
    }
    Ok(())
}

fn require_unique<'a>(seen: &mut HashSet<&'a str>, value: &'a str, fault: &str) -> GraphResult<()> {
    if seen.insert(value) { Ok(()) } else { Err(GraphError::value(fault)) }
}

fn part<'a>(fields: &'a Map<String, Value>, key: &str) -> GraphResult<&'a Map<String, Value>> {
    object(fields.get(key).ok_or_else(|| GraphError::missing(key))?, key)
}

/// Returns a required text field, which must not be blank. Fails if it has more than `max_chars` characters.
fn required<'a>(fields: &'a Map<String, Value>, name: &str, key: &str, max_chars: usize) -> GraphResult<&'a str> {
    text(fields, name, key, max_chars)?.filter(|text| !text.trim().is_empty()).ok_or_else(|| GraphError::missing(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(message: Value) -> Option<i64> {
        check_interactive(message.as_object().unwrap()).err().map(|error| error.code)
    }

    fn buttons(titles: &[&str]) -> Value {
        let reply = |title: &&str| json!({ "type": "reply", "reply": { "id": format!("id-{title}"), "title": title } });
        let buttons: Vec<Value> = titles.iter().map(reply).collect();
        json!({ "type": "button", "body": { "text": "Well?" }, "action": { "buttons": buttons } })
    }

    fn rows(counts: &[usize]) -> Value {
        let row = |section: usize, row: usize| json!({ "id": format!("{section}-{row}"), "title": "Towels" });
        let section = |(n, count): (usize, &usize)| json!({ "title": "S", "rows": (0..*count).map(|it| row(n, it)).collect::<Vec<_>>() });
        let sections: Vec<Value> = counts.iter().enumerate().map(section).collect();
        json!({ "type": "list", "body": { "text": "Which?" }, "action": { "button": "Menu", "sections": sections } })
    }

    #[test]
    fn there_are_one_to_three_different_buttons() {
        assert_eq!(code(buttons(&["Yes", "No", "Later"])), None);
        assert_eq!(code(buttons(&[])), Some(131009));
        assert_eq!(code(buttons(&["1", "2", "3", "4"])), Some(131009));
        assert_eq!(code(buttons(&["Yes", "Yes"])), Some(131009));
        assert_eq!(code(buttons(&["a title of 21 letters"])), Some(100));
    }

    #[test]
    fn a_list_has_at_most_ten_rows() {
        assert_eq!(code(rows(&[10])), None);
        assert_eq!(code(rows(&[5, 5])), None);
        assert_eq!(code(rows(&[5, 6])), Some(131009));
        assert_eq!(code(rows(&[1, 0])), Some(131008));
        let mut long = rows(&[1]);
        long["action"]["sections"][0]["rows"][0]["title"] = json!("x".repeat(25));
        assert_eq!(code(long), Some(100));
        let mut header = rows(&[1]);
        header["header"] = json!({ "type": "image", "image": { "id": "1" } });
        assert_eq!(code(header), Some(131009));
        let mut body = rows(&[1]);
        body["body"]["text"] = json!("x".repeat(1025));
        assert_eq!(code(body), Some(100));
    }

    #[test]
    fn unsupported_types_are_rejected() {
        assert_eq!(code(json!({ "type": "flow", "body": { "text": "x" }, "action": {} })), Some(131051));
    }
}
