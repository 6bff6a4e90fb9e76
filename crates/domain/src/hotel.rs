//! The hotel and its departments.

use crate::{Country, DepartmentId, HotelId, TemplateId};

/// A hotel: the tenant. Nothing of one is ever seen from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hotel {
    /// Its id.
    pub id: HotelId,
    /// Its name, under which the system's messages go out.
    pub name: String,
    /// Its time zone, an IANA name: says which day is today.
    pub timezone: String,
    /// Where a manager's take-over goes: as set, else the department made first.
    pub default_department: Option<DepartmentId>,
    /// The template that opens WhatsApp's window: one of type `whatsapp`.
    pub opener_template: Option<TemplateId>,
    /// The number of the Cloud API, unique over all hotels; none: messages are `sent` at once.
    pub whatsapp_phone_number_id: Option<String>,
    /// Whether the flow answers its guests; else people do from the first word.
    pub flow: bool,
    /// The country whose rules complete telephone numbers without a country code.
    pub country: Option<Country>,
}

/// A department of a hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its id.
    pub id: DepartmentId,
    /// Its name, unique in the hotel.
    pub name: String,
}
