//! Dumps, and reading them back.

use commands::archive::DumpFormat;
use commands::restore::DatabaseName;

use super::{Administration, Invocation, Statement, Terms, milliseconds};

/// A point in time that several sessions look at, as the server names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotId(String);

impl TryFrom<String> for SnapshotId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        if (3..=64).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text))
        } else {
            Err("a snapshot has hex digits and -")
        }
    }
}

/// A session that holds a snapshot for a dump, and counts the rows in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The program.
    pub invocation: Invocation,
    /// What it is to read at first. It prints three lines: the snapshot, for [`super::snapshot`], the rows, for
    /// [`super::row_counts`], and the migrations, for [`super::alembic_version`]. The snapshot holds until its
    /// input ends.
    pub input: String,
}

impl Administration {
    /// Opens a snapshot of the platform's database. `terms.statement` is for counting one time through.
    #[must_use]
    pub fn hold_snapshot(&self, terms: Terms<'_>) -> Snapshot {
        // From standard input a line is run when it ends; a colon in front of a word would be a variable, and
        // no word here has one but for casts.
        let mut input =
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\nSELECT pg_export_snapshot();\n".to_owned();
        for statement in [Self::count_rows(), Self::migrations()] {
            input.push_str(statement.as_str());
            input.push_str(";\n");
        }
        Snapshot { invocation: self.psql(&self.database, &[], &[], terms), input }
    }

    /// Dumps the platform's database to standard output, as `snapshot` shows it. It gives up on a table that
    /// is locked for longer than `terms.lock`; for all of it there is no limit of the server's own, so a dump that is
    /// given up is to be ended by its tag.
    #[must_use]
    pub fn dump(&self, format: DumpFormat, snapshot: Option<&SnapshotId>, terms: Terms<'_>) -> Invocation {
        let mut argv = vec![
            "pg_dump".to_owned(),
            "-w".to_owned(),
            match format {
                DumpFormat::Custom => "--format=custom".to_owned(),
                DumpFormat::Plain => "--format=plain".to_owned(),
            },
            format!("--lock-wait-timeout={}", milliseconds(terms.lock)),
        ];
        argv.extend(snapshot.map(|snapshot| format!("--snapshot={}", snapshot.0)));
        argv.extend(["-d".to_owned(), self.database.to_string()]);
        Invocation { argv, env: self.environment(terms) }
    }

    /// Roles and table spaces, which no dump of a database holds, without passwords.
    #[must_use]
    pub fn dump_roles(&self, terms: Terms<'_>) -> Invocation {
        let argv = ["pg_dumpall", "-w", "--globals-only", "--no-role-passwords", "-l"]
            .into_iter()
            .chain([self.maintenance.as_str()]);
        Invocation { argv: argv.map(str::to_owned).collect(), env: self.environment(terms) }
    }

    /// Lists what is in a custom dump that it gets on standard input: for [`super::archive_tables`].
    #[must_use]
    pub fn list_archive() -> Invocation {
        Invocation { argv: ["pg_restore", "--list"].map(str::to_owned).into(), env: Vec::new() }
    }

    /// Reads a dump from standard input into an empty database: all of it or nothing.
    #[must_use]
    pub fn restore(&self, database: &DatabaseName, format: DumpFormat, terms: Terms<'_>) -> Invocation {
        match format {
            DumpFormat::Plain => self.psql(database, &["--single-transaction"], &["-f", "-"], terms),
            DumpFormat::Custom => {
                let argv =
                    ["pg_restore", "-w", "--single-transaction", "--exit-on-error", "-d", database.as_str()];
                Invocation { argv: argv.map(str::to_owned).into(), env: self.environment(terms) }
            }
        }
    }

    /// Statistics for a database that was just filled.
    #[must_use]
    pub fn analyze_all() -> Statement {
        Self::analyze(None)
    }
}
