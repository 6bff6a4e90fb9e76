//! Reads the fields of a JSON object into validated values and collects all faults.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    ClientRef, ConversationId, DepartmentId, DraftText, Emoji, HotelId, IfGuestWrites, LabelColour, LabelId, LabelName,
    LanguageTag, MessageId, MessageText, Name, Role, Seq, StaffId, Stay, StayId, TemplateId, Username, WrittenNumber,
    guest::GuestNote,
    hotel::{BadResponseTarget, HotelVariables, ResponseTarget},
    phone::Country,
    stay::{BookingPart, EmailAddress},
    template::{ParameterFormat, TemplateLanguage, TemplateShortcut, TemplateType},
    text::{BadText, RequestId},
};
use numbering::CompleteNumber;
use serde_json::{Map, Value};

/// Faults of a request by field name: sentences for a person.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// Maximum number of entries in a field that is an object of strings.
const MAX_STRINGS: usize = 100;

/// A JSON type that a field accepts. Implemented by the value type itself, or by a marker such as [`AnyPhone`] if one
/// value type has several JSON types.
pub trait FieldType {
    /// The parsed value of the field.
    type Value;

    /// Parses a field's value that is not null. Fails with a sentence for a person.
    fn parse(json: &Value) -> Result<Self::Value, String>;
}

/// The fields of a JSON object, and the faults found so far. Unknown fields are ignored.
///
/// The reading methods return `None` (the outer one) for a faulty field, and record the fault.
pub struct FieldReader<'a> {
    object: &'a Map<String, Value>,
    errors: FieldErrors,
}

impl<'a> FieldReader<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, errors: FieldErrors::new() }
    }

    /// Returns `result` unless a field was faulty. Fails with the faults of all fields.
    pub(crate) fn finish<T>(self, result: Option<T>) -> Result<T, FieldErrors> {
        match result {
            Some(result) if self.errors.is_empty() => Ok(result),
            _ => Err(self.errors),
        }
    }

    /// All fields of the object, for a body whose fields have no fixed names.
    pub(crate) fn all_fields(&self) -> &'a Map<String, Value> {
        self.object
    }

    pub(crate) fn add_fault(&mut self, name: &str, sentence: impl Into<String>) {
        self.errors.entry(name.to_owned()).or_default().push(sentence.into());
    }

    /// Reads a field that must be present and not null.
    pub(crate) fn required<T: FieldType>(&mut self, name: &str) -> Option<T::Value> {
        match self.object.get(name) {
            None => self.fail(name, "This field is required."),
            Some(Value::Null) => self.fail(name, "This field may not be null."),
            Some(value) => self.parse::<T>(name, value),
        }
    }

    /// Reads a field that may be absent or null, which mean the same.
    pub(crate) fn optional<T: FieldType>(&mut self, name: &str) -> Option<Option<T::Value>> {
        match self.object.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.parse::<T>(name, value).map(Some),
        }
    }

    /// Reads a field that must be present and may be null.
    pub(crate) fn nullable<T: FieldType>(&mut self, name: &str) -> Option<Option<T::Value>> {
        if self.has(name) { self.optional::<T>(name) } else { self.fail(name, "This field is required.") }
    }

    /// Reads a field of a change: `Some(None)` if absent, a fault if null.
    pub(crate) fn change<T: FieldType>(&mut self, name: &str) -> Option<Option<T::Value>> {
        if self.has(name) { self.required::<T>(name).map(Some) } else { Some(None) }
    }

    /// Reads a nullable field of a change: `Some(None)` if absent, `Some(Some(None))` if null.
    pub(crate) fn nullable_change<T: FieldType>(&mut self, name: &str) -> Option<Option<Option<T::Value>>> {
        if self.has(name) { self.optional::<T>(name).map(Some) } else { Some(None) }
    }

    /// The value of a field if it is present and valid. Unlike the other reading methods, records no fault.
    pub(crate) fn peek<T: FieldType>(&self, name: &str) -> Option<T::Value> {
        T::parse(self.object.get(name)?).ok()
    }

    /// Whether the object contains the field, with any value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    fn parse<T: FieldType>(&mut self, name: &str, value: &Value) -> Option<T::Value> {
        T::parse(value).map_err(|sentence| self.add_fault(name, sentence)).ok()
    }

    fn fail<T>(&mut self, name: &str, sentence: &str) -> Option<T> {
        self.add_fault(name, sentence);
        None
    }
}

