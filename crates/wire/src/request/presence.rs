//! Presence of a field in a request body: required, optional, nullable, or part of a change.

use std::marker::PhantomData;

use serde_json::Value;
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Schema};

use super::body_types::{BodyFieldType, describe, join_doc_lines, make_nullable};
use crate::field_reader::FieldReader;

/// How a field of a request body may be absent or null.
pub trait Presence {
    /// Rust type of the field in the request body.
    type Field;

    /// Whether the JSON schema lists the field as required.
    const IS_REQUIRED: bool = false;

    /// JSON schema of the field's value, without description.
    fn schema() -> Schema;

    /// Reads the field from a JSON object. Returns `None` if the field is faulty.
    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field>;

    /// The field as JSON; `None` if the field is absent.
    fn to_json(field: &Self::Field) -> Option<Value>;

    /// The field in the canonical JSON; `None` omits it. Stored idempotency digests depend on it: do not change it, and
    /// wrap fields that are added after a release in [`Added`].
    fn canonical(field: &Self::Field) -> Option<Value> {
        Some(Self::to_json(field).unwrap_or(Value::Null))
    }
}

/// A field that must be present and not null. Type in Rust: `T`.
pub struct Required<T>(PhantomData<T>);
/// A field that may be absent or null, which mean the same. Type in Rust: `Option<T>`.
pub struct Optional<T>(PhantomData<T>);
/// A field that may be absent or null; then the default of `T` is used. Type in Rust: `T`.
pub struct Defaulted<T>(PhantomData<T>);
/// A boolean field that may be absent or null; then `DEFAULT` is used.
pub struct Flag<const DEFAULT: bool>;
/// A field that must be present and may be null. Type in Rust: `Option<T>`.
pub struct Nullable<T>(PhantomData<T>);
/// A field of a change: absent keeps the stored value, null is refused. Type in Rust: `Option<T>`.
pub struct FieldChange<T>(PhantomData<T>);
/// A nullable field of a change: absent keeps the stored value, null clears it. Type in Rust: `Option<Option<T>>`.
pub struct NullableChange<T>(PhantomData<T>);
/// As [`NullableChange`], for a field that refused null in an earlier release: the canonical JSON of a value is that of
/// [`FieldChange`].
pub struct ClearableChange<T>(PhantomData<T>);
/// A field that was added to a request body after a release: omitted from the canonical JSON if absent, so
/// that the digests of requests without the field stay the same.
pub struct Added<P>(PhantomData<P>);

/// A password, which is left out of the canonical JSON: null takes its place.
pub struct SecretField<P>(PhantomData<P>);
/// A [`SecretField`] that was added to a request body after a release: omitted from the canonical JSON.
pub struct AddedSecretField<P>(PhantomData<P>);

impl<T: BodyFieldType> Presence for Required<T> {
    type Field = T::Value;

    const IS_REQUIRED: bool = true;

    fn schema() -> Schema {
        T::schema()
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.required::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        Some(T::to_json(field))
    }
}

impl<T: BodyFieldType> Presence for Optional<T> {
    type Field = Option<T::Value>;

    fn schema() -> Schema {
        make_nullable(T::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.optional::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        field.as_ref().map(T::to_json)
    }
}

impl<T: BodyFieldType<Value: Default>> Presence for Defaulted<T> {
    type Field = T::Value;

    fn schema() -> Schema {
        make_nullable(T::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.optional::<T>(name).map(Option::unwrap_or_default)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        Some(T::to_json(field))
    }
}

impl<const DEFAULT: bool> Presence for Flag<DEFAULT> {
    type Field = bool;

