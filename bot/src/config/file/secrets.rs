//! `[[secret]]`: what is checked and rotated, and never shown.

use std::path::PathBuf;

use commands::ids::ServiceName;
use commands::secrets::Rotated;
use serde::Deserialize;
use toml::Spanned;

use super::super::check::{Check, is_variable};
use super::super::{ConfigError, Secret, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretSection {
    pub(super) service: ServiceName,
    pub(super) variable: String,
    pub(super) env_file: Option<PathBuf>,
    pub(super) rotate: Option<Rotated>,
    pub(super) length: Option<u32>,
}

/// Letters and digits of a secret that the bot makes: five bits and more each.
const SECRET_LENGTH: std::ops::RangeInclusive<u32> = 32..=256;

/// As long as one is if nobody says.
const SECRET_LENGTH_DEFAULT: u32 = 64;

pub(super) fn secrets(
    check: &Check<'_>,
    sections: &[Spanned<SecretSection>],
    services: &[Service],
) -> Result<Vec<Secret>, ConfigError> {
    let mut secrets: Vec<Secret> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[secret]] {what}"));
        if !services.iter().any(|service| service.name == section.service) {
            return Err(error(format!("service {:?} is no [[service]]", section.service.as_str())));
        }
        // A value in the place of a name must not be repeated.
        if !is_variable(&section.variable) {
            return Err(error(
                "variable must be the name of an environment variable: letters, digits and _".to_owned(),
            ));
        }
        if section.env_file.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(error("env_file must be an absolute path".to_owned()));
        }
        if section.rotate.is_some() && section.env_file.is_none() {
            return Err(error(
                "rotate needs env_file: a new value that stands in no file is lost".to_owned(),
            ));
        }
        if section.length.is_some_and(|length| !SECRET_LENGTH.contains(&length)) {
            let (least, most) = (SECRET_LENGTH.start(), SECRET_LENGTH.end());
            return Err(error(format!("length must be {least} to {most} characters")));
        }
        let secret = Secret {
            service: section.service.clone(),
            variable: section.variable.clone(),
            env_file: section.env_file.clone(),
            rotate: section.rotate,
            length: section.length.unwrap_or(SECRET_LENGTH_DEFAULT),
        };
        // One value goes into one file, which is either the old one or the new one.
        let elsewhere = |known: &&Secret| {
            known.rotate.is_some() && known.rotate == secret.rotate && known.env_file != secret.env_file
        };
        if secrets.iter().any(|known| elsewhere(&known)) {
            return Err(error("all entries with the same rotate must have the same env_file".to_owned()));
        }
        let same = |known: &&Secret| known.service == secret.service && known.variable == secret.variable;
        if secrets.iter().any(|known| same(&known)) {
            return Err(error(format!("variable {} of {} is listed twice", secret.variable, secret.service)));
        }
        secrets.push(secret);
    }
    Ok(secrets)
}
