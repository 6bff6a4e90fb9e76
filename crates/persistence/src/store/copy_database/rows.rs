//! The two sides of a copy: where rows are read, and where they are written.

use chrono::{DateTime, Utc};

use crate::store::copy_database::{error::CopyError, table::TableColumns};

/// The source of rows, as JSON arrays.
pub(super) trait RowSource {
    /// Calls `take` with each row of the table.
    fn for_each_row(
        &mut self,
        table: &TableColumns,
        take: &mut dyn FnMut(String) -> Result<(), CopyError>,
    ) -> Result<(), CopyError>;

    /// The greatest id that a row of the table has ever had; 0 if unknown.
    fn greatest_id(&mut self, table: &TableColumns) -> Result<i64, CopyError>;
}

/// The target of rows. It can be read again for the verification.
pub(super) trait RowTarget: RowSource {
    /// Inserts rows: a JSON array of rows.
    fn insert(&mut self, table: &TableColumns, rows: &str) -> Result<(), CopyError>;

    /// Makes the next id of the table greater than `greatest`.
    fn continue_ids(&mut self, table: &TableColumns, greatest: i64) -> Result<(), CopyError>;

    /// Fails if a row refers to a row that does not exist.
    fn check_references(&mut self) -> Result<(), CopyError>;

    /// Begins a new epoch of the event log.
    fn begin_epoch(&mut self, epoch: &str, at: DateTime<Utc>) -> Result<(), CopyError>;
}
