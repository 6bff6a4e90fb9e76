//! The product's statements for pages, copied from the database's log, and their rows. Only the statement that reads the session is
//! missing, because there is no sign-in.

use chrono::NaiveDate;
use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Date, Nullable, Text},
};

use super::sql::{Document, JsonText, Moment, SqlTime};

type NullableText = Nullable<Text>;

/// For every page: the cursor.
pub const CURSOR: &str = "SELECT (SELECT epochs.epoch FROM epochs ORDER BY epochs.id DESC LIMIT ?), hotel_counters.seq \
     FROM hotel_counters WHERE (hotel_counters.hotel_id = ?) LIMIT ?";

/// For the list: the number of conversations.
pub const COUNT: &str = "SELECT COUNT(*) FROM (conversations LEFT OUTER JOIN read_marks ON ((read_marks.conversation_id = \
     conversations.id) AND (read_marks.staff_id = ?))) WHERE (((conversations.hotel_id = ?) AND \
     (conversations.status = ?)) AND (conversations.department_id = ?)) LIMIT ?";

/// For the list: the ids of a page.
pub const PAGE: &str = "SELECT conversations.id FROM (conversations LEFT OUTER JOIN read_marks ON \
     ((read_marks.conversation_id = conversations.id) AND (read_marks.staff_id = ?))) WHERE \
     (((conversations.hotel_id = ?) AND (conversations.status = ?)) AND (conversations.department_id = ?)) \
     ORDER BY conversations.updated_at DESC, conversations.id DESC LIMIT ? OFFSET ?";

/// For list and details: the conversations.
pub const VIEWS: &str = "SELECT conversations.id, conversations.hotel_id, conversations.guest_id, conversations.stay_id, \
     conversations.status, conversations.department_id, conversations.assigned_to, \
     conversations.current_step, conversations.context_data, conversations.created_at, \
     conversations.updated_at, conversations.last_guest_message_at, conversations.guest_messages, \
     guests.profile_name, guests.phone, guests.wa_id, guests.bsuid, stays.guest_name, stays.guest_phone, \
     stays.room_number, stays.check_in, stays.check_out, departments.name, staff.name, messages.content, \
     messages.timestamp, messages.sender_type, hotels.whatsapp_phone_number_id, read_marks.guest_ordinal FROM (((((((conversations \
     INNER JOIN guests ON (conversations.guest_id = guests.id)) INNER JOIN hotels ON \
     (conversations.hotel_id = hotels.id)) LEFT OUTER JOIN stays ON (conversations.stay_id = stays.id)) \
     LEFT OUTER JOIN departments ON (conversations.department_id = departments.id)) LEFT OUTER JOIN staff \
     ON (conversations.assigned_to = staff.id)) LEFT OUTER JOIN messages ON (messages.id = \
     conversations.last_message_id)) LEFT OUTER JOIN read_marks ON ((read_marks.conversation_id = \
     conversations.id) AND (read_marks.staff_id = ?))) WHERE (conversations.id ?)";

/// For messages: the read by which visibility is checked.
pub const CONVERSATION: &str = "SELECT conversations.id, conversations.hotel_id, conversations.guest_id, conversations.stay_id, \
     conversations.status, conversations.department_id, conversations.assigned_to FROM conversations \
     WHERE (conversations.id = ?) LIMIT ?";

/// For messages: the newest ones.
pub const MESSAGES: &str = "SELECT messages.id, messages.conversation_id, messages.content, messages.sender_type, \
     messages.staff_sender, messages.timestamp, messages.delivery, messages.failure, messages.internal, \
     messages.client_ref, messages.has_attachments, staff.name, stays.guest_name, guests.profile_name, guests.phone, guests.wa_id, \
     guests.bsuid, hotels.name FROM (((((messages INNER JOIN conversations ON (conversations.id = \
     messages.conversation_id)) INNER JOIN hotels ON (hotels.id = conversations.hotel_id)) INNER JOIN \
     guests ON (guests.id = conversations.guest_id)) LEFT OUTER JOIN stays ON (stays.id = \
     conversations.stay_id)) LEFT OUTER JOIN staff ON (staff.id = messages.staff_sender)) WHERE \
     ((messages.conversation_id = ?) AND (messages.internal = ?)) ORDER BY messages.id DESC LIMIT ?";

