//! Conversation views: conversations with everything that a list or a card shows.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{dsl::exists, prelude::*};
use domain::{
    Conversation, ConversationId, ConversationView, Label, MessageId, Person, Reaction, SenderType, StaffId,
    conversation::{LastMessage, UnsentCounts},
};

use crate::{
    StoreError,
    conversations::row::ConversationRow,
    guests::{GuestNameColumns, display_name as guests_name},
    labels,
    reactions::of_messages,
    sql::{
        cached_statement::{FixedText, fixed_text},
        column_types::{Json, Ts},
        id_list::among,
        schema::{conversations, departments, drafts, guests, hotels, messages, read_marks, staff, stays},
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
    waiting_since: Option<Ts>,
    response_due_at: Option<Ts>,
    unsent_failed: i64,
    unsent_unknown: i64,
    unsent_held: i64,
}

/// The columns of a stay: guest name, phone number, whether it is linked, room, first and last day.
type BookingColumns = (String, Option<String>, bool, Option<String>, NaiveDate, NaiveDate);
/// The columns of the newest message: id, text, time, sender type, delivery status, whether it has reactions.
type LastMessageColumns = (i64, String, Ts, String, Option<String>, bool);
/// The columns of a conversation view: conversation, guest names, service window, booking, department name, assignee
/// name, last message, the staff member who wrote it, name and WhatsApp number of the hotel, read position, ids of
/// labels, whether the reader has a draft.
type ViewParts = (
    ConversationViewRow,
    GuestNameColumns,
    (Option<String>, Option<Ts>),
    Option<BookingColumns>,
    Option<String>,
    Option<String>,
    Option<LastMessageColumns>,
    Option<String>,
    (String, Option<String>),
    Option<i64>,
    Option<String>,
    bool,
);

/// The ids of a conversation's labels, separated by commas. Null without labels, so that conversations without labels
/// cost one look-up in an index.
const LABEL_IDS: FixedText = fixed_text(
    "(SELECT string_agg(CAST(l.label_id AS TEXT), ',') FROM conversation_labels l \
      WHERE l.conversation_id = conversations.id)",
);

/// Loads conversation views in the order of `ids`; ids that do not exist are left out. `read_guest_messages` is that of
/// `reader`; without a reader it is 0.
pub fn views(
    conn: &mut Conn,
    reader: Option<StaffId>,
    ids: &[ConversationId],
) -> Result<Vec<ConversationView>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let reader_id = reader.map_or(0, |it| it.0);
    let own_draft =
        drafts::table.filter(drafts::conversation_id.eq(conversations::id).and(drafts::staff_id.eq(reader_id)));
    let author = diesel::alias!(staff as author);
    let rows: Vec<ViewParts> = on_db!(conn, |c| conversations::table
        .inner_join(guests::table)
        .inner_join(hotels::table)
        .left_join(stays::table)
        .left_join(departments::table)
        .left_join(staff::table)
        .left_join(messages::table.on(messages::id.nullable().eq(conversations::last_message_id)))
        .left_join(author.on(author.field(staff::id).nullable().eq(messages::staff_sender)))
        .left_join(
            read_marks::table
                .on(read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq(reader_id)))
        )
        .filter(among(conversations::id, &keys))
        .select((
            ConversationViewRow::as_select(),
            (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
            (guests::window_phone_number_id, guests::last_wrote_at),
            (
                stays::guest_name,
                stays::guest_phone,
                stays::linked,
                stays::room_number,
                stays::check_in,
                stays::check_out,
            )
                .nullable(),
            departments::name.nullable(),
            staff::name.nullable(),
            (
                messages::id,
                messages::content,
                messages::timestamp,
                messages::sender_type,
                messages::delivery,
                messages::has_reactions,
            )
                .nullable(),
            author.field(staff::name).nullable(),
            (hotels::name, hotels::whatsapp_phone_number_id),
            read_marks::guest_ordinal.nullable(),
            LABEL_IDS,
            exists(own_draft),
        ))
        .load(c))?;
    let mut used: Vec<i64> = rows.iter().flat_map(|row| label_ids(row.10.as_deref())).collect();
    used.sort_unstable();
    used.dedup();
    let labels = labels::by_ids(conn, &used)?;
    let last_messages = rows.iter().filter_map(|row| row.6.as_ref());
    let with_reactions: Vec<MessageId> = last_messages.filter(|it| it.5).map(|it| MessageId(it.0)).collect();
    let mut reactions = if with_reactions.is_empty() { HashMap::new() } else { of_messages(conn, &with_reactions)? };
    let mut found: HashMap<i64, ConversationView> = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.0.state.id;
        found.insert(id, view(row, &labels, &mut reactions)?);
    }
    Ok(keys.iter().filter_map(|id| found.remove(id)).collect())
}

