//! `[backups]`: where the platform's backups are, and which files are among them.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::check::Check;

/// The platform's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// An absolute path on the bot's machine.
    pub dir: PathBuf,
    /// Files and folders that are archived, by absolute paths.
    pub files: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupsSection {
    dir: Option<Spanned<PathBuf>>,
    files: Option<Vec<Spanned<PathBuf>>>,
}

pub(super) fn read(
    check: &Check<'_>,
    section: Option<BackupsSection>,
    defaults: Option<BackupsSection>,
) -> Result<Option<Backups>, ConfigError> {
    let Some(section) = section else { return Ok(None) };
    let Some(dir) = section.dir.or_else(|| defaults?.dir) else { return Ok(None) };
    if !dir.get_ref().is_absolute() {
        return Err(check.error(dir.span(), "[backups] dir must be an absolute path"));
    }
    let files = section.files.unwrap_or_default().into_iter().map(|path| {
        let upwards = path.get_ref().components().any(|part| part.as_os_str() == "..");
        if path.get_ref().is_absolute() && !upwards {
            Ok(path.into_inner())
        } else {
            Err(check.error(path.span(), "[backups] files must be absolute paths without .."))
        }
    });
    Ok(Some(Backups { dir: dir.into_inner(), files: files.collect::<Result<_, _>>()? }))
}
