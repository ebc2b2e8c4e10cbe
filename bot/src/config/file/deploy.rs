//! `[deploy]` and `[security]`: where the code, its images and its scans are.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::{ConfigError, Security};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeploySection {
    pub(super) repository: Option<Spanned<PathBuf>>,
    pub(super) keep_images: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecuritySection {
    pub(super) trivy_reports: Option<Spanned<PathBuf>>,
    pub(super) package_lists: Option<Spanned<PathBuf>>,
}

pub(super) fn repository(
    check: &Check<'_>,
    section: Option<DeploySection>,
    defaults: Option<DeploySection>,
) -> Result<Option<PathBuf>, ConfigError> {
    let repository = section.and_then(|section| section.repository.or(defaults?.repository));
    let Some(repository) = repository else { return Ok(None) };
    if !repository.get_ref().is_absolute() {
        return Err(check.error(repository.span(), "[deploy] repository must be an absolute path"));
    }
    Ok(Some(repository.into_inner()))
}

/// Also without the section: a cleanup never takes the last way back.
pub(super) fn keep_images(
    check: &Check<'_>,
    section: Option<&DeploySection>,
    defaults: Option<&DeploySection>,
) -> Result<usize, ConfigError> {
    let given = section.and_then(|section| section.keep_images.as_ref());
    let Some(keep) = given.or_else(|| defaults?.keep_images.as_ref()) else { return Ok(1) };
    if !(1..=100).contains(keep.get_ref()) {
        return Err(check.error(keep.span(), "[deploy] keep_images must be 1 to 100"));
    }
    Ok(*keep.get_ref())
}

pub(super) fn security(
    check: &Check<'_>,
    section: SecuritySection,
    defaults: Option<SecuritySection>,
) -> Result<Security, ConfigError> {
    let folder = |key: &str, dir: Option<Spanned<PathBuf>>| match dir {
        Some(dir) if !dir.get_ref().is_absolute() => {
            Err(check.error(dir.span(), format!("[security] {key} must be an absolute path")))
        }
        dir => Ok(dir.map(Spanned::into_inner)),
    };
    Ok(Security {
        trivy_reports: folder("trivy_reports", section.trivy_reports)?,
        package_lists: folder("package_lists", section.package_lists.or_else(|| defaults?.package_lists))?,
    })
}
