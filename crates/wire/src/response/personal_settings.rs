//! Response with personal settings.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, schema::AdditionalProperties},
};

/// Schema of the caller's settings. The response is the stored JSON text itself, so this type is never serialized.
pub struct PersonalSettingsSchema;

impl PartialSchema for PersonalSettingsSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .description(Some(
                "The caller's settings, at most 8 KiB of JSON. Only clients know the meaning of the keys.",
            ))
            .into()
    }
}

impl ToSchema for PersonalSettingsSchema {
    fn name() -> Cow<'static, str> {
        "PersonalSettings".into()
    }
}
