//! What people send by REST. All of it is read by hand, so that all faults are told together.

mod conversations;
mod hotel;
mod signing_in;
mod stays;
mod templates;

pub use conversations::{AddNote, Assign, GuestMessage, MarkRead, Nothing, SendMessage, SendTemplate, StartRelay};
pub use hotel::{ChangeDepartment, ChangeHotel, ChangeStaff, NewDepartment, NewStaff};
pub use signing_in::{Login, PasswordChange, Refresh};
pub use stays::{ChangeStay, NewStay};
pub use templates::{ChangeTemplate, NewTemplate};

use serde_json::{Map, Value};

use crate::fields::{FieldErrors, Fields};

/// A body that is understood field by field.
pub trait Input: Sized {
    /// Whether no body at all is as good as `{}`.
    const MAY_BE_EMPTY: bool = false;

    /// Reads it; `None` where a field has a fault, which `fields` has noted.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// Canonical JSON of what was understood: the same for two requests exactly where they ask the
    /// same. It holds what was sent, passwords too: for digests, not for storing.
    fn fingerprint(&self) -> String;
}

/// Why a body was refused.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is no JSON object; a sentence for a person.
    #[error("{0}")]
    BadJson(String),
    /// Fields have faults.
    #[error("fields have faults")]
    Invalid(FieldErrors),
}

/// Reads a body.
///
/// # Errors
/// [`BodyError`].
pub fn parse<T: Input>(bytes: &[u8]) -> Result<T, BodyError> {
    let map = match bytes {
        [] if T::MAY_BE_EMPTY => Map::new(),
        _ => object(serde_json::from_slice(bytes)).map_err(|sentence| BodyError::BadJson(sentence.to_owned()))?,
    };
    let mut fields = Fields::new(&map);
    let read = T::read(&mut fields);
    fields.done(read).map_err(BodyError::Invalid)
}

/// For a fingerprint, a field of a change that may be null: null where it is missing, else what is given in a list.
fn given<T: Into<Value>>(field: Option<Option<T>>) -> Value {
    field.map_or(Value::Null, |it| it.into_iter().collect())
}

/// The object that was parsed, or a sentence that says why there is none. What was sent is not in it.
pub(crate) fn object(parsed: serde_json::Result<Value>) -> Result<Map<String, Value>, &'static str> {
    match parsed {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("This must be a JSON object."),
        Err(_) => Err("This is not JSON."),
    }
}

#[cfg(test)]
mod tests;
