//! Responses about staff, sign-in, hotel and departments.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::Role;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    enum_schemas,
    hours::{HoursByDay, hours_by_day, shown_opening_hours, shown_quiet_hours},
};

/// Id and name of a staff member, department or hotel.
#[derive(Serialize, ToSchema)]
#[schema(as = Named)]
pub struct IdAndName {
    /// Id of the staff member, department or hotel.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Display name of the staff member, department or hotel.
    pub name: String,
}

/// A department of the hotel.
#[derive(Serialize, ToSchema)]
#[schema(as = Department)]
pub struct DepartmentResponse {
    /// Id of the department.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Display name of the department, unique in the hotel.
    pub name: String,
    /// Whether conversations can be routed to the department.
    pub active: bool,
    /// Whether its members create, change and import stays, check guests in and out, and edit guests.
    pub handles_stays: bool,
    /// Minutes within which the department answers guests, counted in its opening hours; null for no target.
    #[schema(required, minimum = 1, maximum = 1440, example = 15)]
    pub first_response_minutes: Option<i64>,
    /// Opening hours by day, in the hotel's time zone; null: always open.
    #[schema(schema_with = shown_opening_hours, required)]
    pub opening_hours: Option<HoursByDay>,
}

/// Settings of the hotel.
#[derive(Serialize, ToSchema)]
#[schema(as = Hotel)]
pub struct HotelResponse {
    /// Id of the hotel.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Display name of the hotel.
    pub name: String,
    /// IANA name of the hotel's time zone.
    pub timezone: String,
    /// Id of the default department, for guests who choose none and for managers who reply without being in a
    /// department.
    #[schema(required, minimum = 1)]
    pub default_department_id: Option<i64>,
    /// Id of the template that asks a guest to write, which opens the 24-hour window; null for none.
    #[schema(required, minimum = 1)]
    pub opener_template_id: Option<i64>,
    /// Phone number id of the hotel in WhatsApp's Cloud API; null without WhatsApp.
    #[schema(required)]
    pub whatsapp_phone_number_id: Option<String>,
    /// Country whose numbering rules complete phone numbers without a country code: ISO 3166 alpha-2.
    #[schema(required, example = "ES")]
    pub country: Option<String>,
    /// Texts for placeholders of templates by name.
    pub variables: BTreeMap<String, String>,
    /// Begin and end of the hours in which guests should not be disturbed; null for none.
    #[schema(schema_with = shown_quiet_hours, required)]
    pub quiet_hours: Option<(String, String)>,
}

/// A staff member.
#[derive(Serialize, ToSchema)]
#[schema(as = Staff)]
pub struct StaffResponse {
    /// Id of the staff member.
    #[schema(minimum = 1)]
    pub id: i64,
    /// User name for the sign-in, unique over all hotels.
    pub username: String,
    /// Display name of the staff member, for guests and colleagues.
    pub name: String,
    /// Role, which decides the permissions of the staff member.
    #[schema(schema_with = enum_schemas::names_of::<Role>)]
    pub role: &'static str,
    /// Ids of the staff member's departments. Conversations that the staff member takes over are routed to the first
    /// one.
    pub department_ids: Vec<i64>,
    /// Whether the staff member may sign in.
    pub active: bool,
}

/// The signed-in staff member.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeResponse {
    /// Id of the signed-in staff member.
    #[schema(minimum = 1)]
    pub id: i64,
    /// User name for the sign-in, unique over all hotels.
    pub username: String,
    /// Display name of the staff member, for guests and colleagues.
    pub name: String,
    /// Role, which decides the permissions of the staff member.
    #[schema(schema_with = enum_schemas::names_of::<Role>)]
    pub role: &'static str,
    /// The staff member's hotel.
    pub hotel: IdAndName,
    /// Active departments of the staff member. Conversations that the staff member takes over are routed to the first one.
    pub departments: Vec<IdAndName>,
}

/// Access token and refresh token of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub struct SignInResponse {
    /// The access token, a JWT.
    pub access: String,
    /// The refresh token, with which new tokens are requested.
    pub refresh: String,
    /// Authorization scheme of the access token.
    #[schema(schema_with = enum_schemas::bearer)]
    pub token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(minimum = 1)]
    pub expires_in: i64,
    /// The signed-in staff member.
    pub staff: MeResponse,
    /// Whether the staff member must choose another password: until then, every call outside `/api/auth/` is refused with
    /// `password_change_required`.
    pub must_change_password: bool,
}

impl From<&domain::Department> for DepartmentResponse {
    fn from(department: &domain::Department) -> Self {
        Self {
            id: department.id.0,
            name: department.name.clone(),
            active: department.active,
            handles_stays: department.handles_stays,
            first_response_minutes: department.first_response.map(|target| target.minutes()),
            opening_hours: department.opening_hours.as_ref().map(hours_by_day),
        }
    }
}

impl From<&domain::Department> for IdAndName {
    fn from(department: &domain::Department) -> Self {
        Self { id: department.id.0, name: department.name.clone() }
    }
}

impl From<&domain::Person> for IdAndName {
    fn from(person: &domain::Person) -> Self {
        Self { id: person.id.0, name: person.name.clone() }
    }
}

impl From<&domain::Hotel> for HotelResponse {
    fn from(hotel: &domain::Hotel) -> Self {
        Self {
            id: hotel.id.0,
            name: hotel.name.clone(),
            timezone: hotel.timezone.clone(),
            default_department_id: hotel.default_department.map(|id| id.0),
            opener_template_id: hotel.opener_template.map(|id| id.0),
            whatsapp_phone_number_id: hotel.whatsapp_phone_number_id.clone(),
            country: hotel.country.map(|country| country.to_string()),
            variables: hotel.variables.as_map().clone(),
            quiet_hours: hotel.quiet_hours.map(|hours| hours.as_texts()),
        }
    }
}

impl From<&domain::Staff> for StaffResponse {
    fn from(staff: &domain::Staff) -> Self {
        Self {
            id: staff.id.0,
            username: staff.username.clone(),
            name: staff.name.clone(),
            role: staff.role.as_str(),
            department_ids: staff.departments.iter().map(|id| id.0).collect(),
            active: staff.active,
        }
    }
}

impl MeResponse {
    /// Combines a staff member with the hotel and the staff member's departments, the first department first.
    pub fn new(staff: &domain::Staff, hotel: &domain::Hotel, departments: &[domain::Department]) -> Self {
        Self {
            id: staff.id.0,
            username: staff.username.clone(),
            name: staff.name.clone(),
            role: staff.role.as_str(),
            hotel: IdAndName { id: hotel.id.0, name: hotel.name.clone() },
            departments: departments.iter().map(IdAndName::from).collect(),
        }
    }
}

impl SignInResponse {
    /// Combines the tokens of a session; `lifetime` is that of the access token.
    pub fn new(
        access: &str,
        refresh: &str,
        lifetime: TimeDelta,
        staff: MeResponse,
        must_change_password: bool,
    ) -> Self {
        Self {
            access: access.to_owned(),
            refresh: refresh.to_owned(),
            token_type: "Bearer",
            expires_in: lifetime.num_seconds(),
            staff,
            must_change_password,
        }
    }
}
