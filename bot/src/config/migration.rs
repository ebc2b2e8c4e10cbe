//! `[migration]`: what runs the database's migrations.

use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::check::{Check, is_variable};
use super::secret::Spelled;

/// What the database's migrations are run by, in a container that is made for it and removed.
#[derive(Clone, Debug)]
pub struct Migration {
    /// What that container is made like.
    pub like: MigrationLike,
    /// Argument vector that brings the database to the newest revision.
    pub upgrade: Vec<String>,
    /// Argument vector that prints the newest revisions that there are.
    pub heads: Vec<String>,
    /// Argument vector that prints the revisions that its database has.
    pub current: Vec<String>,
    /// The variable that names the database to the program.
    pub database_variable: String,
    /// Its value; `None` where the container that it is made like has it.
    pub database_url: Option<SecretString>,
}

/// What a container for migrations is made like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationLike {
    /// The container of a compose service, whether it runs or not.
    Service(String),
    /// An image, on these networks.
    Image {
        /// By its name.
        reference: String,
        /// By their names.
        networks: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MigrationSection {
    service: Option<String>,
    image: Option<String>,
    networks: Option<Vec<String>>,
    upgrade: Option<Vec<String>>,
    heads: Option<Vec<String>>,
    current: Option<Vec<String>>,
    database_variable: Option<String>,
    database_url_env: Option<String>,
    database_url_file: Option<String>,
}

pub(super) fn read(
    check: &Check<'_>,
    section: Spanned<MigrationSection>,
    defaults: Option<Spanned<MigrationSection>>,
) -> Result<Migration, ConfigError> {
    let span = section.span();
    let given = section.into_inner();
    let defaults = defaults.map(Spanned::into_inner);
    let known = defaults.as_ref();
    let wrong = |what: String| check.error(span.clone(), format!("[migration] {what}"));
    let blank = |text: &String| text.trim().is_empty();
    let like = match (given.service, given.image) {
        (Some(_), Some(_)) => return Err(wrong("has service and image: keep one of them".to_owned())),
        (_, Some(image)) if blank(&image) => return Err(wrong("image is blank".to_owned())),
        (None, Some(reference)) => {
            MigrationLike::Image { reference, networks: given.networks.unwrap_or_default() }
        }
        (_, None) if given.networks.is_some() => {
            return Err(wrong("networks are for image: a service has its own".to_owned()));
        }
        (service, None) => {
            let service = service.or_else(|| known?.service.clone());
            let service = service.filter(|service| !blank(service));
            MigrationLike::Service(service.ok_or_else(|| wrong("service is blank".to_owned()))?)
        }
    };
    let program = |key: &str, given: Option<Vec<String>>, known: Option<&Vec<String>>| {
        let argv = given.or_else(|| known.cloned()).unwrap_or_default();
        if argv.is_empty() || argv.iter().any(|word| word.contains('\0')) {
            return Err(wrong(format!(
                "{key} needs a program with its arguments, such as [\"alembic\", \"heads\"]"
            )));
        }
        Ok(argv)
    };
    let variable = given.database_variable.or_else(|| known?.database_variable.clone());
    let variable = variable.filter(|name| is_variable(name));
    let database_url = match (&given.database_url_env, &given.database_url_file) {
        (None, None) => None,
        (env, file) => {
            let spelled =
                Spelled { key: "database_url", plain: None, env: env.as_deref(), file: file.as_deref() };
            Some(check.secret("migration", &span, &spelled)?)
        }
    };
    if database_url.is_none() && matches!(like, MigrationLike::Image { .. }) {
        return Err(wrong(
            "image needs database_url_env or database_url_file: nothing else names the database".to_owned(),
        ));
    }
    Ok(Migration {
        like,
        upgrade: program("upgrade", given.upgrade, known.and_then(|known| known.upgrade.as_ref()))?,
        heads: program("heads", given.heads, known.and_then(|known| known.heads.as_ref()))?,
        current: program("current", given.current, known.and_then(|known| known.current.as_ref()))?,
        database_variable: variable.ok_or_else(|| {
            wrong(
                "database_variable must be the name of an environment variable: letters, digits and _"
                    .to_owned(),
            )
        })?,
        database_url,
    })
}
