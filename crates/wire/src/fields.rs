//! Reading the fields of a JSON object, so that all their faults come together.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{BadPhoneNumber, BadText, Country, Language, MessageText, Name, Role, Stay, TemplateType, WrittenNumber};
use serde_json::{Map, Value};

use crate::words::ROLES;

/// What is wrong with each field: sentences for a person.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// Why a value is not what its field takes: a sentence.
pub(crate) type Fault = String;

/// The fields of an object, and the faults found so far. Fields that nobody asks for are ignored.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    errors: FieldErrors,
}

impl<'a> Fields<'a> {
    /// Begins to read an object.
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, errors: FieldErrors::new() }
    }

    /// What was read, if no field had a fault.
    ///
    /// # Errors
    /// All faults.
    pub(crate) fn done<T>(self, read: Option<T>) -> Result<T, FieldErrors> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(self.errors),
        }
    }

    /// Whether the object has the field, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, name: &str, sentence: impl Into<Fault>) {
        self.errors.entry(name.to_owned()).or_default().push(sentence.into());
    }

    /// A field that must be there. `None` where it has a fault.
    pub(crate) fn required<T>(&mut self, name: &str, kind: impl FnOnce(&Value) -> Result<T, Fault>) -> Option<T> {
        match self.map.get(name) {
            None => self.faulty(name, "This field is required."),
            Some(Value::Null) => self.faulty(name, "This field may not be null."),
            Some(value) => self.read(name, value, kind),
        }
    }

    /// A field that may be missing, or null, which is the same. The outer `None` is a fault.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        kind: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.read(name, value, kind).map(Some),
        }
    }

    /// A field that must be there, and may be null. The outer `None` is a fault.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        kind: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        if !self.has(name) {
            return self.faulty(name, "This field is required.");
        }
        self.optional(name, kind)
    }

    /// A field of a change: missing, nothing changes; null is a fault. The outer `None` is a fault.
    pub(crate) fn change<T>(&mut self, name: &str, kind: impl FnOnce(&Value) -> Result<T, Fault>) -> Option<Option<T>> {
        if self.has(name) { self.required(name, kind).map(Some) } else { Some(None) }
    }

    /// A field of a change that may be null; missing, nothing changes. The outer `None` is a fault.
    pub(crate) fn nullable_change<T>(
        &mut self,
        name: &str,
        kind: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<Option<Option<T>>> {
        if self.has(name) { self.optional(name, kind).map(Some) } else { Some(None) }
    }

    fn read<T>(&mut self, name: &str, value: &Value, kind: impl FnOnce(&Value) -> Result<T, Fault>) -> Option<T> {
        kind(value).map_err(|sentence| self.fault(name, sentence)).ok()
    }

    fn faulty<T>(&mut self, name: &str, sentence: &str) -> Option<T> {
        self.fault(name, sentence);
        None
    }
}

/// Any string without NUL.
pub(crate) fn string(value: &Value) -> Result<String, Fault> {
    parsed(value, |text| if text.contains('\0') { Err(BadText::Nul) } else { Ok(text.to_owned()) })
}

/// The text of a message.
pub(crate) fn text(value: &Value) -> Result<MessageText, Fault> {
    parsed(value, MessageText::parse)
}

/// A name.
pub(crate) fn name(value: &Value) -> Result<Name, Fault> {
    parsed(value, Name::parse)
}

/// A telephone number, which the hotel's country may have to complete.
pub(crate) fn phone(value: &Value) -> Result<WrittenNumber, Fault> {
    parsed(value, |text| {
        let number = WrittenNumber::parse(text)?;
        match number.complete(None) {
            Err(reason) if number.is_international() => Err(reason),
            _ => Ok(number),
        }
    })
}

/// A telephone number that may be the stored one, which former rules may have let pass.
pub(crate) fn changed_phone(value: &Value) -> Result<WrittenNumber, Fault> {
    parsed(value, |text| -> Result<_, BadPhoneNumber> { WrittenNumber::parse(text) })
}

/// A country.
pub(crate) fn country(value: &Value) -> Result<Country, Fault> {
    parsed(value, Country::parse)
}

/// A day, written `YYYY-MM-DD`.
pub(crate) fn day(value: &Value) -> Result<NaiveDate, Fault> {
    parsed(value, Stay::parse_day)
}

/// A language, as Meta names it.
pub(crate) fn language(value: &Value) -> Result<Language, Fault> {
    parsed(value, Language::parse)
}

/// A role.
pub(crate) fn role(value: &Value) -> Result<Role, Fault> {
    word(value, ROLES.map(Role::as_str))
}

/// The type of a template.
pub(crate) fn template_type(value: &Value) -> Result<TemplateType, Fault> {
    word(value, TemplateType::ALL.map(TemplateType::as_str))
}

