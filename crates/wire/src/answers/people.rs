//! Staff, hotels, departments.

use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use crate::words;

/// Something that has a name.
#[derive(Serialize, ToSchema)]
pub struct Named {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A department.
#[derive(Serialize, ToSchema)]
pub struct Department {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name, unique in the hotel.
    pub name: String,
}

/// A hotel.
#[derive(Serialize, ToSchema)]
pub struct Hotel {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its time zone: an IANA name.
    pub timezone: String,
    /// Where a manager's take-over goes.
    #[schema(required, minimum = 1)]
    pub default_department_id: Option<i64>,
    /// The template that opens WhatsApp's window.
    #[schema(required, minimum = 1)]
    pub opener_template_id: Option<i64>,
    /// Its number at WhatsApp's Cloud API.
    #[schema(required)]
    pub whatsapp_phone_number_id: Option<String>,
    /// The country whose rules complete telephone numbers without a country code: ISO 3166 alpha-2.
    #[schema(required, example = "ES")]
    pub country: Option<String>,
}

/// A staff member.
#[derive(Serialize, ToSchema)]
pub struct Staff {
    /// Their id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The name they sign in with.
    pub username: String,
    /// The name that guests and colleagues see.
    pub name: String,
    /// What they may do.
    #[schema(schema_with = words::role)]
    pub role: &'static str,
    /// Their departments, the first one first.
    pub department_ids: Vec<i64>,
    /// Whether they may sign in.
    pub active: bool,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// Their id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The name they sign in with.
    pub username: String,
    /// The name that guests and colleagues see.
    pub name: String,
    /// What they may do.
    #[schema(schema_with = words::role)]
    pub role: &'static str,
    /// Their hotel.
    pub hotel: Named,
    /// Their departments, the first one first.
    pub departments: Vec<Department>,
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// The access token: a JWT.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// How to send the access token.
    #[schema(schema_with = words::bearer)]
    pub token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(minimum = 1)]
    pub expires_in: i64,
    /// Who is signed in.
    pub staff: Me,
}

impl From<&domain::Department> for Department {
    fn from(it: &domain::Department) -> Self {
        Self { id: it.id.0, name: it.name.clone() }
    }
}

impl From<&domain::Person> for Named {
    fn from(it: &domain::Person) -> Self {
        Self { id: it.id.0, name: it.name.clone() }
    }
}

impl From<&domain::Hotel> for Hotel {
    fn from(it: &domain::Hotel) -> Self {
        Self {
            id: it.id.0,
            name: it.name.clone(),
            timezone: it.timezone.clone(),
            default_department_id: it.default_department.map(|it| it.0),
            opener_template_id: it.opener_template.map(|it| it.0),
            whatsapp_phone_number_id: it.whatsapp_phone_number_id.clone(),
            country: it.country.map(|it| it.to_string()),
        }
    }
}

impl From<&domain::Staff> for Staff {
    fn from(it: &domain::Staff) -> Self {
        Self {
            id: it.id.0,
            username: it.username.clone(),
            name: it.name.clone(),
            role: it.role.as_str(),
            department_ids: it.departments.iter().map(|it| it.0).collect(),
            active: it.active,
        }
    }
}

impl Me {
    /// Tells who is signed in. `departments` are those of the staff member, the first one first.
    pub fn new(staff: &domain::Staff, hotel: &domain::Hotel, departments: &[domain::Department]) -> Self {
        Self {
            id: staff.id.0,
            username: staff.username.clone(),
            name: staff.name.clone(),
            role: staff.role.as_str(),
            hotel: Named { id: hotel.id.0, name: hotel.name.clone() },
            departments: departments.iter().map(Department::from).collect(),
        }
    }
}

impl SignedIn {
    /// Tells tokens; `lifetime` is the access token's.
    pub fn new(access: &str, refresh: &str, lifetime: TimeDelta, staff: Me) -> Self {
        Self {
            access: access.to_owned(),
            refresh: refresh.to_owned(),
            token_type: "Bearer",
            expires_in: lifetime.num_seconds(),
            staff,
        }
    }
}
