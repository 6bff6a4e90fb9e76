//! Nodes that share the database, and the sockets of each staff member on each node (table `socket_places`). A node
//! renews its row; the sockets of an expired node are ignored. Times come from the clock of the database, because the
//! clocks of the nodes may differ.

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
    sql::{
        cached_statement::prepared,
        column_types::Ts,
        id_list::among,
        schema::{nodes, socket_places},
    },
    store::connection::{Conn, on_db},
};

/// Lifetime of a node's row: a node that has not renewed its row for this long counts as dead.
pub const NODE_LEASE: TimeDelta = TimeDelta::seconds(30);

pub fn register(tx: &mut Tx<'_>) -> Result<NodeId, StoreError> {
    let now = database_time(tx.conn())?;
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(nodes::table)
        .values(nodes::seen_at.eq(now))
        .returning(nodes::id)
        .get_result(c))?;
    Ok(NodeId(id))
}

/// Renews the row of a node. Returns `false` if the row was deleted as expired.
pub fn renew(tx: &mut Tx<'_>, node: NodeId) -> Result<bool, StoreError> {
    let now = database_time(tx.conn())?;
    let this = diesel::update(nodes::table.find(node.0)).set(nodes::seen_at.eq(now));
    Ok(on_db!(tx.changing(), |c| this.execute(c))? == 1)
}

/// Deletes expired nodes and their socket counts.
pub fn delete_expired(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let since = Ts::from(database_time(tx.conn())?.0 - NODE_LEASE);
    on_db!(tx.changing(), |c| diesel::delete(nodes::table.filter(nodes::seen_at.lt(since))).execute(c))?;
    Ok(())
}

/// On SQLite, deletes the rows of all earlier servers, because a killed server could not unregister. For a server that
/// still runs, [`renew`] and [`save_socket_counts`] then return `false`, and it registers again.
pub fn delete_predecessors(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if let Conn::Sqlite(conn) = tx.changing() {
        diesel::delete(nodes::table).execute(conn)?;
    }
    Ok(())
}

/// Deletes a node and its socket counts.
pub fn unregister(tx: &mut Tx<'_>, node: NodeId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(nodes::table.find(node.0)).execute(c))?;
    Ok(())
}

/// Stores the number of sockets of staff members on a node. Returns `false` and stores nothing if the node was deleted
/// as expired.
pub fn save_socket_counts(tx: &mut Tx<'_>, node: NodeId, counts: &[(StaffId, i64)]) -> Result<bool, StoreError> {
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

/// Counts the sockets of staff members on other nodes. Staff members without sockets there are left out.
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
    let mut counts = HashMap::new();
    for (staff, sockets) in rows {
        *counts.entry(StaffId(staff)).or_default() += sockets;
    }
    Ok(counts)
}

/// Returns the time of the database's clock. SQLite uses the clock of this machine.
pub(crate) fn database_time(conn: &mut Conn) -> Result<Ts, StoreError> {
    match conn {
        Conn::Pg(conn) => {
            let now: DateTime<Utc> = diesel::select(sql::<Timestamptz>("clock_timestamp()")).get_result(conn)?;
            Ok(now.into())
        }
        Conn::Sqlite(_) => Ok(Utc::now().into()),
    }
}
