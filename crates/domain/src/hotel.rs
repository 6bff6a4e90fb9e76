//! Hotels and their departments.

use crate::{
    ids::{DepartmentId, HotelId, TemplateId},
    phone::Country,
};

/// A hotel: the tenant. Data of one hotel is never visible in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hotel {
    /// Id of the hotel.
    pub id: HotelId,
    /// Display name of the hotel, also the sender name of automatic messages.
    pub name: String,
    /// IANA name of the hotel's time zone, which decides the current day.
    pub timezone: String,
    /// Default department, for guests who choose none and for managers who reply without being in a department: as
    /// configured, or else the oldest department.
    pub default_department: Option<DepartmentId>,
    /// Opener template: a template of type `whatsapp` that asks a guest to write, which opens the 24-hour window.
    pub opener_template: Option<TemplateId>,
    /// Phone number id of the hotel in WhatsApp's Cloud API, unique over all hotels. If `None`, messages to guests
    /// count as `sent` at once.
    pub whatsapp_phone_number_id: Option<String>,
    /// Whether the guest flow replies to guests. If not, a guest's first message goes to staff.
    pub flow: bool,
    /// Country whose numbering rules complete phone numbers without a country code.
    pub country: Option<Country>,
}

/// A group of staff to which conversations are routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Id of the department, unique over all hotels.
    pub id: DepartmentId,
    /// Display name of the department, unique in the hotel.
    pub name: String,
    /// Whether conversations can be routed to the department. An inactive one is kept for closed conversations.
    pub active: bool,
    /// Whether the members of the department handle stays: create, change and import them, check guests in and out.
    pub handles_stays: bool,
}
