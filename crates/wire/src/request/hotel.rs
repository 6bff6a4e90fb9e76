//! Request bodies of a manager's calls on the hotel, departments and staff. They have no `Debug`, which would print
//! passwords.

use domain::{
    DepartmentId, Role, TemplateId, Username,
    hotel::{HotelVariables, ResponseTarget},
    opening_hours::{OpeningHours, QuietHours},
    phone::Country,
};

use super::{
    body_types::{NewName, NewPassword, PasswordText, TimeZoneName},
    json_body::json_body,
    presence::{
        Added, AddedSecretField, Defaulted, FieldChange, Flag, NullableChange, Optional, Required, SecretField,
    },
};
use crate::field_reader::IdList;

/// Ids of the departments of a staff member; at most 1,000, which bounds the work of a request.
type DepartmentIds = IdList<DepartmentId, 1000>;

json_body! {
    /// A change of the hotel's settings. Absent fields keep their value.
    pub struct ChangeHotelBody {
        /// Display name of the hotel.
        name: FieldChange<NewName>,
        /// IANA name of the hotel's time zone.
        timezone: FieldChange<TimeZoneName>,
        /// Id of the default department, for guests who choose none and for managers who reply without being in a
        /// department; null for the oldest department.
        default_department_id: NullableChange<DepartmentId>,
        /// Id of the template of type `whatsapp` that asks a guest to write, which opens the 24-hour window; null for
        /// none.
        opener_template_id: NullableChange<TemplateId>,
        /// Country whose numbering rules complete phone numbers without a country code, ISO 3166 alpha-2; null for
        /// none.
        country: Added<NullableChange<Country>>,
        /// Texts for placeholders of templates by name, such as `{"wifi":"sea & sun"}`; replaces all; null for none. At
        /// most 50, each of 1 to 1,024 characters; a name consists of letters from a to z, digits and `_`.
        variables: Added<NullableChange<HotelVariables>>,
        /// Begin and end of the hours in which guests should not be disturbed, such as `["22:00","08:00"]`, in the
        /// hotel's time zone; null for none. They refuse nothing: clients offer to send later.
        quiet_hours: Added<NullableChange<QuietHours>>,
    }

    /// A new department.
    pub struct NewDepartmentBody {
        /// Name of the department, unique in the hotel.
        name: Required<NewName>,
        /// Whether conversations can be routed to the department. Default: true.
        active: Added<Optional<bool>>,
        /// Whether its members create, change and import stays, check guests in and out, and edit guests. Default:
        /// false.
        handles_stays: Added<Optional<bool>>,
        /// Minutes within which the department answers guests, counted in its opening hours: 1 to 1,440; null for no
        /// target.
        first_response_minutes: Added<Optional<ResponseTarget>>,
        /// Opening hours by day, in the hotel's time zone, such as `{"mon":[["08:00","12:00"],["14:00","22:00"]]}`; null:
        /// always open. At most 8 spans a day; a span whose end is not later than its begin ends on the next day, and a
        /// day without spans is closed.
        opening_hours: Added<Optional<OpeningHours>>,
    }

    /// A change of a department. Absent fields keep their value.
    pub struct ChangeDepartmentBody {
        /// Name of the department, unique in the hotel.
        name: FieldChange<NewName>,
        /// Whether conversations can be routed to the department. False is refused with `department_in_use` for the
        /// default department, and while open conversations are routed to it, unless `move_to` transfers them.
        active: Added<FieldChange<bool>>,
        /// Whether its members create, change and import stays, check guests in and out, and edit guests.
        handles_stays: Added<FieldChange<bool>>,
        /// Minutes within which the department answers guests, counted in its opening hours: 1 to 1,440; null for no
        /// target.
        first_response_minutes: Added<NullableChange<ResponseTarget>>,
        /// Opening hours by day, in the hotel's time zone, such as `{"mon":[["08:00","12:00"],["14:00","22:00"]]}`; null:
        /// always open. At most 8 spans a day; a span whose end is not later than its begin ends on the next day, and a
        /// day without spans is closed.
        opening_hours: Added<NullableChange<OpeningHours>>,
        /// Only with `active` false: id of the active department to which open conversations are transferred.
        move_to: Added<Optional<DepartmentId>>,
    }

    /// A new staff member.
    pub struct NewStaffBody {
        /// User name for the sign-in, unique over all hotels without regard to case: 1 to 64 letters, digits, `.`, `_`
        /// and `-`.
        username: Required<Username>,
        /// Display name of the staff member, for guests and colleagues.
        name: Required<NewName>,
        /// Role, which decides the permissions of the staff member.
        role: Required<Role>,
        /// Ids of the staff member's departments. Conversations that the staff member takes over are routed to the
        /// first one.
        department_ids: Defaulted<DepartmentIds>,
        /// The password of the staff member: 12 to 128 characters, not common, and not guessable from user name, name or
        /// hotel name. It must be changed at the first sign-in.
        password: SecretField<Required<NewPassword>>,
        /// Whether the staff member may sign in. Default: true.
        active: Flag<true>,
    }

    /// A change of a staff member. Absent fields keep their value.
    pub struct ChangeStaffBody {
        /// User name for the sign-in, unique over all hotels without regard to case: 1 to 64 letters, digits, `.`, `_`
        /// and `-`.
        username: FieldChange<Username>,
        /// Display name of the staff member, for guests and colleagues.
        name: FieldChange<NewName>,
        /// Role, which decides the permissions of the staff member.
        role: FieldChange<Role>,
        /// Ids of the staff member's departments. Conversations that the staff member takes over are routed to the
        /// first one.
        department_ids: FieldChange<DepartmentIds>,
        /// The new password of the staff member: 12 to 128 characters, not common, and not guessable from user name, name
        /// or hotel name. A colleague must change it at the next sign-in.
        password: SecretField<FieldChange<NewPassword>>,
        /// The present password of the caller, required with the caller's own new `password`.
        current_password: AddedSecretField<Optional<PasswordText>>,
        /// Whether the staff member may sign in.
        active: FieldChange<bool>,
    }
}
