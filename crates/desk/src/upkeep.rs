//! Forgetting what is over.

use domain::HotelId;
use persistence::upkeep;

use crate::{Desk, Error, Keep};

impl Desk {
    /// Deletes a batch of events, keys, failed sign-ins and sessions that are over. Whether there
    /// may be more.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn prune(&self, keep: Keep) -> Result<bool, Error> {
        let now = self.now();
        // What is over belongs to all hotels: the lane of none does it.
        self.store.write(HotelId(0), vec![], move |tx| Ok(upkeep::prune(tx, keep, now)?)).await
    }
}
