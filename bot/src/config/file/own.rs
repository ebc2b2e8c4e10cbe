//! `[bot]`, `[store]` and `[status_page]`: the bot itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use commands::ids::Room;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use store::Store;
use toml::Spanned;

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{Bot, ConfigError, LogFormat, StoreUrl, WebhookUrl, runbook};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct BotSection {
    pub(super) name: Option<String>,
    pub(super) http_listen: Option<SocketAddr>,
    pub(super) data_dir: Option<Spanned<PathBuf>>,
    pub(super) incident_channels: Option<Vec<Room>>,
    pub(super) runbook_dir: Option<Spanned<PathBuf>>,
    pub(super) log: Option<LogFormat>,
    pub(super) heartbeat_url: Option<String>,
    pub(super) heartbeat_url_env: Option<String>,
    pub(super) heartbeat_url_file: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreSection {
    pub(super) url: Option<String>,
    pub(super) url_env: Option<String>,
    pub(super) url_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusPageSection {
    webhook: Option<String>,
    webhook_env: Option<String>,
    webhook_file: Option<String>,
}

pub(super) fn bot(section: BotSection, defaults: BotSection) -> Bot {
    const FALLBACK: &str = "deploy/acgs.toml is tested to have every key of [bot]";
    Bot {
        name: section.name.or(defaults.name).expect(FALLBACK),
        http_listen: section.http_listen.or(defaults.http_listen).expect(FALLBACK),
        // A list is taken whole: the sample's rooms are nobody's.
        incident_channels: section.incident_channels.unwrap_or_default(),
        log: section.log.or(defaults.log).expect(FALLBACK),
    }
}

pub(super) fn heartbeat(check: &Check<'_>, section: &BotSection) -> Result<Option<WebhookUrl>, ConfigError> {
    let spelled = Spelled {
        key: "heartbeat_url",
        plain: section.heartbeat_url.as_deref(),
        env: section.heartbeat_url_env.as_deref(),
        file: section.heartbeat_url_file.as_deref(),
    };
    check.webhook("bot", &(0..0), &spelled)
}

pub(super) fn data_dir(
    check: &Check<'_>,
    section: &BotSection,
    defaults: &BotSection,
) -> Result<Option<PathBuf>, ConfigError> {
    let Some(given) = &section.data_dir else {
        return Ok(defaults.data_dir.as_ref().map(|dir| dir.get_ref().clone()));
    };
    if !given.get_ref().is_absolute() {
        return Err(check.error(given.span(), "[bot] data_dir must be an absolute path"));
    }
    Ok(Some(given.get_ref().clone()))
}

/// Without `[store]`, or without a URL in it, the records are in an SQLite file in the data folder.
pub(super) fn store(
    check: &Check<'_>,
    section: Option<Spanned<StoreSection>>,
    data_dir: Option<PathBuf>,
) -> Result<StoreUrl, ConfigError> {
    let embedded = data_dir.map(|dir| format!("sqlite://{}", dir.join("acgs.db").display()));
    let span = section.as_ref().map_or(0..0, Spanned::span);
    let section = section.map(Spanned::into_inner).unwrap_or_default();
    let none = section.url_env.is_none() && section.url_file.is_none();
    let url = check.secret(
        "store",
        &span,
        &Spelled {
            key: "url",
            plain: section.url.as_deref().or(embedded.as_deref().filter(|_| none)),
            env: section.url_env.as_deref(),
            file: section.url_file.as_deref(),
        },
    )?;
    // Its own words name the section and the key.
    Store::check_url(url.expose_secret()).map_err(|error| check.error(span, error.to_string()))?;
    Ok(StoreUrl(url))
}

impl Check<'_> {
    /// The operators' own runbooks, where the file names a folder of them.
    pub(super) fn runbook_dir(&self, bot: &BotSection) -> Result<Vec<PathBuf>, ConfigError> {
        let Some(dir) = &bot.runbook_dir else { return Ok(Vec::new()) };
        runbook::files(dir.get_ref()).map_err(|error| {
            let shown = dir.get_ref().display();
            self.error(dir.span(), format!("[bot] runbook_dir: {shown} can't be read: {error}"))
        })
    }
}

pub(super) fn status_webhook(
    check: &Check<'_>,
    section: Option<&Spanned<StatusPageSection>>,
) -> Result<Option<WebhookUrl>, ConfigError> {
    let Some(section) = section else { return Ok(None) };
    let spelled = Spelled {
        key: "webhook",
        plain: section.get_ref().webhook.as_deref(),
        env: section.get_ref().webhook_env.as_deref(),
        file: section.get_ref().webhook_file.as_deref(),
    };
    check.webhook("status_page", &section.span(), &spelled)
}
