//! Responses about a demo.

use domain::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::DepartmentResponse;
use crate::enum_schemas;

/// The sign-ins of a demo, and whether played guests write.
#[derive(Serialize, ToSchema)]
#[schema(as = Demo)]
pub struct DemoResponse {
    /// Active staff of the demo hotel, the first created first; at most 100. Their password was printed by the server
    /// when it created the demo.
    pub sign_ins: Vec<DemoSignInResponse>,
    /// Whether played guests write now and then.
    pub playing: bool,
}

/// A staff member of the demo hotel.
#[derive(Serialize, ToSchema)]
#[schema(as = DemoSignIn)]
pub struct DemoSignInResponse {
    /// User name for the sign-in.
    pub username: String,
    /// Display name of the staff member.
    pub name: String,
    /// Role, which decides the permissions of the staff member.
    #[schema(schema_with = enum_schemas::names_of::<Role>)]
    pub role: &'static str,
    /// Departments of the staff member.
    pub departments: Vec<DepartmentResponse>,
}

impl DemoSignInResponse {
    /// A sign-in with these values.
    pub fn new(username: &str, name: &str, role: Role, departments: &[domain::Department]) -> Self {
        Self {
            username: username.to_owned(),
            name: name.to_owned(),
            role: role.as_str(),
            departments: departments.iter().map(DepartmentResponse::from).collect(),
        }
    }
}
