//! How things stand when a guest is heard.

use chrono::{DateTime, Utc};
use diesel::{dsl, prelude::*};
use domain::{ConversationId, GuestId};

use crate::{
    StoreError,
    conn::{Conn, on_db},
    guests::display_name,
    outbox::HELD,
    schema::{conversations, guests, outbox, stays},
    types::Ts,
};

/// How a conversation stands when its guest is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The name under which they speak: the booking's, else their own.
    pub name: String,
    /// When they last wrote.
    pub before: Option<DateTime<Utc>>,
    /// Whether something waits for them to write, in whatever conversation.
    pub holds: bool,
    /// The number of the hotel to which they last wrote, and when.
    pub window: Option<(String, DateTime<Utc>)>,
    /// Whether they have other conversations.
    pub has_others: bool,
}

/// How a conversation stands when a guest is heard in it.
///
/// # Errors
/// [`StoreError`].
pub fn heard(conn: &mut Conn, guest: GuestId, conversation: ConversationId) -> Result<Heard, StoreError> {
    type Names = (Option<String>, (Option<String>, Option<String>, Option<String>, Option<String>));
    type Window = (Option<String>, Option<Ts>);
    type Found = (Names, Option<Ts>, Window, bool, bool);
    let held = outbox::table.filter(outbox::guest_id.eq(guest.0).and(HELD));
    let other = diesel::alias!(conversations as other);
    let others = other
        .filter(other.field(conversations::guest_id).eq(guest.0))
        .filter(other.field(conversations::id).ne(conversation.0));
    let ((of_booking, of_guest), before, (number, at), holds, has_others): Found =
        on_db!(conn, |c| conversations::table
            .inner_join(guests::table.on(guests::id.eq(guest.0)))
            .left_join(stays::table.on(stays::id.nullable().eq(conversations::stay_id)))
            .filter(conversations::id.eq(conversation.0))
            .select((
                (stays::guest_name.nullable(), (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid)),
                conversations::last_guest_message_at,
                (guests::window_phone_number_id, guests::last_wrote_at),
                dsl::exists(held),
                dsl::exists(others),
            ))
            .first(c))?;
    let window = number.zip(at.map(|it| it.0));
    let name = of_booking.unwrap_or_else(|| display_name(of_guest));
    Ok(Heard { name, before: before.map(|it| it.0), holds, window, has_others })
}
