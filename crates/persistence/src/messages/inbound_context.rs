//! The data that processing a guest message needs, loaded in one statement.

use chrono::{DateTime, Utc};
use diesel::{dsl, prelude::*};
use domain::{ConversationId, Department, DepartmentId, GuestId};

use crate::{
    StoreError,
    departments::{DepartmentRow, department},
    guests::{GuestNameColumns, display_name},
    outbox::HELD,
    scheduled_messages::PENDING,
    sql::{
        column_types::Ts,
        schema::{conversations, departments, guests, outbox, scheduled_messages, stays},
    },
    store::connection::{Conn, on_db},
};

/// A conversation and its guest just before a guest message is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundContext {
    /// The name of the guest in the booking, otherwise the guest's own name.
    pub guest_name: String,
    /// The time at which the guest last wrote in this conversation.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// Whether messages to the guest, in any conversation, are held until the guest writes.
    pub has_held_messages: bool,
    /// Whether messages to the guest, in any conversation, are scheduled and not sent yet.
    pub has_scheduled_messages: bool,
    /// The WhatsApp number to which the guest last wrote, and the time of that message.
    pub service_window: Option<(String, DateTime<Utc>)>,
    pub has_other_conversations: bool,
    /// The department that should answer.
    pub department: Option<Department>,
}

/// Loads what processing a guest message needs. `department_id` should answer: that of the conversation, or the default one.
pub fn inbound_context(
    conn: &mut Conn,
    guest: GuestId,
    conversation: ConversationId,
    department_id: Option<DepartmentId>,
) -> Result<InboundContext, StoreError> {
    type Names = (Option<String>, GuestNameColumns);
    type Window = (Option<String>, Option<Ts>);
    type Found = (Names, Option<Ts>, Window, bool, bool, bool, Option<DepartmentRow>);
    let held = outbox::table.filter(outbox::guest_id.eq(guest.0).and(HELD));
    let scheduled = scheduled_messages::table.filter(scheduled_messages::guest_id.eq(guest.0).and(PENDING));
    let other = diesel::alias!(conversations as other);
    let others = other
        .filter(other.field(conversations::guest_id).eq(guest.0))
        .filter(other.field(conversations::id).ne(conversation.0));
    let (
        (of_booking, of_guest),
        last_guest_message_at,
        (number, window_at),
        has_held_messages,
        has_scheduled_messages,
        has_other_conversations,
        of_department,
    ): Found = on_db!(conn, |c| conversations::table
        .inner_join(guests::table.on(guests::id.eq(guest.0)))
        .left_join(stays::table.on(stays::id.nullable().eq(conversations::stay_id)))
        .left_join(departments::table.on(departments::id.nullable().eq(department_id.map(|it| it.0))))
        .filter(conversations::id.eq(conversation.0))
        .select((
            (stays::guest_name.nullable(), (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid)),
            conversations::last_guest_message_at,
            (guests::window_phone_number_id, guests::last_wrote_at),
            dsl::exists(held),
            dsl::exists(scheduled),
            dsl::exists(others),
            Option::<DepartmentRow>::as_select(),
        ))
        .first(c))?;
    Ok(InboundContext {
        guest_name: of_booking.unwrap_or_else(|| display_name(of_guest)),
        last_guest_message_at: last_guest_message_at.map(|it| it.0),
        has_held_messages,
        has_scheduled_messages,
        service_window: number.zip(window_at.map(|it| it.0)),
        has_other_conversations,
        department: of_department.map(department),
    })
}
