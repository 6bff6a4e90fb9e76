//! What a reply of staff is decided by: the session, the conversation with its hotel and 24-hour window, and whether the
//! reply is stored already. One statement, because round trips cost more than the rows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ClientRef, Conversation, ConversationRef, Hotel, MessageId};

use crate::{
    StoreError,
    conversations::ConversationRow,
    hotels::{HotelRow, hotel},
    sessions::{LiveSession, SessionCheck, SessionRow, collect_session, live_in},
    sql::{
        column_types::Ts,
        schema::{
            conversations, departments, guests, hotels, message_templates, messages, sessions, staff, staff_departments,
        },
    },
    staff::StaffRow,
    store::connection::{Conn, on_db},
};

/// The visibility is not checked yet.
#[derive(Debug)]
pub struct ReplyLookup {
    pub session: LiveSession,
    /// `None` if there is no such conversation.
    pub conversation: Option<LookedUpConversation>,
}

#[derive(Debug)]
pub struct LookedUpConversation {
    pub conversation: Conversation,
    pub hotel: Hotel,
    /// The time at which the guest last wrote to the hotel's current WhatsApp number, in any conversation.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// The message that the staff member has sent in this conversation with the same client reference, and the digest of
    /// its request.
    pub sent: Option<(MessageId, String)>,
}

/// One row per department of the staff member: session, staff member, department, conversation, hotel, its first active
/// department and opener template, WhatsApp number and time of the guest's last message, message with the same client
/// reference.
type LookupRow = (
    SessionRow,
    StaffRow,
    Option<i64>,
    Option<ConversationRow>,
    Option<HotelRow>,
    (Option<i64>, Option<i64>),
    (Option<String>, Option<Ts>),
    Option<(i64, Option<String>)>,
);

/// Loads what a reply in a conversation is decided by. Returns `None` if the session is over.
pub fn load(
    conn: &mut Conn,
    query: SessionCheck,
    reference: ConversationRef,
    client_ref: Option<&ClientRef>,
) -> Result<Option<ReplyLookup>, StoreError> {
    macro_rules! lookup {
        ($conversation:expr) => {{
            let sent = messages::conversation_id
                .nullable()
                .eq(conversations::id.nullable())
                .and(messages::staff_sender.eq(staff::id.nullable()))
                .and(messages::client_ref.eq(client_ref.map(ClientRef::as_str)));
            let joined = sessions::table
                .inner_join(staff::table)
                .left_join(staff_departments::table.on(staff_departments::staff_id.eq(staff::id)))
                .left_join(conversations::table.on($conversation))
                .left_join(hotels::table.on(hotels::id.nullable().eq(conversations::hotel_id.nullable())))
                .left_join(guests::table.on(guests::id.nullable().eq(conversations::guest_id.nullable())))
                .left_join(messages::table.on(sent));
            live_in!(joined, query.lifetimes, query.now)
                .filter(sessions::id.eq(query.id.to_string()))
                .order(staff_departments::position)
                .select((
                    SessionRow::as_select(),
                    StaffRow::as_select(),
                    staff_departments::department_id.nullable(),
                    Option::<ConversationRow>::as_select(),
                    Option::<HotelRow>::as_select(),
                    (
                        departments::table
                            .filter(departments::hotel_id.nullable().eq(hotels::id.nullable()).and(departments::active))
                            .order(departments::id)
                            .select(departments::id)
                            .limit(1)
                            .single_value(),
                        message_templates::table
                            .filter(message_templates::hotel_id.nullable().eq(hotels::id.nullable()))
                            .filter(message_templates::is_opener)
                            .select(message_templates::id)
                            .limit(1)
                            .single_value(),
                    ),
                    (guests::window_phone_number_id.nullable(), guests::last_wrote_at.nullable()),
                    (messages::id, messages::request_digest).nullable(),
                ))
        }};
    }
    let rows: Vec<LookupRow> = on_db!(conn, |c| match reference {
        ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => {
            lookup!(conversations::id.eq(id.0)).load(c)
        }
        ConversationRef::Stay(id) => lookup!(conversations::stay_id.eq(id.0)).load(c),
    })?;
    let (mut callers, mut found) = (Vec::with_capacity(rows.len()), None);
    for (session, member, department, conversation, of_hotel, defaults, window, sent) in rows {
        callers.push((session, member, department));
        found = conversation.zip(of_hotel).map(|it| (it, defaults, window, sent));
    }
    let Some(session) = collect_session(callers, query.lifetimes)? else { return Ok(None) };
    let Some(((row, hotel_row), (first_department, opener), (number, wrote_at), sent)) = found else {
        return Ok(Some(ReplyLookup { session, conversation: None }));
    };
    let hotel = hotel((hotel_row, first_department, opener));
    let is_of_number = number.is_some() && number == hotel.whatsapp_phone_number_id;
    let sent = match sent {
        None => None,
        Some((id, digest)) => Some((MessageId(id), digest.ok_or(StoreError::Corrupt("request digest"))?)),
    };
    let conversation = LookedUpConversation {
        conversation: row.try_into()?,
        hotel,
        last_guest_message_at: wrote_at.filter(|_| is_of_number).map(|it| it.0),
        sent,
    };
    Ok(Some(ReplyLookup { session, conversation: Some(conversation) }))
}
