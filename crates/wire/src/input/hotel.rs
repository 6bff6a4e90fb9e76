//! What managers do to the hotel, its departments and staff. What holds a password has no `Debug`.

use domain::{Country, DepartmentId, Name, Role, TemplateId};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Input, given};
use crate::{
    fields::{self, Fields},
    words,
};

/// The most departments of one staff member.
const MOST_DEPARTMENTS: usize = 1000;

/// A change of the hotel; what is missing stays.
#[derive(ToSchema)]
pub struct ChangeHotel {
    /// Its name.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub name: Option<Name>,
    /// Its time zone: an IANA name.
    #[schema(value_type = String, required = false, example = "Europe/Madrid")]
    pub timezone: Option<String>,
    /// Where a manager's take-over goes; null: to the department made first.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub default_department_id: Option<Option<DepartmentId>>,
    /// The template that opens WhatsApp's window, one of type `whatsapp`; null: none.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub opener_template_id: Option<Option<TemplateId>>,
    /// The country whose rules complete telephone numbers without a country code: ISO 3166 alpha-2; null: none.
    #[schema(value_type = Option<String>, example = "ES")]
    pub country: Option<Option<Country>>,
}

/// A new department.
#[derive(ToSchema)]
pub struct NewDepartment {
    /// Its name, unique in the hotel.
    #[schema(value_type = String, min_length = 1)]
    pub name: Name,
}

/// A change of a department; what is missing stays.
#[derive(ToSchema)]
pub struct ChangeDepartment {
    /// Its name, unique in the hotel.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub name: Option<Name>,
}

/// A new staff member.
#[derive(ToSchema)]
pub struct NewStaff {
    /// The name to sign in with, unique over all hotels.
    #[schema(value_type = String, min_length = 1)]
    pub username: Name,
    /// The name that guests and colleagues see.
    #[schema(value_type = String, min_length = 1)]
    pub name: Name,
    /// What they may do.
    #[schema(schema_with = words::role)]
    pub role: Role,
    /// Their departments, the first one first.
    #[schema(value_type = Vec<i64>, required = false)]
    pub department_ids: Vec<DepartmentId>,
    /// Their password: at least 10 characters.
    #[schema(format = Password, min_length = 10)]
    pub password: String,
    /// Whether they may sign in; if not given, they may.
    #[schema(required = false)]
    pub active: bool,
}

/// A change of a staff member; what is missing stays.
#[derive(ToSchema)]
pub struct ChangeStaff {
    /// The name to sign in with, unique over all hotels.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub username: Option<Name>,
    /// The name that guests and colleagues see.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub name: Option<Name>,
    /// What they may do.
    #[schema(schema_with = words::role, required = false)]
    pub role: Option<Role>,
    /// Their departments, the first one first.
    #[schema(value_type = Vec<i64>, required = false)]
    pub department_ids: Option<Vec<DepartmentId>>,
    /// Their password: at least 10 characters.
    #[schema(value_type = String, format = Password, min_length = 10, required = false)]
    pub password: Option<String>,
    /// Whether they may sign in.
    #[schema(value_type = bool, required = false)]
    pub active: Option<bool>,
}

impl Input for ChangeHotel {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.change("name", fields::name);
        let timezone = fields.change("timezone", fields::string);
        let default_department_id = fields.nullable_change("default_department_id", fields::id(DepartmentId));
        let opener_template_id = fields.nullable_change("opener_template_id", fields::id(TemplateId));
        let country = fields.nullable_change("country", fields::country);
        Some(Self {
            name: name?,
            timezone: timezone?,
            default_department_id: default_department_id?,
            opener_template_id: opener_template_id?,
            country: country?,
        })
    }

    fn fingerprint(&self) -> String {
        let mut all = json!({
            "default_department_id": given(self.default_department_id.map(|it| it.map(|it| it.0))),
            "name": self.name.as_ref().map(Name::as_str),
            "opener_template_id": given(self.opener_template_id.map(|it| it.map(|it| it.0))),
            "timezone": self.timezone,
        });
        // Only where it is given: keys from before there were countries stay the same.
        if let Some(country) = self.country {
            all["country"] = json!(country.as_ref().map(Country::as_str));
        }
        all.to_string()
    }
}

impl Input for NewDepartment {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { name: fields.required("name", fields::name)? })
    }

    fn fingerprint(&self) -> String {
        json!({ "name": self.name.as_str() }).to_string()
    }
}

impl Input for ChangeDepartment {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { name: fields.change("name", fields::name)? })
    }

    fn fingerprint(&self) -> String {
        json!({ "name": self.name.as_ref().map(Name::as_str) }).to_string()
    }
}

impl Input for NewStaff {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", fields::name);
        let name = fields.required("name", fields::name);
        let role = fields.required("role", fields::role);
        let department_ids = fields.optional("department_ids", fields::ids(DepartmentId, MOST_DEPARTMENTS));
        let password = fields.required("password", fields::string);
        let active = fields.optional("active", fields::flag);
        Some(Self {
            username: username?,
            name: name?,
            role: role?,
            department_ids: department_ids?.unwrap_or_default(),
            password: password?,
            active: active?.unwrap_or(true),
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "active": self.active,
            "department_ids": numbers(&self.department_ids),
            "name": self.name.as_str(),
            "password": self.password,
            "role": self.role.as_str(),
            "username": self.username.as_str(),
        })
        .to_string()
    }
}

impl Input for ChangeStaff {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.change("username", fields::name);
        let name = fields.change("name", fields::name);
        let role = fields.change("role", fields::role);
        let department_ids = fields.change("department_ids", fields::ids(DepartmentId, MOST_DEPARTMENTS));
        let password = fields.change("password", fields::string);
        let active = fields.change("active", fields::flag);
        Some(Self {
            username: username?,
            name: name?,
            role: role?,
            department_ids: department_ids?,
            password: password?,
            active: active?,
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "active": self.active,
            "department_ids": self.department_ids.as_deref().map(numbers),
            "name": self.name.as_ref().map(Name::as_str),
            "password": self.password,
            "role": self.role.map(Role::as_str),
            "username": self.username.as_ref().map(Name::as_str),
        })
        .to_string()
    }
}

fn numbers(ids: &[DepartmentId]) -> Value {
    ids.iter().map(|it| it.0).collect()
}
