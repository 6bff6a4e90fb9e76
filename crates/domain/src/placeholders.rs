//! Rendering of templates: texts with placeholders, such as `Hello {{guest_name}}`.
//!
//! A placeholder is a name of ASCII letters, digits and `_` in double braces; white space around the name is ignored.
//! Everything else in braces is text.

/// Error: the placeholders of a template for which there is no value. Displays as a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("There is no value for {}.", .0.join(", "))]
pub struct MissingValue(pub Vec<String>);

/// The placeholders that a conversation fills: their values come from guest, stay, hotel, department and sender.
pub const KNOWN_PLACEHOLDERS: &[&str] = &["guest_name", "room_number", "hotel_name", "staff_name", "department_name"];

enum TemplatePart<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// The names of the placeholders in a template, in order of first use, each once.
pub fn placeholders(content: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in parts(content) {
        match part {
            TemplatePart::Placeholder(name) if !names.contains(&name) => names.push(name),
            _ => {}
        }
    }
    names
}

/// Replaces the placeholders of a template by values. Values are inserted literally: a placeholder inside a value is
/// text.
///
/// Fails if `value_of` has no value for a name; the error lists all such names in order of first use.
pub fn render(content: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String, MissingValue> {
    let mut rendered = String::with_capacity(content.len());
    let mut missing = Vec::new();
    for part in parts(content) {
        match part {
            TemplatePart::Text(text) => rendered.push_str(text),
            TemplatePart::Placeholder(name) => match value_of(name) {
                Some(value) => rendered.push_str(&value),
                None if missing.iter().any(|it| it == name) => {}
                None => missing.push(name.to_owned()),
            },
        }
    }
    if missing.is_empty() { Ok(rendered) } else { Err(MissingValue(missing)) }
}

/// Replaces the placeholders of a template by values, as [`render`], and leaves those without a value as they are.
/// Returns the text, and the names without a value in order of first use.
pub fn render_known(content: &str, value_of: &dyn Fn(&str) -> Option<String>) -> (String, Vec<String>) {
    let is_missing = |name: &&str| value_of(name).is_none();
    let missing = placeholders(content).into_iter().filter(is_missing).map(str::to_owned).collect();
    let shown = |name: &str| value_of(name).or_else(|| Some(format!("{{{{{name}}}}}")));
    (render(content, &shown).unwrap_or_else(|_| content.to_owned()), missing)
}

fn parts(content: &str) -> impl Iterator<Item = TemplatePart<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = leading_placeholder(rest) {
            rest = after;
            return Some(TemplatePart::Placeholder(name));
        }
        let begins = |&(at, _): &(usize, &str)| rest.get(at..).is_some_and(|it| leading_placeholder(it).is_some());
        let end = rest.match_indices('{').find(begins).map_or(rest.len(), |(at, _)| at);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(TemplatePart::Text(text))
    })
}

/// The name of a placeholder at the beginning of the text, and the rest after it.
fn leading_placeholder(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("{{")?.trim_start();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|&end| end > 0)?;
    let (name, after) = inner.split_at(end);
    after.trim_start().strip_prefix("}}").map(|after| (name, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value_of(name: &str) -> Option<String> {
        match name {
            "guest_name" => Some("Ana".into()),
            "room_number" => Some("{{guest_name}}".into()),
            "1" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn placeholders_are_replaced_by_values() {
        for (content, rendered) in [
            ("", ""),
            ("Good morning", "Good morning"),
            ("Hello {{guest_name}}!", "Hello Ana!"),
            ("{{guest_name}}{{ guest_name }}", "AnaAna"),
            ("Para ti, ñandú: {{guest_name}}", "Para ti, ñandú: Ana"),
            ("[{{1}}]", "[]"),
            // A placeholder inside a value is text.
            ("Room {{room_number}}", "Room {{guest_name}}"),
            // Incomplete placeholders are text.
            (
                "{guest_name} {{guest_name} {{}} {{ }} {{guest name}} {{é}} }}",
                "{guest_name} {{guest_name} {{}} {{ }} {{guest name}} {{é}} }}",
            ),
            ("{{{guest_name}}}", "{Ana}"),
            ("{{ {{guest_name}}", "{{ Ana"),
            ("{{guest_name", "{{guest_name"),
        ] {
            assert_eq!(render(content, &value_of).as_deref(), Ok(rendered), "{content}");
        }
    }

    #[test]
    fn missing_values_are_reported_once_in_order_of_first_use() {
        let content = "{{time}} {{guest_name}} {{place}} {{time}}";
        assert_eq!(placeholders(content), ["time", "guest_name", "place"]);
        let missing = render(content, &value_of).unwrap_err();
        assert_eq!(missing, MissingValue(vec!["time".into(), "place".into()]));
        assert_eq!(missing.to_string(), "There is no value for time, place.");
    }

    #[test]
    fn placeholders_without_a_value_stay_if_only_known_ones_are_replaced() {
        let rendered = render_known("{{ time }}: {{guest_name}}, {{place}}, {{time}}", &value_of);
        assert_eq!(rendered.0, "{{time}}: Ana, {{place}}, {{time}}");
        assert_eq!(rendered.1, ["time", "place"]);
        assert_eq!(render_known("Room {{room_number}}", &value_of), ("Room {{guest_name}}".to_owned(), vec![]));
    }

    proptest! {
        #[test]
        fn rendering_names_as_themselves_is_neutral(content in r"([{}a1_ é]|\{\{a\}\}|\{\{ b_2\}\}){0,20}") {
            let back = render(&content, &|name| Some(format!("{{{{{name}}}}}"))).unwrap();
            prop_assert_eq!(back.replace(' ', ""), content.replace(' ', ""));
            prop_assert_eq!(placeholders(&back), placeholders(&content));
        }

        #[test]
        fn every_placeholder_without_a_value_is_reported(content in r"([{}a1_ é]|\{\{a\}\}|\{\{ b_2\}\}){0,20}") {
            let missing = render(&content, &|_| None).map_or_else(|it| it.0, |_| Vec::new());
            prop_assert_eq!(missing, placeholders(&content));
        }
    }
}
