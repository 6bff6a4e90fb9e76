//! The servers that share the database, and how many sockets each staff member has on which.
//!
//! A node says again and again that it lives; what one that fell silent had open counts no more. Times
//! are the database's: the clocks of the nodes may differ.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    dsl::{exists, sql},
    prelude::*,
    sql_types::Timestamptz,
    upsert::excluded,
};
use domain::{NodeId, StaffId};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    prepared::prepared,
    schema::{nodes, socket_places},
    types::Ts,
};

/// A node that was not seen for so long is dead.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// Begins a node.
///
/// # Errors
/// [`StoreError`].
pub fn begin(tx: &mut Tx<'_>) -> Result<NodeId, StoreError> {
    let now = clock(tx.conn())?;
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(nodes::table)
        .values(nodes::seen_at.eq(now))
        .returning(nodes::id)
        .get_result(c))?;
    Ok(NodeId(id))
}

/// Writes down that a node lives; false where it was given up as dead.
///
/// # Errors
/// [`StoreError`].
pub fn renew(tx: &mut Tx<'_>, node: NodeId) -> Result<bool, StoreError> {
    let now = clock(tx.conn())?;
    let this = diesel::update(nodes::table.find(node.0)).set(nodes::seen_at.eq(now));
    Ok(on_db!(tx.changing(), |c| this.execute(c))? == 1)
}

/// Forgets the dead, and with them what was open there.
///
/// # Errors
/// [`StoreError`].
pub fn forget_dead(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let since = Ts::from(clock(tx.conn())?.0 - LEASE);
    on_db!(tx.changing(), |c| diesel::delete(nodes::table.filter(nodes::seen_at.lt(since))).execute(c))?;
    Ok(())
}

/// Forgets the servers before this one on SQLite, where there seldom are several: a killed one could not say that
/// it ended. One that lives after all is told by [`renew`] and [`note_sockets`] to begin anew.
///
/// # Errors
/// [`StoreError`].
pub fn forget_predecessors(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if let Conn::Sqlite(conn) = tx.changing() {
        diesel::delete(nodes::table).execute(conn)?;
    }
    Ok(())
}

/// Ends a node: what was open there counts no more.
///
/// # Errors
/// [`StoreError`].
pub fn end(tx: &mut Tx<'_>, node: NodeId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(nodes::table.find(node.0)).execute(c))?;
    Ok(())
}

/// Writes down how many sockets these staff members have on a node; false, and nothing is written,
/// where it was given up as dead.
///
/// # Errors
/// [`StoreError`].
pub fn note_sockets(tx: &mut Tx<'_>, node: NodeId, counts: &[(StaffId, i64)]) -> Result<bool, StoreError> {
    let known = exists(nodes::table.find(node.0));
    if !on_db!(tx.conn(), |c| diesel::select(known).get_result::<bool>(c))? {
        return Ok(false);
    }
    for &(staff, sockets) in counts {
        if sockets == 0 {
            let none = socket_places::table.find((staff.0, node.0));
            on_db!(tx.changing(), |c| diesel::delete(none).execute(c))?;
            continue;
        }
        on_db!(tx.changing(), |c| prepared(
            diesel::insert_into(socket_places::table)
                .values((
                    socket_places::staff_id.eq(staff.0),
                    socket_places::node_id.eq(node.0),
                    socket_places::sockets.eq(sockets),
                ))
                .on_conflict((socket_places::staff_id, socket_places::node_id))
                .do_update()
                .set(socket_places::sockets.eq(excluded(socket_places::sockets)))
                .returning(socket_places::sockets)
        )
        .get_result::<i64>(c))?;
    }
    Ok(true)
}

/// How many sockets these staff members have on other nodes; who has none is left out.
///
/// # Errors
/// [`StoreError`].
pub fn sockets_elsewhere(
    conn: &mut Conn,
    node: NodeId,
    staff: &[StaffId],
) -> Result<HashMap<StaffId, i64>, StoreError> {
    let ids: Vec<i64> = staff.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| socket_places::table
        .filter(among(socket_places::staff_id, &ids))
        .filter(socket_places::node_id.ne(node.0))
        .select((socket_places::staff_id, socket_places::sockets))
        .load(c))?;
    let mut of = HashMap::new();
    for (staff, sockets) in rows {
        *of.entry(StaffId(staff)).or_default() += sockets;
    }
    Ok(of)
}

/// The database's clock. SQLite has none but this machine's.
pub(crate) fn clock(conn: &mut Conn) -> Result<Ts, StoreError> {
    match conn {
        Conn::Pg(conn) => {
            let now: DateTime<Utc> = diesel::select(sql::<Timestamptz>("clock_timestamp()")).get_result(conn)?;
            Ok(now.into())
        }
        Conn::Sqlite(_) => Ok(Utc::now().into()),
    }
}
