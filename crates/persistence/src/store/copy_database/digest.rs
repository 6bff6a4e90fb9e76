//! The digest of the rows of a table, the same for both databases and for any order of the rows.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    store::copy_database::{
        error::CopyError,
        table::{ColumnKind, TableColumns},
    },
};

/// The number of rows of a table, and the sum of the digests of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableDigest {
    rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row: a JSON array.
    pub(super) fn add(&mut self, table: &TableColumns, row: &str) -> Result<(), CopyError> {
        let mut values: Vec<Value> = serde_json::from_str(row).map_err(|_| StoreError::Corrupt("row"))?;
        for (column, value) in table.columns.iter().zip(&mut values) {
            if column.kind == ColumnKind::Document
                && let Some(text) = value.as_str()
            {
                let document = serde_json::from_str(text).map_err(|_| StoreError::Corrupt("JSON document"))?;
                *value = canonical(document);
            }
        }
        let digest = Sha256::digest(Value::Array(values).to_string());
        for (sum, part) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let part = part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(part);
        }
        self.rows += 1;
        Ok(())
    }
}

impl fmt::Display for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

/// A JSON document in one form. PostgreSQL sorts keys, and writes whole numbers without exponent and fraction.
fn canonical(document: Value) -> Value {
    match document {
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && float.fract() == 0.0 && float.abs() < 1e15 => (float as i64).into(),
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(canonical).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().map(|(name, value)| (name, canonical(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::copy_database::table::CopiedColumn;

    fn digest(rows: &[&str]) -> TableDigest {
        let column = |kind| CopiedColumn { name: "x".to_owned(), kind };
        let columns = vec![column(ColumnKind::Integer("bigint")), column(ColumnKind::Document)];
        let table = TableColumns { name: "t".to_owned(), columns, has_ids: false };
        let mut digest = TableDigest::default();
        rows.iter().for_each(|row| digest.add(&table, row).unwrap());
        digest
    }

    #[test]
    fn the_digest_depends_on_values_and_not_on_order_or_form() {
        let one = digest(&[r#"[1,"{\"a\":1e1,\"b\":[]}"]"#, "[2,null]"]);
        assert_eq!(one, digest(&["[2, null]", r#"[1, "{\"b\": [], \"a\": 10}"]"#]));
        assert_ne!(one, digest(&["[2,null]"]));
        assert_ne!(one, digest(&[r#"[1,"{\"a\":11,\"b\":[]}"]"#, "[2,null]"]));
        // A row that stands twice does not count as none.
        assert_ne!(digest(&["[1,null]", "[1,null]"]).to_string(), digest(&[]).to_string());
    }
}
