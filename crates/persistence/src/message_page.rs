//! A page of a conversation's messages for a caller: with the caller's session, the conversation and the head of the
//! event log, from one snapshot. On PostgreSQL it is one statement, because round trips cost more than the rows.

use diesel::{
    dsl::{self, SqlTypeOf},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Record, Text},
};
use domain::{Conversation, ConversationRef, Reaction, Seq, StaffId};

use crate::{
    StoreError,
    attachments::attachment,
    conversations::{self, ConversationRow},
    event_log::{LogCursor, newest_epoch},
    guests::GuestNameColumns,
    messages::{
        BeyondRange, MessagePage, MessageParts, MessageRange, MessageRow, SharedParts, authored, beyond_range,
        cut_page, cut_range, load_page, page, quoted, shared_columns,
    },
    sessions::{self, LiveSession, SessionCheck, SessionJoinRow, SessionRow, collect_session, live_in},
    sql::{
        cached_statement::prepared,
        column_types::{Ts, UtcTs},
        record::{RecordRow, record},
        schema::{
            conversations as conversation_table, epochs, guests, hotel_counters, hotels, messages,
            sessions as session_table, staff, staff_departments, stays,
        },
    },
    staff::StaffRow,
    store::{connection::Conn, read_only::Select},
};

/// The page, and what decides whether the caller may see it. The visibility is not checked yet.
#[derive(Debug)]
pub struct CallersPage {
    pub session: LiveSession,
    pub cursor: LogCursor,
    /// `None` if there is no such conversation.
    pub conversation: Option<Conversation>,
    pub page: MessagePage,
}

/// Loads a page of a conversation. Returns `None` if the session is over. On PostgreSQL this is one statement, which
/// needs no transaction, unless the range is around a message: then it needs the caller's snapshot.
pub fn load(
    conn: &mut Conn,
    session: SessionCheck,
    reference: ConversationRef,
    range: MessageRange,
) -> Result<Option<CallersPage>, StoreError> {
    match conn {
        Conn::Pg(_) if range.around.is_none() => load_in_one_statement(conn, session, reference, range),
        _ => load_in_steps(conn, session, reference, range),
    }
}

fn load_in_steps(
    conn: &mut Conn,
    session: SessionCheck,
    reference: ConversationRef,
    range: MessageRange,
) -> Result<Option<CallersPage>, StoreError> {
    let found = sessions::find_live_at_cursor(conn, session)?;
    let Some((session, cursor)) = found else { return Ok(None) };
    let conversation = conversations::find(conn, reference)?;
    let page = match &conversation {
        None => MessagePage::default(),
        Some(conversation) => load_page(conn, conversation.id(), range)?,
    };
    Ok(Some(CallersPage { session, cursor, conversation, page }))
}

type ColumnsOf<T> = SqlTypeOf<<T as Selectable<Pg>>::SelectExpression>;

fn columns_of<T: Selectable<Pg>>() -> T::SelectExpression {
    T::construct_selection()
}

type CallerSql = Record<(
    Record<ColumnsOf<SessionRow>>,
    Record<ColumnsOf<StaffRow>>,
    Nullable<BigInt>,
    Record<(Nullable<Text>, BigInt)>,
)>;
type CallerRow = (RecordRow<SessionRow>, RecordRow<StaffRow>, Option<i64>, RecordRow<(Option<String>, i64)>);

type GuestNameSql = Record<(Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>)>;
type SharedSql = Record<(Nullable<Text>, GuestNameSql, Text, Nullable<BigInt>)>;
type SharedRow = (Option<String>, RecordRow<GuestNameColumns>, String, Option<i64>);
type ConversationSql = Record<(Record<ColumnsOf<ConversationRow>>, SharedSql, Record<(Bool, Bool)>)>;
type ConversationParts = (RecordRow<ConversationRow>, RecordRow<SharedRow>, RecordRow<(bool, bool)>);

type AttachmentSql = Record<(BigInt, Text, Text, BigInt, Nullable<Integer>, Nullable<Integer>)>;
type AttachmentRow = (i64, String, String, i64, Option<i32>, Option<i32>);
type ReactionSql = Record<(Text, Nullable<BigInt>, UtcTs)>;
type ReactionRow = (String, Option<i64>, Ts);
type QuotedSql = Record<(BigInt, Text, Text, Nullable<Text>, SharedSql)>;
type QuotedRow = (i64, String, String, Option<String>, RecordRow<SharedRow>);

