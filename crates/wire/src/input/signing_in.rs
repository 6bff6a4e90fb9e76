//! Signing in and passwords. Nothing here has a `Debug`: it would show secrets.

use serde_json::json;
use utoipa::ToSchema;

use super::Input;
use crate::fields::{Fields, string};

/// Signing in.
#[derive(ToSchema)]
pub struct Login {
    /// The user name, taken as it is.
    pub username: String,
    /// The password, taken as it is.
    #[schema(format = Password)]
    pub password: String,
}

/// Getting new tokens.
#[derive(ToSchema)]
pub struct Refresh {
    /// The refresh token.
    pub refresh: String,
}

/// Changing one's password.
#[derive(ToSchema)]
pub struct PasswordChange {
    /// The password so far.
    #[schema(format = Password)]
    pub current_password: String,
    /// The password from now on: at least 10 characters.
    #[schema(format = Password, min_length = 10)]
    pub new_password: String,
}

impl Input for Login {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", string);
        let password = fields.required("password", string);
        Some(Self { username: username?, password: password? })
    }

    fn fingerprint(&self) -> String {
        json!({ "password": self.password, "username": self.username }).to_string()
    }
}

impl Input for Refresh {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { refresh: fields.required("refresh", string)? })
    }

    fn fingerprint(&self) -> String {
        json!({ "refresh": self.refresh }).to_string()
    }
}

impl Input for PasswordChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let current_password = fields.required("current_password", string);
        let new_password = fields.required("new_password", string);
        Some(Self { current_password: current_password?, new_password: new_password? })
    }

    fn fingerprint(&self) -> String {
        json!({ "current_password": self.current_password, "new_password": self.new_password }).to_string()
    }
}
