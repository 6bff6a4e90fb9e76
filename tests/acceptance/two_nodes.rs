//! Two nodes on one PostgreSQL: a client may send each request to either of them.

use std::sync::{Arc, OnceLock};

use acceptance::{ApiClient, DatabaseKind, StaffClient, TestSocket, TestWorld, UpgradeRefusal};

/// Generates a test in a hotel of a world with two nodes.
macro_rules! on_two_nodes {
    ($name:ident, |$hotel:ident, $other:ident| $body:block) => {
        #[test]
        fn $name() {
            in_hotel(DatabaseKind::Postgres, async |$hotel: TestHotel| {
                let $other = second_node();
                $body
            });
        }
    };
}

mod access;
mod concurrent_writes;
mod connection_quota;
mod idempotency;
mod links;

/// The second node of the shared world, started by the first test that needs it.
fn second_node() -> Arc<TestWorld> {
    static OTHER: OnceLock<Arc<TestWorld>> = OnceLock::new();
    OTHER.get_or_init(|| TestWorld::shared(DatabaseKind::Postgres).another_node()).clone()
}

/// A client of this node with the staff member's token.
fn client_at(node: &Arc<TestWorld>, staff: &StaffClient) -> ApiClient {
    ApiClient::new(node).bearer(&staff.access)
}

async fn open_at(node: &TestWorld, staff: &StaffClient) -> Result<TestSocket, UpgradeRefusal> {
    TestSocket::try_open(node, &[("authorization", &format!("Bearer {}", staff.access))]).await
}