/// Implements [`FieldType`] for types that are parsed from a JSON string.
macro_rules! string_types {
    ($($marker:ty => $value:ty: $parse:expr;)+) => {$(
        impl FieldType for $marker {
            type Value = $value;

            fn parse(json: &Value) -> Result<$value, String> {
                let text = json.as_str().ok_or("This must be a string.")?;
                let parse = $parse;
                parse(text).map_err(|error| error.to_string())
            }
        }
    )+};
}

/// A phone number whose numbering rules are checked later, because a change may repeat a stored number that was valid
/// under earlier rules.
pub struct AnyPhone;
/// Marker of a field that contains an emoji, or an empty string for none.
pub struct ReactionEmoji;

string_types! {
    String => Self: |text: &str| if text.contains('\0') { Err(BadText::Nul) } else { Ok(text.to_owned()) };
    MessageText => Self: Self::parse;
    DraftText => Self: Self::parse;
    DateTime<Utc> => Self: |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        at.map_err(|_| "Please write the time as in 2026-12-01T08:00:00Z.")
    };
    Name => Self: Self::parse;
    Username => Self: Self::parse;
    LabelName => Self: Self::parse;
    GuestNote => Self: Self::parse;
    EmailAddress => Self: Self::parse;
    LanguageTag => Self: Self::parse;
    ClientRef => Self: Self::parse;
    RequestId => Self: Self::parse;
    Country => Self: Self::parse;
    TemplateLanguage => Self: Self::parse;
    TemplateShortcut => Self: Self::parse;
    NaiveDate => Self: Stay::parse_day;
    AnyPhone => WrittenNumber: WrittenNumber::parse;
    ReactionEmoji => Option<Emoji>: |text: &str| if text.is_empty() { Ok(None) } else { Emoji::parse(text).map(Some) };
    // A phone number without country code is completed later, with the country of the hotel.
    WrittenNumber => Self: |text| {
        let number = Self::parse(text)?;
        match number.complete(None) {
            Err(reason) if number.is_international() => Err(reason),
            _ => Ok(number),
        }
    };
    Role => Self: one_of::<Self>;
    TemplateType => Self: one_of::<Self>;
    ParameterFormat => Self: one_of::<Self>;
    LabelColour => Self: one_of::<Self>;
    IfGuestWrites => Self: one_of::<Self>;
}

fn one_of<T: std::str::FromStr + strum::VariantNames>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("This must be one of: {}.", T::VARIANTS.join(", ")))
}

impl FieldType for bool {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        json.as_bool().ok_or_else(|| "This must be true or false.".to_owned())
    }
}

impl FieldType for BookingPart {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        let number = json.as_i64().ok_or("This must be a whole number.")?;
        Self::new(number).map_err(|error| error.to_string())
    }
}

impl FieldType for Seq {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        let seq = json.as_i64().filter(|seq| *seq >= 0);
        seq.map(Self).ok_or_else(|| "This must be a whole number, 0 or more.".to_owned())
    }
}

/// Implements [`FieldType`] for ids: positive 64-bit integers without fraction or exponent.
macro_rules! id_types {
    ($($id:ident),+) => {$(
        impl FieldType for $id {
            type Value = Self;

            fn parse(json: &Value) -> Result<Self, String> {
                let id = json.as_i64().filter(|id| *id > 0);
                id.map(Self).ok_or_else(|| "This must be a positive whole number.".to_owned())
            }
        }
    )+};
}

id_types!(ConversationId, DepartmentId, HotelId, LabelId, MessageId, StaffId, StayId, TemplateId);

/// A field with a list of at most `MAX` ids.
pub struct IdList<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<T: FieldType, const MAX: usize> FieldType for IdList<T, MAX> {
    type Value = Vec<T::Value>;

