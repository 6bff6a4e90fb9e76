//! Offset pagination.

/// A slice of a sorted list: offset and maximum number of rows.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    pub offset: i64,
    pub limit: i64,
}
