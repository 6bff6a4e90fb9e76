//! The registry of running nodes, and their numbers of open sockets per staff member.

use std::collections::HashMap;

use domain::{NodeId, StaffId};
use persistence::nodes;

use crate::{Desk, Error};

impl Desk {
    /// Adds this process to the registry of nodes. `is_first` means that the process was not registered before; on
    /// SQLite, which only one process serves, the rows of earlier processes are then deleted.
    pub async fn register_node(&self, is_first: bool) -> Result<NodeId, Error> {
        self.write_global(move |tx| {
            if is_first {
                nodes::delete_predecessors(tx)?;
            }
            Ok(nodes::register(tx)?)
        })
        .await
    }

    /// Renews a node, and deletes nodes that were not renewed for 30 seconds. Returns `false` if the node itself was
    /// deleted; it must register again.
    pub async fn renew_node(&self, node: NodeId) -> Result<bool, Error> {
        self.write_global(move |tx| {
            let is_registered = nodes::renew(tx, node)?;
            nodes::delete_expired(tx)?;
            Ok(is_registered)
        })
        .await
    }

    /// Deletes a node together with its socket counts.
    pub async fn unregister_node(&self, node: NodeId) -> Result<(), Error> {
        self.write_global(move |tx| Ok(nodes::unregister(tx, node)?)).await
    }

    /// Stores the number of sockets that these staff members have open on a node. Returns `false` and stores nothing if
    /// the node was deleted.
    pub async fn save_socket_counts(&self, node: NodeId, counts: Vec<(StaffId, i64)>) -> Result<bool, Error> {
        self.write_global(move |tx| Ok(nodes::save_socket_counts(tx, node, &counts)?)).await
    }

    /// Returns the number of sockets of these staff members on other nodes, without the zeros.
    pub async fn count_sockets_on_other_nodes(
        &self,
        node: NodeId,
        staff: Vec<StaffId>,
    ) -> Result<HashMap<StaffId, i64>, Error> {
        self.read(move |conn| Ok(nodes::sockets_elsewhere(conn, node, &staff)?)).await
    }
}
