//! The file as it is written, and the way from there to a checked [`Config`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use commands::approval::Windows;
use commands::grammar::Grammar;
use commands::ids::{Account, Platform, Room, ServiceName};
use commands::lookup::QueryName;
use commands::period::Period;
use commands::restore::DatabaseName;
use commands::risk::Role;
use commands::secrets::Rotated;
use commands::table::{IndexDefinition, TableName};
use commands::task::{Every, Task, TaskName};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use store::Store;
use toml::Spanned;
use url::{Host, Url};

use super::backups::{self, BackupsSection};
use super::firewall::{self, FirewallSection};
use super::migration::{self, MigrationSection};
use super::schedule::ScheduleSection;
use super::secret::Spelled;
use super::{
    Administration, Auth, Bot, ComposeFiles, Config, ConfigError, Contact, DEFAULTS, Discord, Docker,
    Grafana, LogFormat, People, Person, Postgres, Proof, Query, Question, Secret, Security, Service, Slack,
    SlackMode, StoreUrl, Web, WebhookUrl,
};
use super::{document, quorum, runbook, schedule};

mod escalation;
mod setting;

pub(super) use escalation::reached;

/// Each is asked for by `links`.
const MOST_DASHBOARDS: usize = 12;

/// One line of a list on a phone.
const LONGEST_DESCRIPTION: usize = 100;

/// Letters and digits of a secret that the bot makes: five bits and more each.
const SECRET_LENGTH: std::ops::RangeInclusive<u32> = 32..=256;

/// As long as one is if nobody says.
const SECRET_LENGTH_DEFAULT: u32 = 64;

