//! A new database beside the live one, and the change of their names.

use commands::restore::{DatabaseName, DatabaseState, SetAside};

use super::quoted::{identifier, literal};
use super::{Administration, Statement};

/// Settings whose value is a list of names, each of which the server keeps in quotes where it needs them. In
/// one pair of quotes they would be one name.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Rows of every table whose rows a dump holds: those of extensions come with the extension.
const ROWS: &str = "SELECT coalesce(jsonb_object_agg(n.nspname || '.' || c.relname,
      (xpath('/row/rows/text()', query_to_xml(format('SELECT count(*) AS rows FROM %I.%I', n.nspname, c.relname),
        false, true, '')))[1]::text::int8), '{}')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND c.relpersistence <> 't'
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND classid = 'pg_class'::regclass AND deptype = 'e')";

/// A database as one value, for [`super::database_state`]; `d` is its row of `pg_database`.
macro_rules! state_of {
    () => {
        "jsonb_build_object('name', d.datname, 'oid', d.oid::int8, 'size', pg_database_size(d.oid),
               'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
               'collate', d.datcollate, 'ctype', d.datctype,
               'icu_locale', CASE WHEN to_jsonb(d) ->> 'datlocprovider' = 'i'
                 THEN coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') END,
               'allows_connections', d.datallowconn,
               'connections', (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND pid <> pg_backend_pid()),
               'max_connections', current_setting('max_connections')::int4,
               'comment', shobj_description(d.oid, 'pg_database'),
               'settings', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'role', CASE WHEN setrole <> 0 THEN pg_get_userbyid(setrole) END,
                    'name', split_part(one, '=', 1), 'value', substr(one, strpos(one, '=') + 1))
                  ORDER BY setrole, place), '[]')
                  FROM pg_db_role_setting, unnest(setconfig) WITH ORDINALITY AS u (one, place)
                 WHERE setdatabase = d.oid),
               'grants', CASE WHEN d.datacl IS NOT NULL THEN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'role', CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END,
                    'right', privilege_type, 'grantable', is_grantable)), '[]')
                  FROM aclexplode(d.datacl)) END)"
    };
}
pub(crate) use state_of;

const ALEMBIC: &str = "SELECT coalesce(to_jsonb(CASE WHEN to_regclass('alembic_version') IS NOT NULL THEN
    array_to_string(xpath('/table/row/version_num/text()',
      query_to_xml('SELECT version_num FROM alembic_version ORDER BY 1', false, false, ''))::text[], ',') END), 'null')";

impl Administration {
    /// What there is to know of a database, and what a dump of it lacks: for [`super::database_state`].
    #[must_use]
    pub fn look_at(database: &DatabaseName) -> Statement {
        Statement(format!(
            concat!("SELECT ", state_of!(), " FROM pg_database AS d WHERE d.datname = {}"),
            literal(database.as_str())
        ))
    }

    /// The rows of every table of the database that it is run in, all counted in one snapshot: for
    /// [`super::row_counts`].
    #[must_use]
    pub fn count_rows() -> Statement {
        Statement(ROWS.to_owned())
    }

    /// Which of Alembic's migrations the database has: for [`super::alembic_version`].
    #[must_use]
    pub fn migrations() -> Statement {
        Statement(ALEMBIC.to_owned())
    }

    /// An empty database of `like`'s owner, encoding and order.
    #[must_use]
    pub fn create(database: &DatabaseName, like: &DatabaseState) -> Statement {
        let icu = like
            .icu_locale
            .as_ref()
            .map_or(String::new(), |locale| format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)));
        Statement(format!(
            "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}{icu}",
            identifier(database.as_str()),
            identifier(&like.owner),
            literal(&like.encoding),
            literal(&like.collate),
            literal(&like.ctype)
        ))
    }

    /// Drops a database; `None` for the platform's own and the one that is worked from.
    #[must_use]
    pub fn drop(&self, database: &DatabaseName) -> Option<Statement> {
        let is_needed = [&self.database, &self.maintenance].contains(&database);
        (!is_needed).then(|| Statement(format!("DROP DATABASE IF EXISTS {}", identifier(database.as_str()))))
    }

    /// What a dump of `of` lacks, put on another database: settings and rights.
    #[must_use]
    pub fn put_back(database: &DatabaseName, of: &DatabaseState) -> Vec<Statement> {
        let database = identifier(database.as_str());
        let mut statements = Vec::new();
        for setting in &of.settings {
            let whose = setting.role.as_ref().map_or_else(
                || format!("ALTER DATABASE {database}"),
                |role| format!("ALTER ROLE {} IN DATABASE {database}", identifier(role)),
            );
            let name = identifier(&setting.name);
            statements.push(format!("{whose} SET {name} TO {}", value(&setting.name, &setting.value)));
        }
        if let Some(grants) = &of.grants {
            statements.push(format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"));
            for grant in grants {
                statements.push(format!(
                    "GRANT {} ON DATABASE {database} TO {}{}",
                    grant.right.as_str(),
                    grant.role.as_ref().map_or_else(|| "PUBLIC".to_owned(), |role| identifier(role)),
                    if grant.grantable { " WITH GRANT OPTION" } else { "" }
                ));
            }
        }
        statements.into_iter().map(Statement).collect()
    }

    /// Lets everybody in, or nobody: superusers neither.
    #[must_use]
    pub fn allow_connections(database: &DatabaseName, allow: bool) -> Statement {
        Statement(format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allow}", identifier(database.as_str())))
    }

    /// Ends all sessions of a database, and prints how many those were. It is done when a second time prints 0.
    #[must_use]
    pub fn end_sessions(database: &DatabaseName) -> Statement {
        Statement(format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()",
            literal(database.as_str())
        ))
    }

    /// Puts `new` in the live database's place and gives that one the name `old` with a note of what it was,
    /// for [`Administration::at_once`]. Whoever connects finds one of the two at every moment. Undoing it is
    /// the same with the names changed.
    #[must_use]
    pub fn swap(&self, new: &DatabaseName, old: &DatabaseName, note: &SetAside) -> Vec<Statement> {
        let [live, new, old] = [&self.database, new, old].map(|name| identifier(name.as_str()));
        [
            format!("ALTER DATABASE {live} RENAME TO {old}"),
            format!("ALTER DATABASE {new} RENAME TO {live}"),
            format!("COMMENT ON DATABASE {old} IS {}", literal(&note.comment())),
            format!("COMMENT ON DATABASE {live} IS NULL"),
            format!("ALTER DATABASE {old} ALLOW_CONNECTIONS false"),
            format!("ALTER DATABASE {live} ALLOW_CONNECTIONS true"),
        ]
        .map(Statement)
        .into()
    }
}

/// A setting's value as `SET` takes it.
fn value(name: &str, kept: &str) -> String {
    if LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        let names: Vec<String> = names(kept).iter().map(|name| literal(name)).collect();
        if names.is_empty() { "''".to_owned() } else { names.join(", ") }
    } else {
        literal(kept)
    }
}

/// `"a,b", c` is two names.
fn names(list: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => name.extend(chars.next()),
            '"' => {
                quoted = !quoted;
                // An empty name in quotes is one.
                if !quoted && name.is_empty() {
                    names.push(String::new());
                }
            }
            ',' if !quoted => names.extend(taken(&mut name)),
            c if !quoted && c.is_whitespace() => {}
            c => name.push(c),
        }
    }
    names.extend(taken(&mut name));
    names
}

fn taken(name: &mut String) -> Option<String> {
    Some(std::mem::take(name)).filter(|name| !name.is_empty())
}
