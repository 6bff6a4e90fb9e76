//! The forms and limits of interactive messages.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    checks::{Checked, list, object, only, text},
    errors::ApiError,
};

const MOST_BODY: usize = 1024;
const MOST_SMALL: usize = 60;
const MOST_BUTTONS: usize = 3;
const MOST_SECTIONS: usize = 10;
/// In all sections together.
const MOST_ROWS: usize = 10;

pub(crate) fn check(it: &Map<String, Value>) -> Checked<()> {
    only(it, "interactive", &["type", "header", "body", "footer", "action"])?;
    let kind = text(it, "interactive.type", "type", 40)?.ok_or_else(|| ApiError::missing("interactive.type"))?;
    check_header(it, kind)?;
    required(part(it, "body")?, "interactive.body.text", "text", MOST_BODY)?;
    if it.contains_key("footer") {
        required(part(it, "footer")?, "interactive.footer.text", "text", MOST_SMALL)?;
    }
    let action = part(it, "action")?;
    match kind {
        "button" => check_buttons(action),
        "list" => check_list(action),
        "cta_url" => {
            let parameters =
                action.get("parameters").ok_or_else(|| ApiError::missing("interactive.action.parameters"))?;
            let parameters = object(parameters, "interactive.action.parameters")?;
            required(parameters, "interactive.action.parameters.display_text", "display_text", 20)?;
            required(parameters, "interactive.action.parameters.url", "url", 2048).map(drop)
        }
        "location_request_message" | "request_contact_info" => {
            required(action, "interactive.action.name", "name", 40).map(drop)
        }
        other => Err(ApiError {
            status: 501,
            ..ApiError::new(131051, format!("The simulator has no interactive messages of type {other:?}."))
        }),
    }
}

fn check_header(it: &Map<String, Value>, kind: &str) -> Checked<()> {
    if !it.contains_key("header") {
        return Ok(());
    }
    let header = part(it, "header")?;
    let form = required(header, "interactive.header.type", "type", 20)?;
    match form {
        "text" => required(header, "interactive.header.text", "text", MOST_SMALL).map(drop),
        "image" | "video" | "document" if kind != "list" => {
            object(header.get(form).unwrap_or(&Value::Null), "interactive.header").map(drop)
        }
        _ => Err(ApiError::value("interactive.header.type is not allowed for this message")),
    }
}

fn check_buttons(action: &Map<String, Value>) -> Checked<()> {
    only(action, "interactive.action", &["buttons"])?;
    let buttons = list(action, "interactive.action.buttons", "buttons")?;
    let buttons = buttons.ok_or_else(|| ApiError::missing("interactive.action.buttons"))?;
    if !(1..=MOST_BUTTONS).contains(&buttons.len()) {
        return Err(ApiError::value(format!("Invalid buttons count. Min allowed buttons: 1, Max: {MOST_BUTTONS}")));
    }
    let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
    for button in buttons {
        let button = object(button, "interactive.action.buttons[]")?;
        only(button, "interactive.action.buttons[]", &["type", "reply"])?;
        if button.get("type").is_none_or(|it| it != "reply") {
            return Err(ApiError::value("interactive.action.buttons[].type must be reply"));
        }
        let reply = part(button, "reply")?;
        only(reply, "interactive.action.buttons[].reply", &["id", "title"])?;
        unique(&mut ids, required(reply, "button reply id", "id", 256)?, "Duplicated button reply id")?;
        unique(&mut titles, required(reply, "button reply title", "title", 20)?, "Duplicated button reply title")?;
    }
    Ok(())
}

fn check_list(action: &Map<String, Value>) -> Checked<()> {
    only(action, "interactive.action", &["button", "sections"])?;
    required(action, "interactive.action.button", "button", 20)?;
    let sections = list(action, "interactive.action.sections", "sections")?;
    let sections = sections.ok_or_else(|| ApiError::missing("interactive.action.sections"))?;
    if !(1..=MOST_SECTIONS).contains(&sections.len()) {
        return Err(ApiError::value(format!("interactive.action.sections must be 1 to {MOST_SECTIONS}")));
    }
    let (mut ids, mut rows_in_all) = (HashSet::new(), 0);
    for section in sections {
        let section = object(section, "interactive.action.sections[]")?;
        only(section, "interactive.action.sections[]", &["title", "rows"])?;
        if sections.len() > 1 || section.contains_key("title") {
            required(section, "section title", "title", 24)?;
        }
        let rows = list(section, "section rows", "rows")?.filter(|rows| !rows.is_empty());
        for row in rows.ok_or_else(|| ApiError::missing("interactive.action.sections[].rows"))? {
            let row = object(row, "section rows[]")?;
            only(row, "section rows[]", &["id", "title", "description"])?;
            unique(&mut ids, required(row, "row id", "id", 200)?, "Duplicated row id")?;
            required(row, "row title", "title", 24)?;
            text(row, "row description", "description", 72)?;
            rows_in_all += 1;
        }
    }
    if rows_in_all > MOST_ROWS {
        return Err(ApiError::value(format!("Total row count exceed max allowed count: {MOST_ROWS}")));
    }
    Ok(())
}

fn unique<'a>(seen: &mut HashSet<&'a str>, it: &'a str, fault: &str) -> Checked<()> {
    if seen.insert(it) { Ok(()) } else { Err(ApiError::value(fault)) }
}

fn part<'a>(it: &'a Map<String, Value>, key: &str) -> Checked<&'a Map<String, Value>> {
    object(it.get(key).ok_or_else(|| ApiError::missing(key))?, key)
}

fn required<'a>(it: &'a Map<String, Value>, name: &str, key: &str, most: usize) -> Checked<&'a str> {
    text(it, name, key, most)?.filter(|text| !text.trim().is_empty()).ok_or_else(|| ApiError::missing(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(it: Value) -> Option<i64> {
        check(it.as_object().unwrap()).err().map(|error| error.code)
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
    fn buttons_are_one_to_three_and_differ() {
        assert_eq!(code(buttons(&["Yes", "No", "Later"])), None);
        assert_eq!(code(buttons(&[])), Some(131009));
        assert_eq!(code(buttons(&["1", "2", "3", "4"])), Some(131009));
        assert_eq!(code(buttons(&["Yes", "Yes"])), Some(131009));
        assert_eq!(code(buttons(&["a title of 21 letters"])), Some(100));
    }

    #[test]
    fn a_list_has_ten_rows_in_all() {
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
    fn what_is_not_simulated_is_told() {
        assert_eq!(code(json!({ "type": "flow", "body": { "text": "x" }, "action": {} })), Some(131051));
    }
}
