//! `VACUUM`, `ANALYZE` and indexes.

use commands::backend::{BackendId, SessionTag};
use commands::table::{IndexDefinition, TableName};

use super::quoted::{identifier, literal, table};
use super::{Administration, Statement};

impl Administration {
    /// Frees the room of dead rows and reads statistics anew, of one table or, with `None`, of all of this
    /// database. Of all, tables that are locked just now are left out: one of them would end the whole work.
    #[must_use]
    pub fn vacuum(of: Option<&TableName>) -> Statement {
        Statement(match of {
            None => "VACUUM (ANALYZE, SKIP_LOCKED)".to_owned(),
            Some(name) => format!("VACUUM (ANALYZE) {}", table(name)),
        })
    }

    /// Reads statistics anew, as [`Administration::vacuum`].
    #[must_use]
    pub fn analyze(of: Option<&TableName>) -> Statement {
        Statement(match of {
            None => "ANALYZE (SKIP_LOCKED)".to_owned(),
            Some(name) => format!("ANALYZE {}", table(name)),
        })
    }

    /// Makes an index while the table is written to. An index of that name that is there already is left as
    /// it is, so whether this one is there and valid is to be looked at afterwards.
    #[must_use]
    pub fn create_index(index: &IndexDefinition) -> Statement {
        let columns: Vec<String> = index.columns.iter().map(|column| identifier(column)).collect();
        Statement(format!(
            "CREATE {}INDEX CONCURRENTLY IF NOT EXISTS {} ON {} ({})",
            if index.unique { "UNIQUE " } else { "" },
            identifier(&index.name),
            table(&index.table),
            columns.join(", ")
        ))
    }

    /// Drops the index of this definition while the table is written to. Whether it is the invalid one is
    /// to be looked at before.
    #[must_use]
    pub fn drop_index(index: &IndexDefinition) -> Statement {
        let name = TableName { schema: index.table.schema.clone(), table: index.name.clone() };
        Statement(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", table(&name)))
    }

    /// Ends those of these sessions that are still the same and do nothing, and prints how many those were. For
    /// superusers' ones, which the bot's own role may not signal.
    #[must_use]
    pub fn end_idle(backends: &[BackendId]) -> Statement {
        let each: Vec<String> = backends
            .iter()
            .map(|one| format!("({}, {}::int8)", one.pid, one.started.as_microsecond()))
            .collect();
        // No session has the number 0.
        let each = if each.is_empty() { "(0, 0::int8)".to_owned() } else { each.join(", ") };
        Statement(format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE state = 'idle' \
              AND (pid, (extract(epoch FROM backend_start) * 1000000)::int8) IN ({each})"
        ))
    }

    /// Ends whatever a step of a run has left at the server, and prints how many sessions that were. For runs
    /// whose sessions the bot's own role may not signal, being a superuser's.
    #[must_use]
    pub fn end_tagged(tag: &SessionTag) -> Statement {
        Statement(format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
              WHERE application_name = {} AND pid <> pg_backend_pid()",
            literal(tag.as_str())
        ))
    }
}