/// A sentence or two.
const LONGEST_TASK: usize = 300;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    bot: BotSection,
    store: Option<Spanned<StoreSection>>,
    slack: Option<Spanned<SlackSection>>,
    discord: Option<Spanned<DiscordSection>>,
    web: Option<WebSection>,
    docker: Option<Spanned<DockerSection>>,
    postgres: Option<Spanned<PostgresSection>>,
    prometheus: Option<UrlSection>,
    alertmanager: Option<Spanned<AlertmanagerSection>>,
    grafana: Option<Spanned<GrafanaSection>>,
    auth: Option<Spanned<AuthSection>>,
    public: Option<PublicSection>,
    oncall: Option<Spanned<escalation::OncallSection>>,
    #[serde(default, rename = "rotation")]
    rotations: Vec<Spanned<escalation::RotationSection>>,
    #[serde(default, rename = "escalation")]
    escalations: Vec<Spanned<escalation::EscalationSection>>,
    #[serde(default, rename = "contact")]
    contacts: Vec<Spanned<Contact>>,
    #[serde(default)]
    approval: ApprovalSection,
    #[serde(default)]
    proof: ProofSection,
    status_page: Option<Spanned<StatusPageSection>>,
    deploy: Option<DeploySection>,
    migration: Option<Spanned<MigrationSection>>,
    firewall: Option<FirewallSection>,
    backups: Option<BackupsSection>,
    security: Option<SecuritySection>,
    #[serde(default, rename = "secret")]
    secrets: Vec<Spanned<SecretSection>>,
    #[serde(default, rename = "setting")]
    settings: Vec<Spanned<SettingSection>>,
    #[serde(default, rename = "service")]
    services: Vec<Spanned<ServiceSection>>,
    #[serde(default, rename = "query")]
    queries: Vec<Spanned<QuerySection>>,
    #[serde(default, rename = "index")]
    indexes: Vec<Spanned<IndexSection>>,
    #[serde(default, rename = "task")]
    tasks: Vec<Spanned<TaskSection>>,
    #[serde(default, rename = "schedule")]
    schedules: Vec<Spanned<ScheduleSection>>,
    #[serde(default, rename = "person")]
    people: Vec<Spanned<PersonSection>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct BotSection {
    name: Option<String>,
    http_listen: Option<SocketAddr>,
    data_dir: Option<Spanned<PathBuf>>,
    incident_channels: Option<Vec<Room>>,
    runbook_dir: Option<Spanned<PathBuf>>,
    log: Option<LogFormat>,
    heartbeat_url: Option<String>,
    heartbeat_url_env: Option<String>,
    heartbeat_url_file: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StoreSection {
    url: Option<String>,
    url_env: Option<String>,
    url_file: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Socket,
    Http,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlackSection {
    api_url: Option<Spanned<Url>>,
    mode: Option<Mode>,
    app_token_env: Option<String>,
    app_token_file: Option<String>,
    bot_token_env: Option<String>,
    bot_token_file: Option<String>,
    signing_secret_env: Option<String>,
    signing_secret_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscordSection {
    api_url: Option<Spanned<Url>>,
    token_env: Option<String>,
    token_file: Option<String>,
    application_id: Option<Spanned<String>>,
    guild_id: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSection {
    listen: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DockerSection {
    host: Option<Spanned<String>>,
    compose_project: Option<String>,
    database: Option<String>,
    monitoring: Option<Vec<String>>,
    compose_file: Option<Spanned<PathBuf>>,
    project_directory: Option<Spanned<PathBuf>>,
    env_file: Option<Spanned<PathBuf>>,
    compose: Option<Vec<Spanned<PathBuf>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostgresSection {
    url: Option<String>,
    url_env: Option<String>,
    url_file: Option<String>,
    signal_url: Option<String>,
    signal_url_env: Option<String>,
    signal_url_file: Option<String>,
    container: Option<Spanned<String>>,
    admin_role: Option<String>,
    maintenance_database: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ApprovalSection {
    approve_within: Option<Spanned<String>>,
    start_within: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ProofSection {
    settle: Option<Spanned<String>>,
    within: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusPageSection {
    webhook: Option<String>,
    webhook_env: Option<String>,
    webhook_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertmanagerSection {
    url: Option<Spanned<Url>>,
    webhook_token_env: Option<String>,
    webhook_token_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlSection {
    url: Option<Spanned<Url>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrafanaSection {
    url: Option<Spanned<Url>>,
    link: Option<Spanned<Url>>,
    token_env: Option<String>,
    token_file: Option<String>,
    dashboards: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthSection {
    url: Option<Spanned<Url>>,
    canary_user: Option<String>,
    canary_password_env: Option<String>,
    canary_password_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploySection {
    repository: Option<Spanned<PathBuf>>,
    keep_images: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecuritySection {
    trivy_reports: Option<Spanned<PathBuf>>,
    package_lists: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicSection {
    health_url: Spanned<Url>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretSection {
    service: ServiceName,
    variable: String,
    env_file: Option<PathBuf>,
    rotate: Option<Rotated>,
    length: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingSection {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceSection {
    name: ServiceName,
    url: Spanned<Url>,
    health_path: Option<String>,
    read_path: Option<String>,
    container: Option<String>,
    #[serde(default)]
    critical: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuerySection {
    name: Spanned<String>,
    description: Spanned<String>,
    sql: Option<Spanned<String>>,
    promql: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexSection {
    name: String,
    table: String,
    columns: Vec<String>,
    #[serde(default)]
    unique: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskSection {
    name: Spanned<String>,
    every: Every,
    what: Spanned<String>,
    line: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonSection {
    name: String,
    slack: Option<String>,
    discord: Option<String>,
    web: Option<String>,
    cli: Option<String>,
    phone: Option<String>,
    page_webhook: Option<String>,
    page_webhook_env: Option<String>,
    page_webhook_file: Option<String>,
    roles: Vec<Role>,
    #[serde(default)]
    disabled: bool,
}

/// One file being checked: gives errors their line.
pub(super) struct Check<'a> {
    shown: &'a str,
    text: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Check<'_> {
    pub(super) fn error(&self, span: Range<usize>, what: impl Into<String>) -> ConfigError {
        ConfigError::at(self.shown, Some(document::line_of(self.text, span.start)), what)
    }

    pub(super) fn secret(
        &self,
        section: &str,
        span: &Range<usize>,
        spelled: &Spelled<'_>,
    ) -> Result<SecretString, ConfigError> {
        spelled.resolve(self.variable).map_err(|what| self.error(span.clone(), format!("[{section}] {what}")))
    }

    /// An address that something is posted to, where one is given. It may hold a key and so is a secret.
    fn webhook(
        &self,
        section: &str,
        span: &Range<usize>,
        spelled: &Spelled<'_>,
    ) -> Result<Option<WebhookUrl>, ConfigError> {
        if spelled.plain.is_none() && spelled.env.is_none() && spelled.file.is_none() {
            return Ok(None);
        }
        let url = self.secret(section, span, spelled)?;
        let good = Url::parse(url.expose_secret()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if good {
            return Ok(Some(WebhookUrl(url)));
        }
        Err(self.error(span.clone(), format!("[{section}] {} must be http:// or https://", spelled.key)))
    }

    /// https, or http to this machine alone: a token must not cross a network in the clear.
    fn platform_url(&self, section: &str, url: &Spanned<Url>) -> Result<Url, ConfigError> {
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

    fn http_url(
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

    /// The operators' own runbooks, where the file names a folder of them.
    fn runbook_dir(&self, bot: &BotSection) -> Result<Vec<PathBuf>, ConfigError> {
        let Some(dir) = &bot.runbook_dir else { return Ok(Vec::new()) };
        runbook::files(dir.get_ref()).map_err(|error| {
            let shown = dir.get_ref().display();
            self.error(dir.span(), format!("[bot] runbook_dir: {shown} can't be read: {error}"))
        })
    }

    /// A length of time from a second to `most`.
    fn length(
        &self,
        key: &str,
        given: Option<Spanned<String>>,
        default: Option<Spanned<String>>,
        most: Period,
    ) -> Result<Duration, ConfigError> {
        let Some(typed) = given.or(default) else {
            return Err(self.error(0..0, format!("{key} is missing")));
        };
        let read = Period::between(typed.get_ref(), Period::seconds(1), most);
        read.map(Duration::from)
            .map_err(|expected| self.error(typed.span(), format!("{key} must be {expected}")))
    }

    fn snowflake(&self, key: &str, id: &Spanned<String>) -> Result<u64, ConfigError> {
        id.get_ref().parse().ok().filter(|id| *id != 0).ok_or_else(|| {
            self.error(
                id.span(),
                format!("[discord] {key} must be the number that the developer portal shows"),
            )
        })
    }
}

/// Reads `text`, fills gaps of present sections from [`DEFAULTS`] and checks everything.
pub(super) fn resolve(
    shown: &str,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file: File = document::read(shown, text)?;
    let defaults: File = document::read("deploy/acgs.toml", DEFAULTS)?;
    let check = Check { shown, text, variable };
    let services = services(&check, &file.services, &defaults)?;
    let names = services.iter().map(|service| service.name.clone()).collect();
    let grammar = Grammar::new(names);
    let runbooks = runbook::all(&check.runbook_dir(&file.bot)?, &grammar)?;
    let tasks = tasks(&check, &file.tasks, &grammar)?;
    let queries = queries(&check, &file)?;
    let people = people(&check, &file.people)?;
    let data_dir = data_dir(&check, &file.bot, &defaults.bot)?;
    let oncall = match (file.oncall, file.rotations) {
        (Some(section), rotations) => Some(escalation::oncall(&check, section, rotations, &people)?),
        (None, rotations) => match rotations.first() {
            Some(rotation) => {
                return Err(
                    check.error(rotation.span(), "[[rotation]] needs [oncall]: say whom it turns among")
                );
            }
            None => None,
        },
    };
    let connects = |platform| match platform {
        Platform::Slack => file.slack.is_some(),
        Platform::Discord => file.discord.is_some(),
        Platform::Web => file.web.is_some(),
        Platform::Cli => false,
    };
    let ladders = escalation::schedule(&check, file.escalations, oncall.as_ref(), &people, &connects)?;
    let heartbeat = heartbeat(&check, &file.bot)?;
    let status_webhook = match &file.status_page {
        Some(section) => {
            let spelled = Spelled {
                key: "webhook",
                plain: section.get_ref().webhook.as_deref(),
                env: section.get_ref().webhook_env.as_deref(),
                file: section.get_ref().webhook_file.as_deref(),
            };
            check.webhook("status_page", &section.span(), &spelled)?
        }
        None => None,
    };
    let (alertmanager, alertmanager_token) = alertmanager(&check, file.alertmanager, defaults.alertmanager)?;
    let bot = bot(file.bot, defaults.bot);
    // Elsewhere nothing that acts is taken.
    let acts = !bot.incident_channels.is_empty();
    let schedules = schedule::all(&check, &file.schedules, &grammar, &bot, file.backups.is_some())?;
    Ok(Config {
        bot,
        store: store(&check, file.store, data_dir)?,
        slack: file.slack.map(|section| slack(&check, section, &defaults.slack)).transpose()?,
        discord: file.discord.map(|section| discord(&check, &section, &defaults.discord)).transpose()?,
        web: file.web.and_then(|section| {
            section.listen.or(defaults.web.as_ref()?.listen).map(|listen| Web { listen })
        }),
        docker: docker(&check, file.docker, defaults.docker, &people, acts)?,
        postgres: file.postgres.map(|section| postgres(&check, &section, &defaults.postgres)).transpose()?,
        prometheus: check.http_url("prometheus", file.prometheus, defaults.prometheus)?,
        alertmanager,
        alertmanager_token,
        grafana: file.grafana.map(|section| grafana(&check, section, defaults.grafana)).transpose()?,
        auth: file.auth.map(|section| auth(&check, section, defaults.auth)).transpose()?,
        public: file.public.map(|section| public(&check, section)).transpose()?,
        oncall,
        escalation: ladders,
        status_webhook,
        heartbeat,
        contacts: contacts(&check, file.contacts)?,
        approval: approval(&check, file.approval, defaults.approval)?,
        proof: proof(&check, file.proof, defaults.proof)?,
        keep_images: keep_images(&check, file.deploy.as_ref(), defaults.deploy.as_ref())?,
        repository: repository(&check, file.deploy, defaults.deploy)?,
        backups: backups::read(&check, file.backups, defaults.backups)?,
        security: file.security.map(|section| security(&check, section, defaults.security)).transpose()?,
        checked_secrets: secrets(&check, &file.secrets, &services)?,
        settings: setting::all(&check, &file.settings, &services)?,
        firewall: file
            .firewall
            .map(|section| firewall::read(&check, section, defaults.firewall))
            .transpose()?,
        migration: file
            .migration
            .map(|section| migration::read(&check, section, defaults.migration))
            .transpose()?,
        services,
        queries,
        indexes: indexes(&check, &file.indexes)?,
        tasks,
        schedules,
        people,
        runbooks,
    })
}

fn bot(section: BotSection, defaults: BotSection) -> Bot {
    const FALLBACK: &str = "deploy/acgs.toml is tested to have every key of [bot]";
    Bot {
        name: section.name.or(defaults.name).expect(FALLBACK),
        http_listen: section.http_listen.or(defaults.http_listen).expect(FALLBACK),
        // A list is taken whole: the sample's rooms are nobody's.
        incident_channels: section.incident_channels.unwrap_or_default(),
        log: section.log.or(defaults.log).expect(FALLBACK),
    }
}

/// Where it is asked, and what it shows when it calls.
fn alertmanager(
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

fn heartbeat(check: &Check<'_>, section: &BotSection) -> Result<Option<WebhookUrl>, ConfigError> {
    let spelled = Spelled {
        key: "heartbeat_url",
        plain: section.heartbeat_url.as_deref(),
        env: section.heartbeat_url_env.as_deref(),
        file: section.heartbeat_url_file.as_deref(),
    };
    check.webhook("bot", &(0..0), &spelled)
}

fn data_dir(
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
fn store(
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

fn slack(
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

fn discord(
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

fn docker(
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
fn compose_files(
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

fn postgres(
    check: &Check<'_>,
    section: &Spanned<PostgresSection>,
    defaults: &Option<Spanned<PostgresSection>>,
) -> Result<Postgres, ConfigError> {
    let given = section.get_ref();
    let none = given.url.is_none() && given.url_file.is_none();
    let default_env = defaults.as_ref().and_then(|d| d.get_ref().url_env.as_deref()).filter(|_| none);
    let url = check.secret(
        "postgres",
        &section.span(),
        &Spelled {
            key: "url",
            plain: given.url.as_deref(),
            env: given.url_env.as_deref().or(default_env),
            file: given.url_file.as_deref(),
        },
    )?;
    exec_postgres::Postgres::new(&url)
        .map_err(|error| check.error(section.span(), format!("[postgres] url: {error}")))?;
    let signal = Spelled {
        key: "signal_url",
        plain: given.signal_url.as_deref(),
        env: given.signal_url_env.as_deref(),
        file: given.signal_url_file.as_deref(),
    };
    let administration = administration(check, given, defaults)?;
    // Whoever only looks needs none.
    if signal.plain.is_none() && signal.env.is_none() && signal.file.is_none() {
        return Ok(Postgres { url, signal_url: None, administration });
    }
    let signal_url = check.secret("postgres", &section.span(), &signal)?;
    exec_postgres::Postgres::new(&signal_url)
        .map_err(|error| check.error(section.span(), format!("[postgres] signal_url: {error}")))?;
    Ok(Postgres { url, signal_url: Some(signal_url), administration })
}

/// Without a container the bot administers nothing.
fn administration(
    check: &Check<'_>,
    given: &PostgresSection,
    defaults: &Option<Spanned<PostgresSection>>,
) -> Result<Option<Administration>, ConfigError> {
    let defaults = defaults.as_ref().map(Spanned::get_ref);
    let Some(container) = &given.container else { return Ok(None) };
    if container.get_ref().trim().is_empty() {
        return Err(check.error(container.span(), "[postgres] container is blank: remove the key"));
    }
    let missing = |key: &str| check.error(container.span(), format!("[postgres] {key} is missing"));
    let role = given.admin_role.as_ref().or_else(|| defaults?.admin_role.as_ref());
    let name = given.maintenance_database.as_ref().or_else(|| defaults?.maintenance_database.as_ref());
    let name = name.ok_or_else(|| missing("maintenance_database"))?;
    let maintenance = DatabaseName::try_from(name.get_ref().clone())
        .map_err(|why| check.error(name.span(), format!("[postgres] maintenance_database: {why}")))?;
    Ok(Some(Administration {
        container: container.get_ref().clone(),
        role: role.ok_or_else(|| missing("admin_role"))?.clone(),
        maintenance,
    }))
}

fn approval(
    check: &Check<'_>,
    section: ApprovalSection,
    defaults: ApprovalSection,
) -> Result<Windows, ConfigError> {
    let hour = Period::hours(1);
    Ok(Windows {
        approve: check.length(
            "[approval] approve_within",
            section.approve_within,
            defaults.approve_within,
            hour,
        )?,
        start: check.length("[approval] start_within", section.start_within, defaults.start_within, hour)?,
    })
}

fn proof(check: &Check<'_>, section: ProofSection, defaults: ProofSection) -> Result<Proof, ConfigError> {
    let most = Period::minutes(10);
    let within = section.within.as_ref().map(Spanned::span);
    let proof = Proof {
        settle: check.length("[proof] settle", section.settle, defaults.settle, most)?,
        within: check.length("[proof] within", section.within, defaults.within, most)?,
    };
    if proof.settle > proof.within {
        let what =
            "[proof] within is shorter than settle: a service would be judged before its numbers are there";
        return Err(check.error(within.unwrap_or_default(), what));
    }
    Ok(proof)
}

fn auth(
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

fn grafana(
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

fn public(check: &Check<'_>, section: PublicSection) -> Result<Url, ConfigError> {
    if !matches!(section.health_url.get_ref().scheme(), "http" | "https") {
        return Err(check.error(section.health_url.span(), "[public] health_url must be https:// or http://"));
    }
    Ok(section.health_url.into_inner())
}

fn contacts(check: &Check<'_>, sections: Vec<Spanned<Contact>>) -> Result<Vec<Contact>, ConfigError> {
    let contact = |section: Spanned<Contact>| {
        let span = section.span();
        let contact = section.into_inner();
        if contact.phone.is_none() && contact.mail.is_none() && contact.url.is_none() {
            let what = format!("[[contact]] {:?} can't be reached: give phone, mail or url", contact.name);
            return Err(check.error(span, what));
        }
        Ok(contact)
    };
    sections.into_iter().map(contact).collect()
}

fn repository(
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
fn keep_images(
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

fn security(
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

fn secrets(
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

pub(in crate::config) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn services(
    check: &Check<'_>,
    sections: &[Spanned<ServiceSection>],
    defaults: &File,
) -> Result<Vec<Service>, ConfigError> {
    let default_path =
        defaults.services.iter().find_map(|s| s.get_ref().health_path.clone()).unwrap_or_default();
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

fn queries(check: &Check<'_>, file: &File) -> Result<Vec<Query>, ConfigError> {
    let mut queries: Vec<Query> = Vec::new();
    for spanned in &file.queries {
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
                if file.postgres.is_none() {
                    return Err(wrong(sql, format!("sql of {typed:?} needs [postgres]")));
                }
                Question::Sql(sql.get_ref().clone())
            }
            (None, Some(promql)) => {
                if promql.get_ref().trim().is_empty() {
                    return Err(wrong(promql, format!("promql of {typed:?} is empty")));
                }
                if file.prometheus.is_none() {
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

fn indexes(
    check: &Check<'_>,
    sections: &[Spanned<IndexSection>],
) -> Result<Vec<IndexDefinition>, ConfigError> {
    let mut indexes: Vec<IndexDefinition> = Vec::new();
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.len() <= 63
    };
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[index]] {what}"));
        let (schema, table) = section.table.split_once('.').unwrap_or(("public", &section.table));
        let names =
            [&section.name, schema, table].map(str::to_owned).into_iter().chain(section.columns.clone());
        if let Some(odd) = names.into_iter().find(|name| !is_name(name)) {
            return Err(error(format!("{odd:?} is no name: use up to 63 letters, digits and _")));
        }
        if section.columns.is_empty() {
            return Err(error(format!("columns of {:?} is empty", section.name)));
        }
        if indexes.iter().any(|index| index.name == section.name) {
            return Err(error(format!("name {:?} is listed twice", section.name)));
        }
        indexes.push(IndexDefinition {
            table: TableName { schema: schema.to_owned(), table: table.to_owned() },
            name: section.name.clone(),
            columns: section.columns.clone(),
            unique: section.unique,
        });
    }
    Ok(indexes)
}

fn tasks(
    check: &Check<'_>,
    sections: &[Spanned<TaskSection>],
    grammar: &Grammar,
) -> Result<Vec<Task>, ConfigError> {
    let mut tasks: Vec<Task> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let wrong = |key: &Spanned<String>, what: String| check.error(key.span(), format!("[[task]] {what}"));
        let typed = section.name.get_ref();
        let name: TaskName = typed.parse().map_err(|error| {
            wrong(&section.name, format!("name: {typed:?} is no word to type: use {error}"))
        })?;
        if tasks.iter().any(|task| task.name == name) {
            return Err(wrong(&section.name, format!("name {typed:?} is listed twice")));
        }
        let what = section.what.get_ref().trim();
        if what.is_empty() || what.chars().count() > LONGEST_TASK {
            let what = format!("what of {typed:?} must have 1 to {LONGEST_TASK} characters");
            return Err(wrong(&section.what, what));
        }
        let line = section.line.as_ref().map(|line| {
            let intent = grammar.parse(line.get_ref());
            intent.map_err(|error| wrong(line, format!("line {:?}: {error}", line.get_ref())))
        });
        // As it is typed, whatever the file's spelling is.
        let line = line.transpose()?.map(|intent| intent.to_string());
        tasks.push(Task { name, every: section.every, what: what.to_owned(), line });
    }
    Ok(tasks)
}

fn people(check: &Check<'_>, sections: &[Spanned<PersonSection>]) -> Result<People, ConfigError> {
    let mut people = People::default();
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[person]] {what}"));
        if section.name.trim().is_empty() {
            return Err(error("name is blank".to_owned()));
        }
        if people.named(&section.name).is_some() {
            return Err(error(format!("name {:?} is listed twice", section.name)));
        }
        let role = section.roles.iter().copied().max().ok_or_else(|| {
            error(format!(
                "roles of {:?} is empty: give viewer, operator, approver or admin, or remove the entry",
                section.name
            ))
        })?;
        let accounts = accounts(section);
        if let Some(blank) = accounts.iter().find(|account| account.id.trim().is_empty()) {
            return Err(error(format!("{} of {:?} is blank: remove the key", blank.platform, section.name)));
        }
        if accounts.is_empty() {
            return Err(error(format!("{:?} has no account: give slack, discord, web or cli", section.name)));
        }
        // Whoever is not to do anything for a while is as unknown as somebody without an entry.
        if section.disabled {
            continue;
        }
        let phone = section.phone.clone();
        let spelled = Spelled {
            key: "page_webhook",
            plain: section.page_webhook.as_deref(),
            env: section.page_webhook_env.as_deref(),
            file: section.page_webhook_file.as_deref(),
        };
        let page_webhook = check.webhook("person", &spanned.span(), &spelled)?;
        let person = Person { name: section.name.clone(), role, accounts, phone, page_webhook };
        people.add(person).map_err(|account| {
            error(format!("{} = {:?} belongs to two people", account.platform, account.id))
        })?;
    }
    Ok(people)
}

fn accounts(section: &PersonSection) -> Vec<Account> {
    [
        (Platform::Slack, &section.slack),
        (Platform::Discord, &section.discord),
        (Platform::Web, &section.web),
        (Platform::Cli, &section.cli),
    ]
    .into_iter()
    .filter_map(|(platform, id)| Some(Account::new(platform, id.clone()?)))
    .collect()
}