/// What belongs to one message: attachments, reactions, the quoted message.
type DetailsRow =
    (Option<Vec<RecordRow<AttachmentRow>>>, Option<Vec<RecordRow<ReactionRow>>>, Option<RecordRow<QuotedRow>>);

/// A row of the statement: a message with its author and details, or the caller (once per department), or the
/// conversation.
type PageRow = (
    Option<MessageRow>,
    Option<String>,
    DetailsRow,
    Option<RecordRow<CallerRow>>,
    Option<RecordRow<ConversationParts>>,
);

// Sorted by the aggregate: with ORDER BY, a small table would be read in the order of its ids, and the plan is kept.
const ATTACHMENTS: &str = "CASE WHEN messages.has_attachments THEN (\
    SELECT array_agg(ROW(a.id, a.name, a.content_type, a.size, a.width, a.height) ORDER BY a.id) FROM attachments a \
    WHERE a.message_id = messages.id AND a.state <> 'lost') END";
const REACTIONS: &str = "CASE WHEN messages.has_reactions THEN (\
    SELECT array_agg(ROW(r.emoji, r.staff_id, r.at) ORDER BY r.side) FROM reactions r \
    WHERE r.message_id = messages.id AND r.emoji IS NOT NULL) END";
// A guest can quote a message of an earlier conversation.
const QUOTED: &str = "CASE WHEN messages.reply_to IS NOT NULL THEN (\
    SELECT ROW(q.id, q.content, q.sender_type, author.name, \
      ROW(s.guest_name, ROW(g.profile_name, g.phone, g.wa_id, g.bsuid), h.name, c.stay_id)) \
    FROM messages q JOIN conversations c ON c.id = q.conversation_id JOIN hotels h ON h.id = c.hotel_id \
      JOIN guests g ON g.id = c.guest_id LEFT JOIN stays s ON s.id = c.stay_id \
      LEFT JOIN staff author ON author.id = q.staff_sender \
    WHERE q.id = messages.reply_to AND NOT q.hidden) END";

/// Number of columns before the caller and the conversation: a message, its author and details.
const MESSAGE_COLUMNS: usize = 21;

fn load_in_one_statement(
    conn: &mut Conn,
    query: SessionCheck,
    reference: ConversationRef,
    range: MessageRange,
) -> Result<Option<CallersPage>, StoreError> {
    let Conn::Pg(conn) = conn else { return Err(StoreError::Corrupt("database")) };
    let of_stay = |stay: i64| conversation_table::table.filter(conversation_table::stay_id.eq(stay));
    let all = authored!();
    let of_conversation = match reference {
        ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => {
            all.filter(messages::conversation_id.eq(id.0))
        }
        ConversationRef::Stay(id) => {
            let id = of_stay(id.0).select(conversation_table::id).single_value();
            all.filter(messages::conversation_id.nullable().eq(id))
        }
    };
    let of_range = cut_range!(of_conversation, range).select((
        Option::<MessageRow>::as_select(),
        staff::name.nullable(),
        (
            dsl::sql::<Nullable<Array<AttachmentSql>>>(ATTACHMENTS),
            dsl::sql::<Nullable<Array<ReactionSql>>>(REACTIONS),
            dsl::sql::<Nullable<QuotedSql>>(QUOTED),
        ),
        dsl::sql::<Nullable<CallerSql>>("NULL::record"),
        dsl::sql::<Nullable<ConversationSql>>("NULL::record"),
    ));
    let no_message = || dsl::sql::<Bool>(&vec!["NULL"; MESSAGE_COLUMNS].join(", "));
    let joined = session_table::table
        .inner_join(staff::table)
        .inner_join(hotel_counters::table.on(hotel_counters::hotel_id.eq(staff::hotel_id)))
        .left_join(staff_departments::table.on(staff_departments::staff_id.eq(staff::id)));
    let caller = live_in!(joined, query.lifetimes, query.now)
        .filter(session_table::id.eq(query.id.to_string()))
        .order(staff_departments::position)
        .select((
            no_message(),
            record((
                record(columns_of::<SessionRow>()),
                record(columns_of::<StaffRow>()),
                staff_departments::department_id.nullable(),
                record((newest_epoch!(), hotel_counters::seq)),
            )),
            dsl::sql::<Bool>("NULL"),
        ));
    let (of_booking, of_guest, of_hotel, of_stay_id) = shared_columns!();
    let conversation = conversation_table::table
        .inner_join(hotels::table)
        .inner_join(guests::table)
        .left_join(stays::table)
        .select((
            no_message(),
            dsl::sql::<Bool>("NULL"),
            record((
                record(columns_of::<ConversationRow>()),
                record((of_booking, record(of_guest), of_hotel, of_stay_id)),
                record(beyond_range!(conversation_table::id, range)),
            )),
        ))
        .into_boxed();
    let conversation = match reference {
        ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => {
            conversation.filter(conversation_table::id.eq(id.0))
        }
        ConversationRef::Stay(id) => conversation.filter(conversation_table::stay_id.eq(id.0)),
    };
    let rows: Vec<PageRow> = prepared(UnionAll(of_range, caller, conversation)).load(conn)?;
    collect(rows, query, range)
}

