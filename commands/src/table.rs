//! Tables and indexes of the platform's database, as they are before somebody tidies up or makes an index.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A table as the server's catalogue names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

/// For people; a statement needs it quoted.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// What `VACUUM` and `ANALYZE` have to do with one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Which.
    pub name: TableName,
    /// In bytes with its indexes, as of the last `VACUUM` or `ANALYZE`.
    pub size: u64,
    /// Rows, by the server's estimate.
    pub live: u64,
    /// Rows that are deleted or changed and still take room, by the server's estimate.
    pub dead: u64,
    /// Since a `VACUUM`, whoever asked for it; `None` if never since the statistics were reset.
    pub vacuumed: Option<Duration>,
    /// Since an `ANALYZE`, as `vacuumed`.
    pub analyzed: Option<Duration>,
    /// How often somebody has asked for a `VACUUM`, the server itself not counted.
    pub vacuums: u64,
    /// How often somebody has asked for an `ANALYZE`, as `vacuums`.
    pub analyzes: u64,
}

/// An index that the operators have put on their list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDefinition {
    /// Its table.
    pub table: TableName,
    /// Its name, in the table's schema.
    pub name: String,
    /// Plain columns, in order.
    pub columns: Vec<String>,
    /// Whether two rows may not be alike in them.
    pub unique: bool,
}

/// What stands in the way of an index, or makes it needless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexState {
    /// The table is there.
    pub has_table: bool,
    /// Columns of the definition that the table does not have.
    pub missing_columns: Vec<String>,
    /// The index or whatever else has its name.
    pub found: IndexFound,
    /// A valid one that does the same: on these columns in this order, for all rows, unique if that is asked.
    pub same_as: Option<String>,
    /// The table's size in bytes, as of the last `VACUUM` or `ANALYZE`.
    pub table_size: u64,
    /// Transactions for which `CREATE INDEX CONCURRENTLY` would wait.
    pub waits_for: Vec<OpenTransaction>,
}

/// What has the name of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexFound {
    /// Nothing.
    Nothing,
    /// The index as it is defined, in use.
    Valid {
        /// In bytes, as of the last `VACUUM` or `ANALYZE`.
        size: u64,
    },
    /// Somebody makes it just now.
    Building,
    /// The index as it is defined, left half made: it costs writes and helps nobody.
    Invalid,
    /// Something else: the server's own words for that index, or what else it is.
    Other(String),
}

/// A transaction that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransaction {
    /// The process; 0 for a prepared transaction.
    pub pid: i32,
    /// What the program calls itself.
    pub application: String,
    /// Since it began.
    pub since: Option<Duration>,
}

/// How far an index is that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    /// The process that makes it.
    pub pid: i32,
    /// What that program calls itself.
    pub application: String,
    /// The table.
    pub table: String,
    /// The index; `None` before it has a name.
    pub index: Option<String>,
    /// The server's word, such as `building index: scanning table`.
    pub phase: String,
    /// Blocks done, of how many in this phase.
    pub blocks: (u64, u64),
    /// Rows done, of how many in this phase.
    pub rows: (u64, u64),
    /// Transactions waited for, of how many in this phase.
    pub lockers: (u64, u64),
    /// The process that it waits for now.
    pub waits_for: Option<i32>,
}
