//! JSON schemas of the OpenAPI document, collected while its operations are described.

use std::collections::BTreeMap;

use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema},
};

pub type SchemaRef = RefOr<Schema>;

/// A function that adds the JSON schema of one type to the collection and returns it.
pub type SchemaSource = fn(&mut Schemas) -> SchemaRef;

/// The JSON schemas that the OpenAPI document refers to, by name.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, SchemaRef>);

impl Schemas {
    /// Adds the schemas of a type and of all types that it refers to, and returns a reference (`$ref`) to the type.
    pub fn reference<T: ToSchema>(&mut self) -> SchemaRef {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.0.extend(inner);
        self.0.insert(T::name().into_owned(), T::schema());
        RefOr::Ref(Ref::from_schema_name(T::name()))
    }

    pub fn into_map(self) -> BTreeMap<String, SchemaRef> {
        self.0
    }
}