    fn schema() -> Schema {
        make_nullable(<bool as BodyFieldType>::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<bool> {
        fields.optional::<bool>(name).map(|flag| flag.unwrap_or(DEFAULT))
    }

    fn to_json(field: &bool) -> Option<Value> {
        Some((*field).into())
    }
}

impl<T: BodyFieldType> Presence for Nullable<T> {
    type Field = Option<T::Value>;

    const IS_REQUIRED: bool = true;

    fn schema() -> Schema {
        make_nullable(T::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.nullable::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        field.as_ref().map(T::to_json)
    }
}

impl<T: BodyFieldType> Presence for FieldChange<T> {
    type Field = Option<T::Value>;

    fn schema() -> Schema {
        T::schema()
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.change::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        field.as_ref().map(T::to_json)
    }
}

impl<T: BodyFieldType> Presence for NullableChange<T> {
    type Field = Option<Option<T::Value>>;

    fn schema() -> Schema {
        make_nullable(T::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.nullable_change::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        field.as_ref().map(|value| value.as_ref().map_or(Value::Null, T::to_json))
    }

    /// Canonical JSON of a nullable change: null if the field is absent; otherwise a list that is empty for null, so
    /// that both differ.
    fn canonical(field: &Self::Field) -> Option<Value> {
        Some(field.as_ref().map_or(Value::Null, |value| value.as_ref().map(T::to_json).into_iter().collect()))
    }
}

impl<T: BodyFieldType> Presence for ClearableChange<T> {
    type Field = Option<Option<T::Value>>;

    fn schema() -> Schema {
        make_nullable(T::schema())
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        fields.nullable_change::<T>(name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        NullableChange::<T>::to_json(field)
    }

    /// Null if the field is absent; an empty list for null, so that both differ.
    fn canonical(field: &Self::Field) -> Option<Value> {
        Some(match field {
            None => Value::Null,
            Some(None) => Value::Array(Vec::new()),
            Some(Some(value)) => T::to_json(value),
        })
    }
}

impl<P: Presence> Presence for Added<P> {
    type Field = P::Field;

    const IS_REQUIRED: bool = P::IS_REQUIRED;

    fn schema() -> Schema {
        P::schema()
    }

    fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
        P::read(fields, name)
    }

    fn to_json(field: &Self::Field) -> Option<Value> {
        P::to_json(field)
    }

    fn canonical(field: &Self::Field) -> Option<Value> {
        P::to_json(field)
    }
}

/// Implements [`Presence`] for wrappers of secrets: as the wrapped presence, with another canonical JSON.
macro_rules! secrets {
    ($($wrapper:ident: $canonical:expr;)+) => {$(
        impl<P: Presence> Presence for $wrapper<P> {
            type Field = P::Field;

            const IS_REQUIRED: bool = P::IS_REQUIRED;

            fn schema() -> Schema {
                P::schema()
            }

            fn read(fields: &mut FieldReader<'_>, name: &str) -> Option<Self::Field> {
                P::read(fields, name)
            }

            fn to_json(field: &Self::Field) -> Option<Value> {
                P::to_json(field)
            }

            fn canonical(_: &Self::Field) -> Option<Value> {
                $canonical
            }
        }
    )+};
}

secrets! {
    SecretField: Some(Value::Null);
    AddedSecretField: None;
}

/// Adds a field to the JSON schema of a request body.
pub(super) fn add_property<P: Presence>(object: ObjectBuilder, name: &str, doc_lines: &[&str]) -> ObjectBuilder {
    let object = object.property(name, describe(P::schema(), join_doc_lines(doc_lines)));
    if P::IS_REQUIRED { object.required(name) } else { object }
}

/// Returns the schema of a body in which exactly one of the `alternatives` must be given; without alternatives, the schema
/// of the object.
pub(super) fn with_alternatives(object: Object, alternatives: &[&str]) -> Schema {
    if alternatives.is_empty() {
        return object.into();
    }
    let description = object.description.clone();
    let with_only = |given: &&str| {
        let mut object = object.clone();
        object.description = None;
        for other in alternatives.iter().filter(|other| *other != given) {
            object.properties.remove(*other);
        }
        object.required.push((*given).to_owned());
        object
    };
    let one_of = alternatives.iter().map(with_only).fold(OneOfBuilder::new(), OneOfBuilder::item);
    one_of.description(description).build().into()
}
