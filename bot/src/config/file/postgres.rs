//! `[postgres]` and `[[index]]`: the platform's database and what may be made in it.

use commands::restore::DatabaseName;
use commands::table::{IndexDefinition, TableName};
use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{Administration, ConfigError, Postgres};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostgresSection {
    pub(super) url: Option<String>,
    pub(super) url_env: Option<String>,
    pub(super) url_file: Option<String>,
    pub(super) signal_url: Option<String>,
    pub(super) signal_url_env: Option<String>,
    pub(super) signal_url_file: Option<String>,
    pub(super) container: Option<Spanned<String>>,
    pub(super) admin_role: Option<String>,
    pub(super) maintenance_database: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexSection {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    #[serde(default)]
    pub(super) unique: bool,
}

pub(super) fn postgres(
    check: &Check<'_>,
    section: &Spanned<PostgresSection>,
    defaults: &Option<Spanned<PostgresSection>>,
) -> Result<Postgres, ConfigError> {
    let given = section.get_ref();
    let none = given.url.is_none() && given.url_file.is_none();
    let default_env = defaults.as_ref().and_then(|d| d.get_ref().url_env.as_deref()).filter(|_| none);
    let url = check.secret(
        "postgres",
        &section.span(),
        &Spelled {
            key: "url",
            plain: given.url.as_deref(),
            env: given.url_env.as_deref().or(default_env),
            file: given.url_file.as_deref(),
        },
    )?;
    exec_postgres::Postgres::new(&url)
        .map_err(|error| check.error(section.span(), format!("[postgres] url: {error}")))?;
    let signal = Spelled {
        key: "signal_url",
        plain: given.signal_url.as_deref(),
        env: given.signal_url_env.as_deref(),
        file: given.signal_url_file.as_deref(),
    };
    let administration = administration(check, given, defaults)?;
    // Whoever only looks needs none.
    if signal.plain.is_none() && signal.env.is_none() && signal.file.is_none() {
        return Ok(Postgres { url, signal_url: None, administration });
    }
    let signal_url = check.secret("postgres", &section.span(), &signal)?;
    exec_postgres::Postgres::new(&signal_url)
        .map_err(|error| check.error(section.span(), format!("[postgres] signal_url: {error}")))?;
    Ok(Postgres { url, signal_url: Some(signal_url), administration })
}

/// Without a container the bot administers nothing.
pub(super) fn administration(
    check: &Check<'_>,
    given: &PostgresSection,
    defaults: &Option<Spanned<PostgresSection>>,
) -> Result<Option<Administration>, ConfigError> {
    let defaults = defaults.as_ref().map(Spanned::get_ref);
    let Some(container) = &given.container else { return Ok(None) };
    if container.get_ref().trim().is_empty() {
        return Err(check.error(container.span(), "[postgres] container is blank: remove the key"));
    }
    let missing = |key: &str| check.error(container.span(), format!("[postgres] {key} is missing"));
    let role = given.admin_role.as_ref().or_else(|| defaults?.admin_role.as_ref());
    let name = given.maintenance_database.as_ref().or_else(|| defaults?.maintenance_database.as_ref());
    let name = name.ok_or_else(|| missing("maintenance_database"))?;
    let maintenance = DatabaseName::try_from(name.get_ref().clone())
        .map_err(|why| check.error(name.span(), format!("[postgres] maintenance_database: {why}")))?;
    Ok(Some(Administration {
        container: container.get_ref().clone(),
        role: role.ok_or_else(|| missing("admin_role"))?.clone(),
        maintenance,
    }))
}

pub(super) fn indexes(
    check: &Check<'_>,
    sections: &[Spanned<IndexSection>],
) -> Result<Vec<IndexDefinition>, ConfigError> {
    let mut indexes: Vec<IndexDefinition> = Vec::new();
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.len() <= 63
    };
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[index]] {what}"));
        let (schema, table) = section.table.split_once('.').unwrap_or(("public", &section.table));
        let names =
            [&section.name, schema, table].map(str::to_owned).into_iter().chain(section.columns.clone());
        if let Some(odd) = names.into_iter().find(|name| !is_name(name)) {
            return Err(error(format!("{odd:?} is no name: use up to 63 letters, digits and _")));
        }
        if section.columns.is_empty() {
            return Err(error(format!("columns of {:?} is empty", section.name)));
        }
        if indexes.iter().any(|index| index.name == section.name) {
            return Err(error(format!("name {:?} is listed twice", section.name)));
        }
        indexes.push(IndexDefinition {
            table: TableName { schema: schema.to_owned(), table: table.to_owned() },
            name: section.name.clone(),
            columns: section.columns.clone(),
            unique: section.unique,
        });
    }
    Ok(indexes)
}