fn word<T: std::str::FromStr<Err = ()>, const N: usize>(value: &Value, words: [&str; N]) -> Result<T, Fault> {
    parsed(value, |word| word.parse().map_err(|()| format!("This must be one of: {}.", words.join(", "))))
}

/// A string that `parse` takes.
pub(crate) fn parsed<T, E: ToString>(value: &Value, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Fault> {
    let text = value.as_str().ok_or("This must be a string.")?;
    parse(text).map_err(|error| error.to_string())
}

/// True or false.
pub(crate) fn flag(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| "This must be true or false.".to_owned())
}

/// The most values of a template.
const MOST_TEXTS: usize = 100;

/// Strings by name.
pub(crate) fn texts(value: &Value) -> Result<BTreeMap<String, String>, Fault> {
    let map = value.as_object().ok_or("This must be an object.")?;
    if map.len() > MOST_TEXTS {
        return Err(format!("At most {MOST_TEXTS} entries are allowed."));
    }
    map.iter().map(|(name, value)| Ok((name.clone(), string(value)?))).collect()
}

/// An id: a positive 64-bit integer, written as one.
pub(crate) fn id<T>(kind: fn(i64) -> T) -> impl Fn(&Value) -> Result<T, Fault> {
    move |value| {
        let id = value.as_i64().filter(|id| *id > 0);
        id.map(kind).ok_or_else(|| "This must be a positive whole number.".to_owned())
    }
}

/// A list of ids.
pub(crate) fn ids<T>(kind: fn(i64) -> T, most: usize) -> impl Fn(&Value) -> Result<Vec<T>, Fault> {
    move |value| {
        let list = value.as_array().ok_or("This must be a list.")?;
        if list.len() > most {
            return Err(format!("At most {most} entries are allowed."));
        }
        let ids = list.iter().map(id(kind)).collect::<Result<_, _>>();
        ids.map_err(|_| "Every entry must be a positive whole number.".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use domain::DepartmentId;
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn ids_are_positive_integers() {
        let id = id(|id| id);
        assert_eq!(id(&json!(1)), Ok(1));
        assert_eq!(id(&json!(i64::MAX)), Ok(i64::MAX));
        for bad in [json!(0), json!(-1), json!(1.0), json!("1"), json!(true), json!([1]), json!(i64::MAX as u64 + 1)] {
            assert!(id(&bad).is_err(), "{bad}");
        }
        for bad in ["1e3", "1.0", "99999999999999999999999", "-0"] {
            assert!(id(&serde_json::from_str(bad).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn missing_null_and_wrong_are_told_apart() {
        let object = map(json!({ "null": null, "wrong": 5, "right": "x" }));
        let mut fields = Fields::new(&object);
        assert_eq!(fields.required("missing", string), None);
        assert_eq!(fields.required("null", string), None);
        assert_eq!(fields.required("wrong", string), None);
        assert_eq!(fields.required("right", string), Some("x".to_owned()));
        let told = fields.done(Some(())).unwrap_err();
        let expected = json!({
            "missing": ["This field is required."],
            "null": ["This field may not be null."],
            "wrong": ["This must be a string."],
        });
        assert_eq!(json!(told), expected);
    }

    #[test]
    fn null_is_a_value_only_where_it_may_be() {
        let object = map(json!({ "null": null }));
        let mut fields = Fields::new(&object);
        assert_eq!(fields.optional("null", string), Some(None));
        assert_eq!(fields.nullable("null", string), Some(None));
        assert_eq!(fields.change("missing", string), Some(None));
        assert_eq!(fields.change("null", string), None);
        assert_eq!(fields.nullable_change("missing", string), Some(None));
        assert_eq!(fields.nullable_change("null", string), Some(Some(None)));
        assert_eq!(fields.nullable("missing", string), None);
        assert_eq!(fields.done(Some(())).unwrap_err().into_keys().collect::<Vec<_>>(), ["missing", "null"]);
    }

    #[test]
    fn lists_are_bounded_and_every_entry_counts() {
        let ids = ids(DepartmentId, 2);
        assert_eq!(ids(&json!([2, 1])), Ok(vec![DepartmentId(2), DepartmentId(1)]));
        for bad in [json!([1, 2, 3]), json!([1, "2"]), json!([null]), json!(1), json!({})] {
            assert!(ids(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nul_is_refused_in_every_string() {
        let nul = json!("+3460000\u{0}0001");
        assert!(string(&nul).is_err() && text(&nul).is_err() && name(&nul).is_err());
        assert!(phone(&nul).is_err() && role(&nul).is_err() && template_type(&nul).is_err());
        assert!(day(&nul).is_err() && language(&nul).is_err());
    }
}
