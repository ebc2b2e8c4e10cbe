//! `[prometheus]`, `[alertmanager]`, `[grafana]` and `[[query]]`: what watches the platform.

use std::collections::BTreeMap;

use commands::lookup::QueryName;
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{ConfigError, Grafana, Query, Question};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertmanagerSection {
    pub(super) url: Option<Spanned<Url>>,
    pub(super) webhook_token_env: Option<String>,
    pub(super) webhook_token_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UrlSection {
    pub(super) url: Option<Spanned<Url>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrafanaSection {
    pub(super) url: Option<Spanned<Url>>,
    pub(super) link: Option<Spanned<Url>>,
    pub(super) token_env: Option<String>,
    pub(super) token_file: Option<String>,
    pub(super) dashboards: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuerySection {
    pub(super) name: Spanned<String>,
    pub(super) description: Spanned<String>,
    pub(super) sql: Option<Spanned<String>>,
    pub(super) promql: Option<Spanned<String>>,
}

/// Each is asked for by `links`.
const MOST_DASHBOARDS: usize = 12;

/// One line of a list on a phone.
const LONGEST_DESCRIPTION: usize = 100;

/// Where it is asked, and what it shows when it calls.
pub(super) fn alertmanager(
    check: &Check<'_>,
    section: Option<Spanned<AlertmanagerSection>>,
    defaults: Option<Spanned<AlertmanagerSection>>,
) -> Result<(Option<Url>, Option<SecretString>), ConfigError> {
    let Some(section) = section else { return Ok((None, None)) };
    let span = section.span();
    let section = section.into_inner();
    let token = match (&section.webhook_token_env, &section.webhook_token_file) {
        (None, None) => None,
        (env, file) => {
            let spelled =
                Spelled { key: "webhook_token", plain: None, env: env.as_deref(), file: file.as_deref() };
            Some(check.secret("alertmanager", &span, &spelled)?)
        }
    };
    let defaults = defaults.map(|defaults| UrlSection { url: defaults.into_inner().url });
    let url = check.http_url("alertmanager", Some(UrlSection { url: section.url }), defaults)?;
    Ok((url, token))
}

pub(super) fn grafana(
    check: &Check<'_>,
    section: Spanned<GrafanaSection>,
    defaults: Option<Spanned<GrafanaSection>>,
) -> Result<Grafana, ConfigError> {
    let span = section.span();
    let given = section.into_inner();
    let defaults = defaults.map(Spanned::into_inner);
    let url = given.url.or_else(|| defaults.as_ref()?.url.clone());
    let url = url.ok_or_else(|| check.error(span.clone(), "[grafana] url is missing"))?;
    for (key, url) in [("url", Some(&url)), ("link", given.link.as_ref())] {
        let Some(url) = url else { continue };
        let wrong = |what: &str| check.error(url.span(), format!("[grafana] {key} {what}"));
        if !matches!(url.get_ref().scheme(), "http" | "https") {
            return Err(wrong("must be http:// or https://"));
        }
        if !url.get_ref().username().is_empty() || url.get_ref().password().is_some() {
            return Err(wrong("must hold no user and no password: give a service account's token_env"));
        }
    }
    let token = match (&given.token_env, &given.token_file) {
        (None, None) => None,
        (env, file) => {
            let spelled = Spelled { key: "token", plain: None, env: env.as_deref(), file: file.as_deref() };
            Some(check.secret("grafana", &span, &spelled)?)
        }
    };
    let dashboards = given.dashboards.or_else(|| defaults?.dashboards).unwrap_or_default();
    if dashboards.len() > MOST_DASHBOARDS {
        let what = format!("[grafana.dashboards] has {}, at most {MOST_DASHBOARDS}", dashboards.len());
        return Err(check.error(span, what));
    }
    let is_word = |text: &str| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    for (name, uid) in &dashboards {
        let wrong = |what: &str| {
            let what = format!(
                "[grafana.dashboards] {} {what}: use 1 to 40 of a-z, A-Z, 0-9, '-' and '_'",
                name.get_ref()
            );
            check.error(uid.span(), what)
        };
        if !is_word(name.get_ref()) {
            return Err(wrong("is no name"));
        }
        if !is_word(uid.get_ref()) {
            return Err(wrong("has no uid as Grafana makes them"));
        }
    }
    let named = dashboards.into_iter().map(|(name, uid)| (name.into_inner(), uid.into_inner()));
    let link = given.link.unwrap_or_else(|| url.clone()).into_inner();
    Ok(Grafana { url: url.into_inner(), link, token, dashboards: named.collect() })
}

pub(super) fn queries(
    check: &Check<'_>,
    sections: &[Spanned<QuerySection>],
    with_postgres: bool,
    with_prometheus: bool,
) -> Result<Vec<Query>, ConfigError> {
    let mut queries: Vec<Query> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let wrong =
            |key: &Spanned<String>, what: String| check.error(key.span(), format!("[[query]] {what}"));
        let typed = section.name.get_ref();
        let name: QueryName = typed.parse().map_err(|error| {
            wrong(&section.name, format!("name: {typed:?} is no word to type: use {error}"))
        })?;
        if queries.iter().any(|query| query.name == name) {
            return Err(wrong(&section.name, format!("name {typed:?} is listed twice")));
        }
        let description = section.description.get_ref().trim();
        if description.is_empty() || description.chars().count() > LONGEST_DESCRIPTION {
            let what = format!("description of {typed:?} must have 1 to {LONGEST_DESCRIPTION} characters");
            return Err(wrong(&section.description, what));
        }
        let question = match (&section.sql, &section.promql) {
            (Some(sql), None) => {
                commands::statement::one_question(sql.get_ref())
                    .map_err(|what| wrong(sql, format!("sql of {typed:?} {what}")))?;
                if !with_postgres {
                    return Err(wrong(sql, format!("sql of {typed:?} needs [postgres]")));
                }
                Question::Sql(sql.get_ref().clone())
            }
            (None, Some(promql)) => {
                if promql.get_ref().trim().is_empty() {
                    return Err(wrong(promql, format!("promql of {typed:?} is empty")));
                }
                if !with_prometheus {
                    return Err(wrong(promql, format!("promql of {typed:?} needs [prometheus]")));
                }
                Question::PromQl(promql.get_ref().clone())
            }
            _ => {
                let what = format!("[[query]] {typed:?} needs either sql or promql, and not both");
                return Err(check.error(spanned.span(), what));
            }
        };
        queries.push(Query { name, description: description.to_owned(), question });
    }
    Ok(queries)
}

impl Check<'_> {
    pub(super) fn http_url(
        &self,
        section: &str,
        given: Option<UrlSection>,
        defaults: Option<UrlSection>,
    ) -> Result<Option<Url>, ConfigError> {
        let Some(url) = given.and_then(|given| given.url.or(defaults?.url)) else { return Ok(None) };
        if !matches!(url.get_ref().scheme(), "http" | "https") {
            return Err(self.error(url.span(), format!("[{section}] url must be http:// or https://")));
        }
        Ok(Some(url.into_inner()))
    }
}