fn collect(rows: Vec<PageRow>, query: SessionCheck, range: MessageRange) -> Result<Option<CallersPage>, StoreError> {
    let mut of_range: Vec<MessageParts> = Vec::with_capacity(rows.len());
    let (mut callers, mut cursor, mut found) = (Vec::new(), None, None);
    for (row, author, details, caller, conversation) in rows {
        if let Some(row) = row {
            of_range.push(message_parts(row, author, details)?);
        }
        if let Some(RecordRow((RecordRow(session), RecordRow(member), department, RecordRow(head)))) = caller {
            callers.push(SessionJoinRow::from((session, member, department)));
            cursor = Some(head);
        }
        found = found.or(conversation);
    }
    let Some(session) = collect_session(callers, query.lifetimes)? else { return Ok(None) };
    let (epoch, seq) = cursor.ok_or(StoreError::Corrupt("event counter"))?;
    let (conversation, page) = match found {
        None => (None, MessagePage::default()),
        Some(RecordRow((RecordRow(row), RecordRow(of_all), RecordRow((from_before, up_to_after))))) => {
            let cut = cut_page(of_range, range, BeyondRange { from_before, up_to_after });
            (Some(row.try_into()?), page(cut, &shared_parts(of_all))?)
        }
    };
    let cursor = LogCursor { epoch: epoch.ok_or(StoreError::Corrupt("epoch"))?, seq: Seq(seq) };
    Ok(Some(CallersPage { session, cursor, conversation, page }))
}

fn message_parts(
    row: MessageRow,
    author: Option<String>,
    (attachments, reactions, quote_row): DetailsRow,
) -> Result<MessageParts, StoreError> {
    let attachment = |RecordRow((id, name, content_type, size, width, height)): RecordRow<AttachmentRow>| {
        attachment((id, name, content_type, size, (width, height)))
    };
    let reaction =
        |RecordRow((emoji, staff, at)): RecordRow<ReactionRow>| Reaction { emoji, staff: staff.map(StaffId), at: at.0 };
    let quote = |RecordRow((id, content, sender, author, RecordRow(of_all))): RecordRow<QuotedRow>| {
        quoted((id, content, sender, author), &shared_parts(of_all))
    };
    Ok(MessageParts {
        row,
        author,
        attachments: attachments.into_iter().flatten().map(attachment).collect(),
        reactions: reactions.into_iter().flatten().map(reaction).collect(),
        quoted: quote_row.map(quote).transpose()?,
    })
}

fn shared_parts((of_booking, RecordRow(of_guest), hotel, stay): SharedRow) -> SharedParts {
    SharedParts::from((of_booking, of_guest, hotel, stay))
}

/// The rows of three queries. The columns of the first one decide the types; NULL stands for the columns of the others.
struct UnionAll<A, B, C>(A, B, C);

impl<A: QueryFragment<Pg>, B: QueryFragment<Pg>, C: QueryFragment<Pg>> QueryFragment<Pg> for UnionAll<A, B, C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") UNION ALL (");
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(") UNION ALL (");
        self.2.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

// No diesel query id, so that the prepared statement is cached by its SQL text.
impl<A, B, C> QueryId for UnionAll<A, B, C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A: Query, B, C> Query for UnionAll<A, B, C> {
    type SqlType = A::SqlType;
}

impl<A: Select, B: Select, C: Select> Select for UnionAll<A, B, C> {}
