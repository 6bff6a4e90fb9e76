//! Templates: texts with places for values, such as `Hello {{guest_name}}`.
//!
//! A placeholder is a name of ASCII letters, digits and `_` in double braces; blanks around the
//! name do not count. Whatever else stands in braces is text.

/// Placeholders for which there was no value. Its display is a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("There is no value for {}.", .0.join(", "))]
pub struct MissingValue(pub Vec<String>);

/// A part of a template.
enum Part<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// The names of the placeholders in order of first use, each once.
pub fn placeholders(content: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in parts(content) {
        match part {
            Part::Placeholder(name) if !names.contains(&name) => names.push(name),
            _ => {}
        }
    }
    names
}

/// Puts values in the places of the placeholders. Values are taken literally: what looks like a
/// placeholder in one is text.
///
/// # Errors
/// [`MissingValue`] with the names, in order of first use, for which `value_of` has none.
pub fn render(content: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String, MissingValue> {
    let mut rendered = String::with_capacity(content.len());
    let mut missing = Vec::new();
    for part in parts(content) {
        match part {
            Part::Text(text) => rendered.push_str(text),
            Part::Placeholder(name) => match value_of(name) {
                Some(value) => rendered.push_str(&value),
                None if missing.iter().any(|it| it == name) => {}
                None => missing.push(name.to_owned()),
            },
        }
    }
    if missing.is_empty() { Ok(rendered) } else { Err(MissingValue(missing)) }
}

fn parts(content: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = leading_placeholder(rest) {
            rest = after;
            return Some(Part::Placeholder(name));
        }
        let begins = |&(at, _): &(usize, &str)| rest.get(at..).is_some_and(|it| leading_placeholder(it).is_some());
        let end = rest.match_indices('{').find(begins).map_or(rest.len(), |(at, _)| at);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(text))
    })
}

/// The placeholder's name with which the text begins, and what comes after it.
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
    fn values_stand_in_the_places_of_their_names() {
        for (content, rendered) in [
            ("", ""),
            ("Good morning", "Good morning"),
            ("Hello {{guest_name}}!", "Hello Ana!"),
            ("{{guest_name}}{{ guest_name }}", "AnaAna"),
            ("Para ti, ñandú: {{guest_name}}", "Para ti, ñandú: Ana"),
            ("[{{1}}]", "[]"),
            // A value is text, whatever it looks like.
            ("Room {{room_number}}", "Room {{guest_name}}"),
            // Whatever is no placeholder is text.
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
    fn names_without_value_are_told_once_in_order_of_first_use() {
        let content = "{{time}} {{guest_name}} {{place}} {{time}}";
        assert_eq!(placeholders(content), ["time", "guest_name", "place"]);
        let missing = render(content, &value_of).unwrap_err();
        assert_eq!(missing, MissingValue(vec!["time".into(), "place".into()]));
        assert_eq!(missing.to_string(), "There is no value for time, place.");
    }

    proptest! {
        #[test]
        fn a_text_with_all_names_put_back_is_the_same(content in r"([{}a1_ é]|\{\{a\}\}|\{\{ b_2\}\}){0,20}") {
            let back = render(&content, &|name| Some(format!("{{{{{name}}}}}"))).unwrap();
            prop_assert_eq!(back.replace(' ', ""), content.replace(' ', ""));
            prop_assert_eq!(placeholders(&back), placeholders(&content));
        }

        #[test]
        fn exactly_the_placeholders_need_a_value(content in r"([{}a1_ é]|\{\{a\}\}|\{\{ b_2\}\}){0,20}") {
            let missing = render(&content, &|_| None).map_or_else(|it| it.0, |_| Vec::new());
            prop_assert_eq!(missing, placeholders(&content));
        }
    }
}