    fn parse(json: &Value) -> Result<Self::Value, String> {
        let list = json.as_array().ok_or("This must be a list.")?;
        if list.len() > MAX {
            return Err(format!("At most {MAX} entries are allowed."));
        }
        let ids = list.iter().map(T::parse).collect::<Result<_, _>>();
        ids.map_err(|_| "Every entry must be a positive whole number.".to_owned())
    }
}

impl FieldType for BTreeMap<String, String> {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("This must be an object.")?;
        if object.len() > MAX_STRINGS {
            return Err(format!("At most {MAX_STRINGS} entries are allowed."));
        }
        object.iter().map(|(name, value)| Ok((name.clone(), <String as FieldType>::parse(value)?))).collect()
    }
}

impl FieldType for ResponseTarget {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        json.as_i64().ok_or(BadResponseTarget).and_then(Self::parse).map_err(|error| error.to_string())
    }
}

impl FieldType for HotelVariables {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        Self::parse(<BTreeMap<String, String> as FieldType>::parse(json)?).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn ids_are_positive_integers() {
        let parse = <StayId as FieldType>::parse;
        assert_eq!(parse(&json!(1)), Ok(StayId(1)));
        assert_eq!(parse(&json!(i64::MAX)), Ok(StayId(i64::MAX)));
        for bad in [json!(0), json!(-1), json!(1.0), json!("1"), json!(true), json!([1]), json!(i64::MAX as u64 + 1)] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
        for bad in ["1e3", "1.0", "99999999999999999999999", "-0"] {
            assert!(parse(&serde_json::from_str(bad).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn missing_null_and_wrong_values_are_distinguished() {
        let object = object(json!({ "null": null, "wrong": 5, "right": "x" }));
        let mut fields = FieldReader::new(&object);
        assert_eq!(fields.required::<String>("missing"), None);
        assert_eq!(fields.required::<String>("null"), None);
        assert_eq!(fields.required::<String>("wrong"), None);
        assert_eq!(fields.required::<String>("right"), Some("x".to_owned()));
        let faults = fields.finish(Some(())).unwrap_err();
        let expected = json!({
            "missing": ["This field is required."],
            "null": ["This field may not be null."],
            "wrong": ["This must be a string."],
        });
        assert_eq!(json!(faults), expected);
    }

    #[test]
    fn null_is_accepted_in_optional_and_nullable_fields() {
        let object = object(json!({ "null": null }));
        let mut fields = FieldReader::new(&object);
        assert_eq!(fields.optional::<String>("null"), Some(None));
        assert_eq!(fields.nullable::<String>("null"), Some(None));
        assert_eq!(fields.change::<String>("missing"), Some(None));
        assert_eq!(fields.change::<String>("null"), None);
        assert_eq!(fields.nullable_change::<String>("missing"), Some(None));
        assert_eq!(fields.nullable_change::<String>("null"), Some(Some(None)));
        assert_eq!(fields.nullable::<String>("missing"), None);
        assert_eq!(fields.finish(Some(())).unwrap_err().into_keys().collect::<Vec<_>>(), ["missing", "null"]);
    }

    #[test]
    fn lists_are_bounded_and_every_entry_is_checked() {
        let parse = <IdList<DepartmentId, 2> as FieldType>::parse;
        assert_eq!(parse(&json!([2, 1])), Ok(vec![DepartmentId(2), DepartmentId(1)]));
        for bad in [json!([1, 2, 3]), json!([1, "2"]), json!([null]), json!(1), json!({})] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nul_is_refused_in_every_string() {
        fn refuses<T: FieldType>() {
            assert!(T::parse(&json!("+3460000\u{0}0001")).is_err());
        }
        refuses::<String>();
        refuses::<MessageText>();
        refuses::<DraftText>();
        refuses::<DateTime<Utc>>();
        refuses::<Name>();
        refuses::<Username>();
        refuses::<WrittenNumber>();
        refuses::<Role>();
        refuses::<TemplateType>();
        refuses::<NaiveDate>();
        refuses::<TemplateLanguage>();
        refuses::<LabelName>();
        refuses::<GuestNote>();
        refuses::<LanguageTag>();
        refuses::<TemplateShortcut>();
        refuses::<EmailAddress>();
    }
}
