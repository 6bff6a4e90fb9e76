//! Numbered pages of lists.

use persistence::sql::pagination::Slice;

use crate::Error;

#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// The page number, starting at 1.
    pub number: i64,
    /// Entries per page, 1 to 100.
    pub size: i64,
}

impl PageRequest {
    pub(crate) fn slice(self) -> Slice {
        Slice { offset: (self.number - 1).saturating_mul(self.size), limit: self.size }
    }

    /// Fails with [`Error::NotFound`] if the page lies behind the last entry. The first page of an empty list exists.
    pub(crate) fn ensure_exists(self, count: i64) -> Result<(), Error> {
        if self.number > 1 && self.slice().offset >= count { Err(Error::NotFound) } else { Ok(()) }
    }
}
