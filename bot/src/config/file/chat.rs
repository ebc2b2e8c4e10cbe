//! `[slack]`, `[discord]` and `[web]`: where people talk to it.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;
use url::{Host, Url};

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{ConfigError, Discord, Slack, SlackMode};

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Socket,
    Http,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlackSection {
    pub(super) api_url: Option<Spanned<Url>>,
    pub(super) mode: Option<Mode>,
    pub(super) app_token_env: Option<String>,
    pub(super) app_token_file: Option<String>,
    pub(super) bot_token_env: Option<String>,
    pub(super) bot_token_file: Option<String>,
    pub(super) signing_secret_env: Option<String>,
    pub(super) signing_secret_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiscordSection {
    pub(super) api_url: Option<Spanned<Url>>,
    pub(super) token_env: Option<String>,
    pub(super) token_file: Option<String>,
    pub(super) application_id: Option<Spanned<String>>,
    pub(super) guild_id: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSection {
    pub(super) listen: Option<SocketAddr>,
}

pub(super) fn slack(
    check: &Check<'_>,
    section: Spanned<SlackSection>,
    defaults: &Option<Spanned<SlackSection>>,
) -> Result<Slack, ConfigError> {
    let span = section.span();
    let section = section.into_inner();
    let defaults = defaults.as_ref().map(Spanned::get_ref);
    let secret = |key, env: &Option<String>, file: &Option<String>, default: Option<&String>| {
        let env = env.as_ref().or(if file.is_some() { None } else { default });
        check.secret(
            "slack",
            &span,
            &Spelled { key, plain: None, env: env.map(String::as_str), file: file.as_deref() },
        )
    };
    let mode = section.mode.or(defaults.and_then(|d| d.mode)).unwrap_or(Mode::Socket);
    let mode = match mode {
        Mode::Socket => SlackMode::Socket {
            app_token: secret(
                "app_token",
                &section.app_token_env,
                &section.app_token_file,
                defaults.and_then(|d| d.app_token_env.as_ref()),
            )?,
        },
        Mode::Http => SlackMode::Http {
            signing_secret: secret(
                "signing_secret",
                &section.signing_secret_env,
                &section.signing_secret_file,
                defaults.and_then(|d| d.signing_secret_env.as_ref()),
            )?,
        },
    };
    let bot_token = secret(
        "bot_token",
        &section.bot_token_env,
        &section.bot_token_file,
        defaults.and_then(|d| d.bot_token_env.as_ref()),
    )?;
    let api_url = section.api_url.as_ref().or(defaults.and_then(|d| d.api_url.as_ref()));
    let api_url = api_url.ok_or_else(|| check.error(span.clone(), "[slack] api_url is missing"))?;
    Ok(Slack { api_url: check.platform_url("slack", api_url)?, bot_token, mode })
}

pub(super) fn discord(
    check: &Check<'_>,
    section: &Spanned<DiscordSection>,
    defaults: &Option<Spanned<DiscordSection>>,
) -> Result<Discord, ConfigError> {
    let span = section.span();
    let section = section.get_ref();
    let defaults = defaults.as_ref().map(Spanned::get_ref);
    let default_env = defaults.and_then(|d| d.token_env.as_deref()).filter(|_| section.token_file.is_none());
    let token = check.secret(
        "discord",
        &span,
        &Spelled {
            key: "token",
            plain: None,
            env: section.token_env.as_deref().or(default_env),
            file: section.token_file.as_deref(),
        },
    )?;
    let api_url = section.api_url.as_ref().or(defaults.and_then(|d| d.api_url.as_ref()));
    let api_url = api_url.ok_or_else(|| check.error(span.clone(), "[discord] api_url is missing"))?;
    let application_id = section.application_id.as_ref().ok_or_else(|| {
        check.error(span.clone(), "[discord] application_id is missing: copy it from the developer portal")
    })?;
    Ok(Discord {
        api_url: check.platform_url("discord", api_url)?,
        token,
        application_id: check.snowflake("application_id", application_id)?,
        guild_id: section.guild_id.as_ref().map(|id| check.snowflake("guild_id", id)).transpose()?,
    })
}

impl Check<'_> {
    /// https, or http to this machine alone: a token must not cross a network in the clear.
    pub(super) fn platform_url(&self, section: &str, url: &Spanned<Url>) -> Result<Url, ConfigError> {
        let loopback = match url.get_ref().host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.get_ref().scheme() {
            "https" => Ok(url.get_ref().clone()),
            "http" if loopback => Ok(url.get_ref().clone()),
            _ => Err(self.error(
                url.span(),
                format!("[{section}] api_url must be https:// (http:// for loopback only)"),
            )),
        }
    }

    pub(super) fn snowflake(&self, key: &str, id: &Spanned<String>) -> Result<u64, ConfigError> {
        id.get_ref().parse().ok().filter(|id| *id != 0).ok_or_else(|| {
            self.error(
                id.span(),
                format!("[discord] {key} must be the number that the developer portal shows"),
            )
        })
    }
}
