//! What the servers that share a database tell one another: that they live, and how many sockets each
//! staff member has where.

use std::collections::HashMap;

use domain::{HotelId, NodeId, StaffId};
use persistence::nodes;

use crate::{Desk, Error};

/// Nodes belong to all hotels: the lane of none writes it all down, in the order in which it is told.
const OF_NONE: HotelId = HotelId(0);

impl Desk {
    /// Begins a node; `first`: of a process that was none before.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn begin_node(&self, first: bool) -> Result<NodeId, Error> {
        self.store
            .write(OF_NONE, vec![], move |tx| {
                if first {
                    nodes::forget_predecessors(tx)?;
                }
                Ok(nodes::begin(tx)?)
            })
            .await
    }

    /// Says that a node lives, to be repeated well within 30 seconds, and forgets those of which that
    /// was not heard for so long. False where the node itself was forgotten: it is to begin anew.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn renew_node(&self, node: NodeId) -> Result<bool, Error> {
        self.store
            .write(OF_NONE, vec![], move |tx| {
                let lives = nodes::renew(tx, node)?;
                nodes::forget_dead(tx)?;
                Ok(lives)
            })
            .await
    }

    /// Ends a node: the sockets it had count no more.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn end_node(&self, node: NodeId) -> Result<(), Error> {
        self.store.write(OF_NONE, vec![], move |tx| Ok(nodes::end(tx, node)?)).await
    }

    /// Writes down how many sockets these staff members have on a node. False, and nothing is written,
    /// where the node was forgotten.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn note_sockets(&self, node: NodeId, counts: Vec<(StaffId, i64)>) -> Result<bool, Error> {
        self.store.write(OF_NONE, vec![], move |tx| Ok(nodes::note_sockets(tx, node, &counts)?)).await
    }

    /// How many sockets these staff members have on other nodes; who has none is left out.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sockets_elsewhere(&self, node: NodeId, staff: Vec<StaffId>) -> Result<HashMap<StaffId, i64>, Error> {
        self.store.read(move |conn| Ok(nodes::sockets_elsewhere(conn, node, &staff)?)).await
    }
}
