//! Labels of hotels, and the labels of conversations (tables `labels`, `conversation_labels`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ConversationId, HotelId, Label, LabelColour, LabelId, LabelName};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{conversation_labels, hotels, labels},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = labels)]
struct LabelRow {
    id: i64,
    name: String,
    colour: String,
}

impl TryFrom<LabelRow> for Label {
    type Error = StoreError;

    fn try_from(row: LabelRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: LabelId(row.id),
            name: LabelName::parse(&row.name).map_err(|_| StoreError::Corrupt("label"))?,
            colour: row.colour.parse().map_err(|_| StoreError::Corrupt("label"))?,
        })
    }
}

fn all(rows: Vec<LabelRow>) -> Result<Vec<Label>, StoreError> {
    rows.into_iter().map(Label::try_from).collect()
}

/// Returns the number of labels of a hotel and one slice of them, ordered by id.
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Label>), StoreError> {
    let of = labels::table.filter(labels::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<LabelRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(labels::id).select(LabelRow::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, all(rows)?))
}

/// Returns labels by id; ids that do not exist are left out.
pub(crate) fn by_ids(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Label>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<LabelRow> =
        on_db!(conn, |c| labels::table.filter(among(labels::id, ids)).select(LabelRow::as_select()).load(c))?;
    Ok(all(rows)?.into_iter().map(|label| (label.id.0, label)).collect())
}

/// Locks a label of this hotel until the end of the transaction and returns its current state.
pub fn find_and_lock(tx: &mut Tx<'_>, hotel: HotelId, id: LabelId) -> Result<Option<Label>, StoreError> {
    let label = labels::table.find(id.0).filter(labels::hotel_id.eq(hotel.0));
    let row: Option<LabelRow> = match tx.conn() {
        Conn::Pg(conn) => label.select(LabelRow::as_select()).for_update().first(conn).optional()?,
        // SQLite has one writer and no row locks.
        Conn::Sqlite(conn) => label.select(LabelRow::as_select()).first(conn).optional()?,
    };
    row.map(Label::try_from).transpose()
}

/// Returns those of the given labels that the hotel has, ordered by id. Until the end of the transaction no other
/// transaction deletes them.
pub fn find_and_keep(tx: &mut Tx<'_>, hotel: HotelId, ids: &[LabelId]) -> Result<Vec<Label>, StoreError> {
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let of = labels::table.filter(labels::hotel_id.eq(hotel.0).and(among(labels::id, &keys)));
    let of = of.order(labels::id);
    let rows: Vec<LabelRow> = match tx.conn() {
        Conn::Pg(conn) => of.select(LabelRow::as_select()).for_key_share().load(conn)?,
        Conn::Sqlite(conn) => of.select(LabelRow::as_select()).load(conn)?,
    };
    all(rows)
}

/// Locks the list of labels of a hotel against other transactions that add labels, and returns the number of labels.
pub fn lock_and_count(tx: &mut Tx<'_>, hotel: HotelId) -> Result<i64, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        hotels::table.find(hotel.0).select(hotels::id).for_no_key_update().load::<i64>(conn)?;
    }
    Ok(on_db!(tx.conn(), |c| labels::table.filter(labels::hotel_id.eq(hotel.0)).count().get_result(c))?)
}

/// Stores a new label. Returns `None` if the hotel has a label with that name.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    (name, colour): (&LabelName, LabelColour),
    at: DateTime<Utc>,
) -> Result<Option<Label>, StoreError> {
    let row: Option<LabelRow> = on_db!(tx.changing(), |c| diesel::insert_into(labels::table)
        .values((
            labels::hotel_id.eq(hotel.0),
            labels::name.eq(name.as_str()),
            labels::name_key.eq(name.key()),
            labels::colour.eq(colour.as_str()),
            labels::created_at.eq(Ts::from(at)),
        ))
        .on_conflict((labels::hotel_id, labels::name_key))
        .do_nothing()
        .returning(LabelRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Label::try_from).transpose()
}

/// Stores the new name and colour of a label. Returns `false` if another label of the hotel has the name.
pub fn save(tx: &mut Tx<'_>, hotel: HotelId, label: &Label) -> Result<bool, StoreError> {
    let taken = labels::table
        .filter(labels::hotel_id.eq(hotel.0).and(labels::name_key.eq(label.name.key())))
        .filter(labels::id.ne(label.id.0));
    if on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(c))? {
        return Ok(false);
    }
    on_db!(tx.changing(), |c| diesel::update(labels::table.find(label.id.0))
        .set((
            labels::name.eq(label.name.as_str()),
            labels::name_key.eq(label.name.key()),
            labels::colour.eq(label.colour.as_str()),
        ))
        .execute(c))?;
    Ok(true)
}

/// Deletes a label, and removes it from all conversations.
pub fn delete(tx: &mut Tx<'_>, id: LabelId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(labels::table.find(id.0)).execute(c))?;
    Ok(())
}

/// Returns the ids of the labels of a conversation.
pub fn ids_of(conn: &mut Conn, conversation: ConversationId) -> Result<Vec<LabelId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversation_labels::table
        .filter(conversation_labels::conversation_id.eq(conversation.0))
        .order(conversation_labels::label_id)
        .select(conversation_labels::label_id)
        .load(c))?;
    Ok(ids.into_iter().map(LabelId).collect())
}

/// Adds a label to a conversation, both of this hotel, unless the conversation has it.
pub fn add(tx: &mut Tx<'_>, hotel: HotelId, conversation: ConversationId, id: LabelId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(conversation_labels::table)
        .values((
            conversation_labels::hotel_id.eq(hotel.0),
            conversation_labels::conversation_id.eq(conversation.0),
            conversation_labels::label_id.eq(id.0),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Removes a label from a conversation, if the conversation has it.
pub fn remove(tx: &mut Tx<'_>, conversation: ConversationId, id: LabelId) -> Result<(), StoreError> {
    let row = conversation_labels::table.find((conversation.0, id.0));
    on_db!(tx.changing(), |c| diesel::delete(row).execute(c))?;
    Ok(())
}
