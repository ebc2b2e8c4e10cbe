//! `[docker]`: the engine, the project and its Compose file.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::{ComposeFiles, ConfigError, Docker, People, quorum};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DockerSection {
    pub(super) host: Option<Spanned<String>>,
    pub(super) compose_project: Option<String>,
    pub(super) database: Option<String>,
    pub(super) monitoring: Option<Vec<String>>,
    pub(super) compose_file: Option<Spanned<PathBuf>>,
    pub(super) project_directory: Option<Spanned<PathBuf>>,
    pub(super) env_file: Option<Spanned<PathBuf>>,
    pub(super) compose: Option<Vec<Spanned<PathBuf>>>,
}

pub(super) fn docker(
    check: &Check<'_>,
    section: Option<Spanned<DockerSection>>,
    defaults: Option<Spanned<DockerSection>>,
    people: &People,
    acts: bool,
) -> Result<Option<Docker>, ConfigError> {
    let Some(section) = section else { return Ok(None) };
    let span = section.span();
    if acts {
        quorum::check(people).map_err(|what| check.error(span.clone(), format!("[docker] {what}")))?;
    }
    let mut section = section.into_inner();
    let defaults = defaults.map(Spanned::into_inner);
    let compose = compose_files(check, &mut section, defaults.as_ref())?;
    if compose.is_some() && section.compose_project.is_none() {
        return Err(check.error(
            span,
            "[docker] compose_file needs compose_project: name the project that the file is of",
        ));
    }
    let host = section.host.or_else(|| defaults.as_ref()?.host.clone());
    let host = host.ok_or_else(|| check.error(span, "[docker] host is missing"))?;
    exec_docker::Docker::connect(host.get_ref(), None)
        .map_err(|error| check.error(host.span(), format!("[docker] host: {error}")))?;
    let defaults = defaults.as_ref();
    let compose_project =
        section.compose_project.or_else(|| defaults.and_then(|known| known.compose_project.clone()));
    let database = section.database.or_else(|| defaults.and_then(|known| known.database.clone()));
    let monitoring = section.monitoring.or_else(|| defaults.and_then(|known| known.monitoring.clone()));
    Ok(Some(Docker {
        host: host.into_inner(),
        compose_project,
        database: database.unwrap_or_default(),
        monitoring: monitoring.unwrap_or_default(),
        compose,
    }))
}

/// Without `compose_file` Compose is never called.
pub(super) fn compose_files(
    check: &Check<'_>,
    section: &mut DockerSection,
    defaults: Option<&DockerSection>,
) -> Result<Option<ComposeFiles>, ConfigError> {
    let absolute = |key: &str, path: Spanned<PathBuf>| {
        let span = path.span();
        if path.get_ref().is_absolute() {
            Ok(path.into_inner())
        } else {
            Err(check.error(span, format!("[docker] {key} must be an absolute path")))
        }
    };
    let Some(file) = section.compose_file.take() else {
        return match section.project_directory.as_ref().or(section.env_file.as_ref()) {
            Some(alone) => Err(check.error(
                alone.span(),
                "[docker] project_directory and env_file are for Compose: give compose_file as well",
            )),
            None => Ok(None),
        };
    };
    let span = file.span();
    let file = absolute("compose_file", file)?;
    let directory = match section.project_directory.take() {
        Some(directory) => absolute("project_directory", directory)?,
        None => file.parent().map(PathBuf::from).unwrap_or_default(),
    };
    // Which of two files called .env is meant must not be left to Compose.
    let env_file = section.env_file.take().ok_or_else(|| {
        check.error(span, "[docker] env_file is missing: name the file with Compose's variables")
    })?;
    let programs = section.compose.take().or_else(|| defaults.and_then(|known| known.compose.clone()));
    let programs = programs.unwrap_or_default().into_iter().map(|program| absolute("compose", program));
    Ok(Some(ComposeFiles {
        file,
        directory,
        env_file: absolute("env_file", env_file)?,
        programs: programs.collect::<Result<_, _>>()?,
        home: (check.variable)("HOME").map_or_else(|| PathBuf::from("/nonexistent"), PathBuf::from),
    }))
}