/// For messages: are there older ones?
pub const BEFORE: &str = "SELECT EXISTS (SELECT messages.id, messages.conversation_id, messages.content, messages.sender_type, \
     messages.staff_sender, messages.timestamp, messages.whatsapp_message_id, messages.delivery, \
     messages.failure, messages.internal, messages.guest_ordinal, messages.client_ref, \
     messages.request_digest, messages.has_attachments FROM messages WHERE (((messages.conversation_id = ?) AND ((messages.internal \
     = ?) OR (messages.internal = ?))) AND (messages.id < ?)))";

/// For messages: are there newer ones?
pub const AFTER: &str = "SELECT EXISTS (SELECT messages.id, messages.conversation_id, messages.content, messages.sender_type, \
     messages.staff_sender, messages.timestamp, messages.whatsapp_message_id, messages.delivery, \
     messages.failure, messages.internal, messages.guest_ordinal, messages.client_ref, \
     messages.request_digest, messages.has_attachments FROM messages WHERE (((messages.conversation_id = ?) AND ((messages.internal \
     = ?) OR (messages.internal = ?))) AND (messages.id > ?)))";

/// The columns of [`VIEWS`].
pub type ViewColumns = (
    BigInt,
    BigInt,
    BigInt,
    Nullable<BigInt>,
    Text,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Text,
    Document,
    Moment,
    Moment,
    Nullable<Moment>,
    BigInt,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    Nullable<Date>,
    Nullable<Date>,
    NullableText,
    NullableText,
    NullableText,
    Nullable<Moment>,
    NullableText,
    NullableText,
    Nullable<BigInt>,
);

/// A row of [`VIEWS`].
#[derive(Queryable)]
#[allow(dead_code, reason = "reading a column takes time, even if it is not shown")]
pub struct BaselineViewRow {
    pub id: i64,
    pub hotel_id: i64,
    pub guest_id: i64,
    pub stay_id: Option<i64>,
    pub status: String,
    pub department_id: Option<i64>,
    pub assigned_to: Option<i64>,
    pub current_step: String,
    pub context_data: JsonText,
    pub created_at: SqlTime,
    pub updated_at: SqlTime,
    pub last_guest_message_at: Option<SqlTime>,
    pub guest_messages: i64,
    pub profile_name: Option<String>,
    pub phone: Option<String>,
    pub wa_id: Option<String>,
    pub bsuid: Option<String>,
    pub guest_name: Option<String>,
    pub guest_phone: Option<String>,
    pub room_number: Option<String>,
    pub check_in: Option<NaiveDate>,
    pub check_out: Option<NaiveDate>,
    pub department_name: Option<String>,
    pub assignee_name: Option<String>,
    pub last_content: Option<String>,
    pub last_at: Option<SqlTime>,
    pub last_sender_type: Option<String>,
    pub whatsapp_phone_number_id: Option<String>,
    pub read: Option<i64>,
}

/// The columns of [`MESSAGES`].
pub type MessageColumns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Nullable<BigInt>,
    Moment,
    NullableText,
    NullableText,
    Bool,
    NullableText,
    Bool,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    NullableText,
    Text,
);

/// A row of [`MESSAGES`].
#[derive(Queryable)]
#[allow(dead_code, reason = "reading a column takes time, even if it is not shown")]
pub struct BaselineMessageRow {
    pub id: i64,
    pub conversation_id: i64,
    pub content: String,
    pub sender_type: String,
    pub staff_sender: Option<i64>,
    pub timestamp: SqlTime,
    pub delivery: Option<String>,
    pub failure: Option<String>,
    pub internal: bool,
    pub client_ref: Option<String>,
    pub has_attachments: bool,
    pub staff_name: Option<String>,
    pub guest_name: Option<String>,
    pub profile_name: Option<String>,
    pub phone: Option<String>,
    pub wa_id: Option<String>,
    pub bsuid: Option<String>,
    pub hotel_name: String,
}
