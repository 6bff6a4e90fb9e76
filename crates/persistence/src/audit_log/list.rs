//! The audit log as managers read it: filtered, newest first, with present names.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{AuditRecord, ConversationId, HotelId, StaffId, audit::ShownActor, ids::AuditRecordId};

use crate::{
    StoreError, conversations,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{api_keys, audit, departments, staff},
    },
    store::connection::{Conn, on_db},
};

/// Selects entries of the audit log; conditions combine with AND.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub conversation: Option<ConversationId>,
    /// The staff member who made the change, or who was changed.
    pub staff: Option<StaffId>,
    pub action: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// Only entries before this time.
    pub to: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct AuditRow {
    id: i64,
    at: Ts,
    actor: Option<i64>,
    action: String,
    conversation_id: Option<i64>,
    staff_id: Option<i64>,
    before: Option<String>,
    after: Option<String>,
    api_key_id: Option<i64>,
    address: Option<String>,
    actor_type: String,
}

/// The query of the filtered entries. Each combination of filters has a text of its own, so that it uses the index of
/// its filters.
macro_rules! filtered {
    ($hotel:expr, $filter:expr) => {{
        let mut query = audit::table.filter(audit::hotel_id.eq($hotel.0)).into_boxed();
        if let Some(id) = $filter.conversation {
            query = query.filter(audit::conversation_id.eq(id.0));
        }
        if let Some(id) = $filter.staff {
            let concerns = audit::actor.eq(id.0).assume_not_null().or(audit::staff_id.eq(id.0).assume_not_null());
            query = query.filter(concerns);
        }
        if let Some(action) = &$filter.action {
            query = query.filter(audit::action.eq(action.as_str()));
        }
        if let Some(from) = $filter.from {
            query = query.filter(audit::at.ge(Ts::from(from)));
        }
        if let Some(to) = $filter.to {
            query = query.filter(audit::at.lt(Ts::from(to)));
        }
        query
    }};
}

/// Returns the number of entries that match the filter and one slice of them, newest first.
pub fn list(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &AuditFilter,
    slice: Slice,
) -> Result<(i64, Vec<AuditRecord>), StoreError> {
    let (count, rows): (i64, Vec<AuditRow>) = on_db!(conn, |c| (
        filtered!(hotel, filter).count().get_result(c)?,
        filtered!(hotel, filter)
            .order((audit::at.desc(), audit::id.desc()))
            .select(AuditRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    let names = AuditNames::load(conn, &rows)?;
    Ok((count, rows.into_iter().map(|row| names.record(row)).collect::<Result<_, _>>()?))
}

/// The present names of what some entries name.
struct AuditNames {
    staff: HashMap<i64, String>,
    api_keys: HashMap<i64, String>,
    departments: HashMap<i64, String>,
    guests: HashMap<i64, String>,
}

type IdAndNameRow = (i64, String);

impl AuditNames {
    fn load(conn: &mut Conn, rows: &[AuditRow]) -> Result<Self, StoreError> {
        let values = |action: &'static str| -> Vec<i64> {
            let of_action = rows.iter().filter(move |row| row.action == action);
            of_action.flat_map(|row| [&row.before, &row.after]).flatten().filter_map(|text| text.parse().ok()).collect()
        };
        let people = rows.iter().flat_map(|row| [row.actor, row.staff_id]).flatten().chain(values("assigned"));
        let people = sorted(people);
        let keys = sorted(rows.iter().filter_map(|row| row.api_key_id));
        let routed = sorted(values("transferred"));
        let of_entries = sorted(rows.iter().filter_map(|row| row.conversation_id));
        let of_entries: Vec<ConversationId> = of_entries.into_iter().map(ConversationId).collect();
        let (staff, api_keys, departments): (Vec<IdAndNameRow>, Vec<IdAndNameRow>, Vec<IdAndNameRow>) =
            on_db!(conn, |c| (
                staff::table.filter(among(staff::id, &people)).select((staff::id, staff::name)).load(c)?,
                api_keys::table.filter(among(api_keys::id, &keys)).select((api_keys::id, api_keys::name)).load(c)?,
                departments::table
                    .filter(among(departments::id, &routed))
                    .select((departments::id, departments::name))
                    .load(c)?,
            ));
        let guests = conversations::views(conn, None, &of_entries)?;
        let guests = guests.into_iter().map(|it| (it.conversation.id().0, it.guest_name)).collect();
        Ok(Self {
            staff: staff.into_iter().collect(),
            api_keys: api_keys.into_iter().collect(),
            departments: departments.into_iter().collect(),
            guests,
        })
    }

    fn record(&self, row: AuditRow) -> Result<AuditRecord, StoreError> {
        let name_of = |names: &HashMap<i64, String>, id: i64| names.get(&id).cloned();
        let actor_name = row
            .actor
            .and_then(|id| name_of(&self.staff, id))
            .or(row.api_key_id.and_then(|id| name_of(&self.api_keys, id)));
        // Departments and staff members are stored by id, and shown by name.
        let shown = |text: Option<String>| {
            let names = match row.action.as_str() {
                "transferred" => &self.departments,
                "assigned" => &self.staff,
                _ => return text,
            };
            let text = text?;
            Some(text.parse().ok().and_then(|id| name_of(names, id)).unwrap_or(text))
        };
        let named = |names: &HashMap<i64, String>, id: i64| name_of(names, id).unwrap_or_default();
        Ok(AuditRecord {
            id: AuditRecordId(row.id),
            at: row.at.0,
            actor: ShownActor {
                kind: row.actor_type.parse().map_err(|_| StoreError::Corrupt("audit"))?,
                id: row.actor.or(row.api_key_id),
                name: actor_name,
            },
            conversation: row.conversation_id.map(|id| (ConversationId(id), named(&self.guests, id))),
            staff: row.staff_id.map(|id| (StaffId(id), named(&self.staff, id))),
            address: row.address.and_then(|it| it.parse().ok()),
            before: shown(row.before),
            after: shown(row.after),
            action: row.action,
        })
    }
}

fn sorted(ids: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
