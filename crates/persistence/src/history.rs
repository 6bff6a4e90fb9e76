//! The history of conversations (table `conversation_history`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{
    Conversation, ConversationId, DepartmentId, HistoryChange, HistoryEntry, HistoryEntryId, Person, StaffId,
    history::{HistoryParty, HistoryTarget},
};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{conversation_history, departments, staff},
    },
    store::connection::{Conn, on_db},
};

/// Stores an entry and returns its id. `by` is the staff member who made the change.
pub fn insert(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    change: &HistoryChange,
    by: Option<StaffId>,
    note: Option<&str>,
    at: DateTime<Utc>,
) -> Result<HistoryEntryId, StoreError> {
    let department = |target: Option<HistoryTarget>| match target {
        Some(HistoryTarget::Department(id)) => Some(id.0),
        _ => None,
    };
    let member = |target: Option<HistoryTarget>| match target {
        Some(HistoryTarget::Staff(id)) => Some(id.0),
        _ => None,
    };
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(conversation_history::table)
        .values((
            conversation_history::hotel_id.eq(conversation.hotel().0),
            conversation_history::conversation_id.eq(conversation.id().0),
            conversation_history::at.eq(Ts::from(at)),
            conversation_history::kind.eq(change.kind.as_str()),
            conversation_history::staff_id.eq(by.map(|it| it.0)),
            conversation_history::from_department_id.eq(department(change.from)),
            conversation_history::to_department_id.eq(department(change.to)),
            conversation_history::from_staff_id.eq(member(change.from)),
            conversation_history::to_staff_id.eq(member(change.to)),
            conversation_history::note.eq(note),
        ))
        .returning(conversation_history::id)
        .get_result(c))?;
    Ok(HistoryEntryId(id))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversation_history)]
struct HistoryRow {
    id: i64,
    conversation_id: i64,
    at: Ts,
    kind: String,
    staff_id: Option<i64>,
    from_department_id: Option<i64>,
    to_department_id: Option<i64>,
    from_staff_id: Option<i64>,
    to_staff_id: Option<i64>,
    note: Option<String>,
}

/// The present names of the departments and staff members that some entries name.
struct PartyNames {
    departments: HashMap<i64, String>,
    staff: HashMap<i64, String>,
}

impl PartyNames {
    fn load(conn: &mut Conn, rows: &[HistoryRow]) -> Result<Self, StoreError> {
        let mut department_ids: Vec<i64> =
            rows.iter().flat_map(|row| [row.from_department_id, row.to_department_id]).flatten().collect();
        let mut staff_ids: Vec<i64> =
            rows.iter().flat_map(|row| [row.staff_id, row.from_staff_id, row.to_staff_id]).flatten().collect();
        for ids in [&mut department_ids, &mut staff_ids] {
            ids.sort_unstable();
            ids.dedup();
        }
        let of_departments: Vec<(i64, String)> = match department_ids.as_slice() {
            [] => Vec::new(),
            ids => on_db!(conn, |c| departments::table
                .filter(among(departments::id, ids))
                .select((departments::id, departments::name))
                .load(c))?,
        };
        let of_staff: Vec<(i64, String)> = match staff_ids.as_slice() {
            [] => Vec::new(),
            ids => {
                on_db!(conn, |c| staff::table.filter(among(staff::id, ids)).select((staff::id, staff::name)).load(c))?
            }
        };
        Ok(Self { departments: of_departments.into_iter().collect(), staff: of_staff.into_iter().collect() })
    }

    fn person(&self, id: i64) -> Option<Person> {
        Some(Person { id: StaffId(id), name: self.staff.get(&id)?.clone() })
    }

    fn party(&self, department: Option<i64>, staff: Option<i64>) -> Option<HistoryParty> {
        match department {
            Some(id) => {
                Some(HistoryParty::Department { id: DepartmentId(id), name: self.departments.get(&id)?.clone() })
            }
            None => self.person(staff?).map(HistoryParty::Staff),
        }
    }

    fn entry(&self, row: HistoryRow) -> Result<HistoryEntry, StoreError> {
        Ok(HistoryEntry {
            id: HistoryEntryId(row.id),
            conversation: ConversationId(row.conversation_id),
            at: row.at.0,
            kind: row.kind.parse().map_err(|_| StoreError::Corrupt("history entry"))?,
            by: row.staff_id.and_then(|id| self.person(id)),
            from: self.party(row.from_department_id, row.from_staff_id),
            to: self.party(row.to_department_id, row.to_staff_id),
            note: row.note,
        })
    }
}

fn entries(conn: &mut Conn, rows: Vec<HistoryRow>) -> Result<Vec<HistoryEntry>, StoreError> {
    let names = PartyNames::load(conn, &rows)?;
    rows.into_iter().map(|row| names.entry(row)).collect()
}

/// Returns the number of entries of a conversation and one slice of them, newest first.
pub fn list(
    conn: &mut Conn,
    conversation: ConversationId,
    slice: Slice,
) -> Result<(i64, Vec<HistoryEntry>), StoreError> {
    let of = conversation_history::table.filter(conversation_history::conversation_id.eq(conversation.0));
    let (count, rows): (i64, Vec<HistoryRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(conversation_history::id.desc())
            .select(HistoryRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, entries(conn, rows)?))
}

/// Returns entries by id; ids that do not exist are left out.
pub fn by_ids(conn: &mut Conn, ids: &[HistoryEntryId]) -> Result<HashMap<HistoryEntryId, HistoryEntry>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<HistoryRow> = on_db!(conn, |c| conversation_history::table
        .filter(among(conversation_history::id, &keys))
        .select(HistoryRow::as_select())
        .load(c))?;
    Ok(entries(conn, rows)?.into_iter().map(|entry| (entry.id, entry)).collect())
}