fn label_ids(list: Option<&str>) -> impl Iterator<Item = i64> {
    list.into_iter().flat_map(|list| list.split(',')).filter_map(|id| id.parse().ok())
}

fn view(
    (
        row,
        of_guest,
        (wrote_to, wrote_at),
        booking,
        department_name,
        assignee,
        last,
        author,
        hotel,
        mark,
        labels,
        has_draft,
    ): ViewParts,
    known_labels: &HashMap<i64, Label>,
    reactions: &mut HashMap<MessageId, Vec<Reaction>>,
) -> Result<ConversationView, StoreError> {
    let conversation: Conversation = row.state.try_into()?;
    let (hotel_name, whatsapp) = hotel;
    let assignee = conversation.assignee().zip(assignee).map(|(id, name)| Person { id, name });
    let own_phone = of_guest.1.clone();
    let (guest_name, guest_phone, room_number, days) = match booking {
        Some((name, phone, is_linked, room, check_in, check_out)) => {
            // Messages to a linked stay go to the guest who wrote, not to the number of the booking.
            let phone = if is_linked { own_phone.or(phone) } else { phone.or(own_phone) };
            (name, phone, room, Some((check_in, check_out)))
        }
        None => (guests_name(of_guest), own_phone, None, None),
    };
    let mut labels: Vec<Label> = label_ids(labels.as_deref()).filter_map(|id| known_labels.get(&id).cloned()).collect();
    labels.sort_unstable_by_key(|label| label.id);
    let sender_name = |sender_type| match sender_type {
        SenderType::Guest => Ok(guest_name.clone()),
        SenderType::Staff => author.ok_or(StoreError::Corrupt("staff sender")),
        SenderType::System => Ok(hotel_name),
    };
    let last_message = last
        .map(|columns| {
            let reactions = reactions.remove(&MessageId(columns.0)).unwrap_or_default();
            last_message(columns, reactions, sender_name)
        })
        .transpose()?;
    Ok(ConversationView {
        conversation,
        guest_name,
        guest_phone,
        room_number,
        days,
        department_name,
        assignee,
        last_message,
        guest_messages: row.guest_messages,
        read_guest_messages: mark.unwrap_or(0),
        has_draft,
        last_guest_message_at: row.last_guest_message_at.map(|it| it.0),
        window_opened_at: wrote_at.filter(|_| whatsapp.is_some() && wrote_to == whatsapp).map(|it| it.0),
        on_whatsapp: whatsapp.is_some(),
        waiting_since: row.waiting_since.map(|it| it.0),
        response_due_at: row.response_due_at.map(|it| it.0),
        unsent: UnsentCounts { failed: row.unsent_failed, unknown: row.unsent_unknown, held: row.unsent_held },
        labels,
        current_step: row.current_step,
        context_data: row.context_data.0,
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    })
}

fn last_message(
    (id, content, at, sender_type, delivery, _): LastMessageColumns,
    reactions: Vec<Reaction>,
    sender_name: impl FnOnce(SenderType) -> Result<String, StoreError>,
) -> Result<LastMessage, StoreError> {
    let sender_type = sender_type.parse().map_err(|_| StoreError::Corrupt("sender type"))?;
    let delivery = delivery.map(|it| it.parse().map_err(|_| StoreError::Corrupt("delivery"))).transpose()?;
    let sender_name = sender_name(sender_type)?;
    Ok(LastMessage { id: MessageId(id), content, at: at.0, sender_type, sender_name, delivery, reactions })
}
