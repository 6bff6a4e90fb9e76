//! Building blocks of SQL statements that several tables share: columns and their types, cached statements, lists of
//! ids, pagination, search keys.

pub(crate) mod cached_statement;
pub(crate) mod column_types;
pub(crate) mod id_list;
pub mod pagination;
pub(crate) mod record;
pub(crate) mod schema;
pub(crate) mod search_key;
