//! `[[setting]]`: what `deploy config` may change, and within which limits.

use std::path::PathBuf;

use commands::ids::ServiceName;
use serde::Deserialize;
use toml::Spanned;

use super::super::check::{Check, is_variable};
use super::super::{ConfigError, Service, Setting, SettingKind};

/// Numbers of connections are held against the database's, whose own limit this is
/// (postgresql.org/docs/current/runtime-config-connection.html).
const MOST_CONNECTIONS: u32 = 262_143;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingSection {
    service: ServiceName,
    key: String,
    file_key: Option<String>,
    env_file: PathBuf,
    min: Option<u32>,
    max: Option<u32>,
    #[serde(default)]
    connections: bool,
    one_of: Option<Vec<String>>,
    url_schemes: Option<Vec<String>>,
}

pub(super) fn all(
    check: &Check<'_>,
    sections: &[Spanned<SettingSection>],
    services: &[Service],
) -> Result<Vec<Setting>, ConfigError> {
    let mut settings: Vec<Setting> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[setting]] {what}"));
        if !services.iter().any(|service| service.name == section.service) {
            return Err(error(format!("service {:?} is no [[service]]", section.service.as_str())));
        }
        let in_file = section.file_key.as_ref().unwrap_or(&section.key);
        if !is_variable(&section.key) || !is_variable(in_file) {
            return Err(error(
                "key and file_key must be names of environment variables: letters, digits and _".to_owned(),
            ));
        }
        if !section.env_file.is_absolute() {
            return Err(error("env_file must be an absolute path".to_owned()));
        }
        let setting = Setting {
            service: section.service.clone(),
            key: section.key.clone(),
            in_file: in_file.clone(),
            env_file: section.env_file.clone(),
            kind: kind(section).map_err(|what| error(format!("{} {what}", section.key)))?,
        };
        let same = |known: &&Setting| known.service == setting.service && known.key == setting.key;
        if settings.iter().any(|known| same(&known)) {
            return Err(error(format!("{} of {} is listed twice", setting.key, setting.service)));
        }
        // One would change the other's service at the next `up`, without a word.
        let shared =
            |known: &&Setting| known.env_file == setting.env_file && known.in_file == setting.in_file;
        if let Some(other) = settings.iter().find(|known| shared(known)) {
            return Err(error(format!(
                "{} in {} is also that of {}: give each service a file_key of its own, and pass it on in the compose file",
                setting.in_file,
                setting.env_file.display(),
                other.service
            )));
        }
        settings.push(setting);
    }
    Ok(settings)
}

fn kind(section: &SettingSection) -> Result<SettingKind, String> {
    match (section.min, section.max, &section.one_of, &section.url_schemes) {
        (Some(min), Some(max), None, None) if min <= max => {
            let connections = section.connections;
            if connections && max > MOST_CONNECTIONS {
                return Err(format!("has a max of more connections than {MOST_CONNECTIONS}"));
            }
            Ok(SettingKind::Number { min, max, connections })
        }
        (None, None, Some(words), None) if !words.is_empty() && !section.connections => {
            Ok(SettingKind::OneOf(words.clone()))
        }
        (None, None, None, Some(schemes)) if !schemes.is_empty() && !section.connections => {
            Ok(SettingKind::Url(schemes.clone()))
        }
        _ => Err("needs either min and max (min not above max), or one_of, or url_schemes".to_owned()),
    }
}
