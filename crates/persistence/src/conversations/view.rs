//! Conversation views: conversations with everything that a list or a card shows.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use domain::{Conversation, ConversationId, ConversationView, Person, StaffId, conversation::LastMessage};

use crate::{
    StoreError,
    conversations::row::ConversationRow,
    guests::{GuestNameColumns, display_name as guests_name},
    sql::{
        column_types::{Json, Ts},
        id_list::among,
        schema::{conversations, departments, guests, hotels, messages, read_marks, staff, stays},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct ConversationViewRow {
    #[diesel(embed)]
    state: ConversationRow,
    current_step: String,
    context_data: Json,
    created_at: Ts,
    updated_at: Ts,
    last_guest_message_at: Option<Ts>,
    guest_messages: i64,
}

type BookingColumns = (String, String, String, NaiveDate, NaiveDate);
/// The columns of a conversation view: conversation, guest names, service window, booking, department name, assignee
/// name, last message, WhatsApp number of the hotel, read position.
type ViewParts = (
    ConversationViewRow,
    GuestNameColumns,
    (Option<String>, Option<Ts>),
    Option<BookingColumns>,
    Option<String>,
    Option<String>,
    Option<(String, Ts, String)>,
    Option<String>,
    Option<i64>,
);

/// Loads conversation views in the order of `ids`; ids that do not exist are left out. Unread messages are counted for
/// `reader`; without a reader the count is 0.
pub fn views(
    conn: &mut Conn,
    reader: Option<StaffId>,
    ids: &[ConversationId],
) -> Result<Vec<ConversationView>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<ViewParts> = on_db!(conn, |c| conversations::table
        .inner_join(guests::table)
        .inner_join(hotels::table)
        .left_join(stays::table)
        .left_join(departments::table)
        .left_join(staff::table)
        .left_join(messages::table.on(messages::id.nullable().eq(conversations::last_message_id)))
        .left_join(read_marks::table.on(
            read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq(reader.map_or(0, |it| it.0)))
        ),)
        .filter(among(conversations::id, &keys))
        .select((
            ConversationViewRow::as_select(),
            (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
            (guests::window_phone_number_id, guests::last_wrote_at),
            (stays::guest_name, stays::guest_phone, stays::room_number, stays::check_in, stays::check_out).nullable(),
            departments::name.nullable(),
            staff::name.nullable(),
            (messages::content, messages::timestamp, messages::sender_type).nullable(),
            hotels::whatsapp_phone_number_id,
            read_marks::guest_ordinal.nullable(),
        ))
        .load(c))?;
    let mut found: HashMap<i64, ConversationView> = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.0.state.id;
        found.insert(id, view(row, reader.is_some())?);
    }
    Ok(keys.iter().filter_map(|id| found.remove(id)).collect())
}

fn view(
    (row, of_guest, (wrote_to, wrote_at), booking, department_name, assignee, last, whatsapp, mark): ViewParts,
    has_reader: bool,
) -> Result<ConversationView, StoreError> {
    let conversation: Conversation = row.state.try_into()?;
    let last_message = last
        .map(|(content, at, sender_type)| {
            let sender_type = sender_type.parse().map_err(|_| StoreError::Corrupt("sender type"))?;
            Ok::<_, StoreError>(LastMessage { content, at: at.0, sender_type })
        })
        .transpose()?;
    let assignee = conversation.assignee.zip(assignee).map(|(id, name)| Person { id, name });
    let own_phone = of_guest.1.clone();
    let (guest_name, guest_phone, room_number, days) = match booking {
        Some((name, phone, room, check_in, check_out)) => (name, Some(phone), Some(room), Some((check_in, check_out))),
        None => (guests_name(of_guest), own_phone, None, None),
    };
    Ok(ConversationView {
        conversation,
        guest_name,
        guest_phone,
        room_number,
        days,
        department_name,
        assignee,
        last_message,
        unread: if has_reader { row.guest_messages - mark.unwrap_or(0) } else { 0 },
        last_guest_message_at: row.last_guest_message_at.map(|it| it.0),
        window_opened_at: wrote_at.filter(|_| whatsapp.is_some() && wrote_to == whatsapp).map(|it| it.0),
        on_whatsapp: whatsapp.is_some(),
        current_step: row.current_step,
        context_data: row.context_data.0,
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    })
}
