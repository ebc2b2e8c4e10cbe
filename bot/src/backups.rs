//! The platform's backups.

use std::time::Duration;

use commands::archive::{ArchiveName, Look, Sums};
use commands::backup::{Archive, Backups};
use exec_host::HostError;
use jiff::Timestamp;

use crate::app::App;
use crate::config;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, execute, report};

/// In place of a name.
pub const NEWEST: &str = "newest";
/// To read an archive through.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// What lies in their folder.
pub async fn list(app: &App) -> Performed {
    let Some(config) = &app.config.backups else {
        return Performed::done(report::not_configured("backups"), News::Bad);
    };
    match read(config).await {
        Ok(backups) => {
            let now = clock::now();
            Performed::done(report::backups(&backups, now), news(backups.are_well(now)))
        }
        Err(error) => Performed::failed(report::unavailable("The backups' folder", &error.to_string())),
    }
}

/// The files of the configured folder.
pub async fn read(config: &config::Backups) -> Result<Backups, HostError> {
    exec_host::backups(&config.dir.display().to_string(), DEADLINE).await
}

/// Whether one archive is whole: its bytes beside its manifest, its begin and end, and, where the database's
/// programs can be asked, the tables that it lists.
pub async fn verify(app: &App, asked: &ArchiveName) -> Performed {
    let Some(config) = &app.config.backups else {
        return Performed::done(report::not_configured("backups"), News::Bad);
    };
    match look_into(app, config, asked).await {
        Ok(Some(looked)) => {
            let well = looked.is_well();
            Performed::done(report::verified(&looked, clock::now()), news(well))
        }
        Ok(None) => Performed::failed(report::no_such_backup(asked)),
        Err(error) => Performed::failed(report::unavailable("The backup", &error.to_string())),
    }
}

/// An archive looked into.
#[derive(Clone, Debug)]
pub struct Looked {
    /// As the catalogue has it.
    pub archive: Archive,
    /// Its bytes.
    pub sums: Sums,
    /// Its begin and end.
    pub look: Look,
    /// The tables that it lists; `None` where that is not to be had of this kind, or without
    /// `[postgres] container`.
    pub listed: Option<Result<Vec<String>, String>>,
}

impl Looked {
    /// The tables of its manifest that it does not list.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        match (&self.archive.manifest, &self.listed) {
            (Some(Ok(manifest)), Some(Ok(listed))) => {
                manifest.tables.keys().filter(|table| !lists(listed, table)).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is one to rely on.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let holds_files = self.archive.holds_files();
        let fits = if holds_files { self.look == Look::Gzip } else { self.look.dump().is_some() };
        self.sums.agree() && fits && !matches!(self.listed, Some(Err(_))) && self.missing().is_empty()
    }
}

/// Whether a dump's list names a table. A name with a blank in it stands there with its owner behind it.
#[must_use]
pub fn lists(listed: &[String], table: &str) -> bool {
    let spaced = format!("{} ", table.replacen('.', " ", 1));
    listed.iter().any(|one| one == table || one.starts_with(&spaced))
}

/// The archive of the catalogue that somebody means: by its name, or the newest good one of the database.
#[must_use]
pub fn meant<'a>(backups: &'a Backups, asked: &ArchiveName, now: Timestamp) -> Option<&'a Archive> {
    let named = backups.archives.iter().find(|archive| archive.name == asked.as_str());
    named.or_else(|| backups.newest_good(now).filter(|_| asked.as_str() == NEWEST))
}

async fn look_into(
    app: &App,
    config: &config::Backups,
    asked: &ArchiveName,
) -> Result<Option<Looked>, HostError> {
    let backups = read(config).await?;
    let Some(archive) = meant(&backups, asked, clock::now()).cloned() else { return Ok(None) };
    let folder = config.dir.display().to_string();
    let sums = exec_host::verify_sums(&folder, &archive.name, LONGEST).await?;
    let look = exec_host::inspect(&folder, &archive.name, DEADLINE).await?;
    let listed = match look {
        Look::Custom { .. } => execute::tables_in(app, &folder, &archive.name).await,
        Look::Empty | Look::Plain { .. } | Look::Gzip | Look::Unknown => None,
    };
    Ok(Some(Looked { archive, sums, look, listed }))
}
