//! `[[service]]`, `[auth]` and `[public]`: what is asked how it is.

use commands::ids::ServiceName;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{Auth, ConfigError, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceSection {
    pub(super) name: ServiceName,
    pub(super) url: Spanned<Url>,
    pub(super) health_path: Option<String>,
    pub(super) read_path: Option<String>,
    pub(super) container: Option<String>,
    #[serde(default)]
    pub(super) critical: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthSection {
    pub(super) url: Option<Spanned<Url>>,
    pub(super) canary_user: Option<String>,
    pub(super) canary_password_env: Option<String>,
    pub(super) canary_password_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicSection {
    pub(super) health_url: Spanned<Url>,
}

pub(super) fn services(
    check: &Check<'_>,
    sections: &[Spanned<ServiceSection>],
    defaults: &[Spanned<ServiceSection>],
) -> Result<Vec<Service>, ConfigError> {
    let default_path = defaults.iter().find_map(|s| s.get_ref().health_path.clone()).unwrap_or_default();
    let mut services: Vec<Service> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        if services.iter().any(|service| service.name == section.name) {
            return Err(check.error(
                spanned.span(),
                format!("[[service]] name {:?} is listed twice", section.name.as_str()),
            ));
        }
        let path = section.health_path.as_deref().unwrap_or(&default_path);
        let base = section.url.get_ref();
        if !matches!(base.scheme(), "http" | "https") {
            return Err(check.error(section.url.span(), "[[service]] url must be http:// or https://"));
        }
        let below = |key: &str, path: &str| {
            let joined = format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
            joined.parse::<Url>().map_err(|error| {
                let what = format!("[[service]] {key} {path:?} does not fit after url: {error}");
                check.error(spanned.span(), what)
            })
        };
        services.push(Service {
            name: section.name.clone(),
            health_url: below("health_path", path)?,
            read_url: section.read_path.as_deref().map(|path| below("read_path", path)).transpose()?,
            container: section.container.clone(),
            critical: section.critical,
        });
    }
    Ok(services)
}

pub(super) fn auth(
    check: &Check<'_>,
    section: Spanned<AuthSection>,
    defaults: Option<Spanned<AuthSection>>,
) -> Result<Auth, ConfigError> {
    let span = section.span();
    let given = section.into_inner();
    let defaults = defaults.map(Spanned::into_inner);
    let none = given.canary_password_file.is_none();
    let default_env = defaults.as_ref().and_then(|d| d.canary_password_env.as_deref()).filter(|_| none);
    let canary_password = check.secret(
        "auth",
        &span,
        &Spelled {
            key: "canary_password",
            plain: None,
            env: given.canary_password_env.as_deref().or(default_env),
            file: given.canary_password_file.as_deref(),
        },
    )?;
    let missing = |key: &str| check.error(span.clone(), format!("[auth] {key} is missing"));
    let canary_user = given.canary_user.or_else(|| defaults.as_ref()?.canary_user.clone());
    let canary_user = canary_user.ok_or_else(|| missing("canary_user"))?;
    let url = given.url.or_else(|| defaults?.url).ok_or_else(|| missing("url"))?;
    if !matches!(url.get_ref().scheme(), "http" | "https") {
        return Err(check.error(url.span(), "[auth] url must be http:// or https://"));
    }
    Ok(Auth { url: url.into_inner(), canary_user, canary_password })
}

pub(super) fn public(check: &Check<'_>, section: PublicSection) -> Result<Url, ConfigError> {
    if !matches!(section.health_url.get_ref().scheme(), "http" | "https") {
        return Err(check.error(section.health_url.span(), "[public] health_url must be https:// or http://"));
    }
    Ok(section.health_url.into_inner())
}
