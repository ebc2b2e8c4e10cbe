//! The configuration file: one TOML file, parsed and checked before anything starts.
//!
//! Unknown keys, wrong types, duplicates and missing secrets are errors that name file, line and
//! key. The commented defaults of `deploy/acgs.toml` are compiled in and fill absent keys of
//! sections that are present; an absent section means "not configured". This is the only module
//! that reads the environment and secret files.

mod backups;
mod check;
mod document;
mod file;
mod firewall;
mod migration;
mod quorum;
mod runbook;
mod schedule;
mod secret;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use commands::approval::Windows;
use commands::escalation::{Policy, Quiet};
use commands::grammar::Grammar;
use commands::ids::{Account, Platform, Room, ServiceName};
use commands::lookup::QueryName;
use commands::oncall::{Rotation, Rung};
use commands::restore::DatabaseName;
use commands::risk::Role;
use commands::runbook::Runbook;
use commands::schedule::Schedule;
use commands::secrets::Rotated;
use commands::table::IndexDefinition;
use commands::task::Task;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

pub use self::backups::Backups;
pub use self::firewall::Firewall;
pub use self::migration::{Migration, MigrationLike};

/// The commented defaults, as shipped.
pub const DEFAULTS: &str = include_str!("../../deploy/acgs.toml");

/// A mistake in the configuration: one sentence with file, line and key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    place: String,
    what: String,
}

impl ConfigError {
    fn at(file: &str, line: Option<usize>, what: impl Into<String>) -> Self {
        let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
        Self { place, what: what.into() }
    }
}

/// Everything the bot was told, checked and ready to use.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bot itself.
    pub bot: Bot,
    /// Where its own state is.
    pub store: StoreUrl,
    /// Slack, when configured.
    pub slack: Option<Slack>,
    /// Discord, when configured.
    pub discord: Option<Discord>,
    /// The web chat, when configured.
    pub web: Option<Web>,
    /// The Docker Engine, when configured.
    pub docker: Option<Docker>,
    /// The platform's database, when configured.
    pub postgres: Option<Postgres>,
    /// Prometheus, when configured.
    pub prometheus: Option<Url>,
    /// Alertmanager, when configured.
    pub alertmanager: Option<Url>,
    /// What Alertmanager shows when it tells of alerts, when configured.
    pub alertmanager_token: Option<SecretString>,
    /// Grafana, when configured.
    pub grafana: Option<Grafana>,
    /// The canary's login, when configured.
    pub auth: Option<Auth>,
    /// The platform's public address with its health path, when configured.
    pub public: Option<Url>,
    /// Who is on each rung of escalation, when configured.
    pub oncall: Option<Oncall>,
    /// Whom an incident calls and when, when configured.
    pub escalation: Option<Policy>,
    /// Told what is published, when configured.
    pub status_webhook: Option<WebhookUrl>,
    /// Told that the bot is well, when configured.
    pub heartbeat: Option<WebhookUrl>,
    /// People and companies outside of the team, as listed.
    pub contacts: Vec<Contact>,
    /// How long a plan may wait for what.
    pub approval: Windows,
    /// How long it is looked whether an execution helped.
    pub proof: Proof,
    /// A checkout of the platform's code, when configured: an absolute path on the bot's machine.
    pub repository: Option<PathBuf>,
    /// Images that a cleanup leaves for the way back, of each name.
    pub keep_images: usize,
    /// The firewall of the bot's machine, when configured.
    pub firewall: Option<Firewall>,
    /// What runs the database's migrations, when configured.
    pub migration: Option<Migration>,
    /// Where the platform's backups are, when configured.
    pub backups: Option<Backups>,
    /// Where data about known holes is, when configured.
    pub security: Option<Security>,
    /// The platform's secrets to look at, as listed.
    pub checked_secrets: Vec<Secret>,
    /// What `deploy config` may change, as listed.
    pub settings: Vec<Setting>,
    /// The platform's HTTP services, as listed.
    pub services: Vec<Service>,
    /// The operators' own look-ups, as listed.
    pub queries: Vec<Query>,
    /// Indexes that may be made, as listed.
    pub indexes: Vec<IndexDefinition>,
    /// What somebody has to do again and again, as listed.
    pub tasks: Vec<Task>,
    /// What the bot does by itself, as listed.
    pub schedules: Vec<Schedule>,
    /// Who may do what.
    pub people: People,
    /// Shipped ones and the operators' own, by name.
    pub runbooks: Vec<Runbook>,
}

/// `[bot]`.
#[derive(Clone, Debug)]
pub struct Bot {
    /// What the bot is called on the web chat.
    pub name: String,
    /// Webhooks, probes and metrics.
    pub http_listen: SocketAddr,
    /// Rooms where commands that act are taken.
    pub incident_channels: Vec<Room>,
    /// How log lines look.
    pub log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For eyes.
    Human,
}

/// `[store]`: a URL that may hold a password and so prints without it.
#[derive(Clone)]
pub struct StoreUrl(pub SecretString);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(…)")
    }
}

/// `[slack]`.
#[derive(Clone, Debug)]
pub struct Slack {
    /// Slack's Web API, or a stand-in on loopback.
    pub api_url: Url,
    /// `xoxb-…`
    pub bot_token: SecretString,
    /// How events come in.
    pub mode: SlackMode,
}

/// How Slack's events come in.
#[derive(Clone, Debug)]
pub enum SlackMode {
    /// The bot dials out.
    Socket {
        /// `xapp-…`
        app_token: SecretString,
    },
    /// Slack calls `[bot] http_listen` through a reverse proxy.
    Http {
        /// Proves that a call is Slack's.
        signing_secret: SecretString,
    },
}

/// `[discord]`.
#[derive(Clone, Debug)]
pub struct Discord {
    /// Discord's origin, or a stand-in on loopback.
    pub api_url: Url,
    /// The bot's token.
    pub token: SecretString,
    /// From the developer portal.
    pub application_id: u64,
    /// Commands are registered for this server alone; without it, globally.
    pub guild_id: Option<u64>,
}

/// `[web]`.
#[derive(Clone, Debug)]
pub struct Web {
    /// The web chat's own listener.
    pub listen: SocketAddr,
}

/// `[docker]`.
#[derive(Clone, Debug)]
pub struct Docker {
    /// `unix:///…` or `tcp://…`.
    pub host: String,
    /// Containers are found by this compose project's labels.
    pub compose_project: Option<String>,
    /// The compose service that the platform's database is.
    pub database: String,
    /// Compose services that watch the others: `stack stop` leaves them running.
    pub monitoring: Vec<String>,
    /// What Compose is called with, where containers are made from its file.
    pub compose: Option<ComposeFiles>,
}

/// What Compose is called with: absolute paths, so that it never matters where the bot was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeFiles {
    /// The compose file.
    pub file: PathBuf,
    /// The folder that paths in it are relative to.
    pub directory: PathBuf,
    /// The file with the variables.
    pub env_file: PathBuf,
    /// Programs that may be a Compose, the first one that is is taken.
    pub programs: Vec<PathBuf>,
    /// Where Docker's own settings are.
    pub home: PathBuf,
}

/// `[postgres]`.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// A role with `pg_monitor` and nothing else.
    pub url: SecretString,
    /// A role with `pg_signal_backend` besides, that sessions are ended with.
    pub signal_url: Option<SecretString>,
    /// Where it is administered; `None` where the bot is not to.
    pub administration: Option<Administration>,
}

/// How the platform's database is administered: by its own programs in its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administration {
    /// The container's exact name.
    pub container: String,
    /// A superuser whom the server trusts there.
    pub role: String,
    /// Another database, to stand in while databases are made and renamed.
    pub maintenance: DatabaseName,
}

/// `[proof]`.
#[derive(Clone, Copy, Debug)]
pub struct Proof {
    /// Numbers need this long to show that something is better.
    pub settle: Duration,
    /// A service that is not well by then is not well.
    pub within: Duration,
}

/// `[grafana]`.
#[derive(Clone, Debug)]
pub struct Grafana {
    /// Where the bot asks, with the path that it is served below.
    pub url: Url,
    /// Where people open it.
    pub link: Url,
    /// A service account's, to look at dashboards that are not everybody's.
    pub token: Option<SecretString>,
    /// Uids of dashboards by the names that people see.
    pub dashboards: BTreeMap<String, String>,
}

impl Grafana {
    /// Where people open a dashboard.
    #[must_use]
    pub fn dashboard(&self, uid: &str) -> Url {
        let mut url = self.link.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["d", uid]);
        }
        url
    }
}

/// `[auth]`: how the bot logs in to the platform to see whether anybody can.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Of the service that has `/auth/login` and `/auth/verify`.
    pub url: Url,
    /// An account that exists for this alone.
    pub canary_user: String,
    /// Its password.
    pub canary_password: SecretString,
}

/// `[oncall]` and `[[rotation]]`: names of people.
#[derive(Clone, Debug)]
pub struct Oncall {
    /// The first to be reached first.
    pub rungs: BTreeMap<Rung, Vec<String>>,
    /// Rungs whose people take turns.
    pub rotations: BTreeMap<Rung, Rotation>,
    /// When what is medium waits.
    pub quiet: Option<Quiet>,
    /// On whose clock people live.
    pub zone: TimeZone,
    /// Where a page goes that no chat platform takes.
    pub fallback: Option<WebhookUrl>,
}

impl Oncall {
    /// Everybody who may stand on a rung.
    #[must_use]
    pub fn listed(&self, rung: Rung) -> Vec<&String> {
        let turned = self.rotations.get(&rung).map(|rotation| &rotation.people);
        let mut all: Vec<&String> = turned.into_iter().flatten().collect();
        all.extend(
            self.rungs
                .get(&rung)
                .into_iter()
                .flatten()
                .filter(|name| turned.is_none_or(|turned| !turned.contains(name))),
        );
        all
    }
}

/// One `[[contact]]`: somebody outside of the team.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// For what.
    pub about: Option<String>,
    /// As dialled.
    pub phone: Option<String>,
    /// An address.
    pub mail: Option<String>,
    /// A page to open a ticket on.
    pub url: Option<Url>,
}

/// `[security]`: folders on the bot's machine, absolute paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// JSON files that the scanner Trivy wrote.
    pub trivy_reports: Option<PathBuf>,
    /// What `apt-get update` leaves, such as `/var/lib/apt/lists`.
    pub package_lists: Option<PathBuf>,
}

/// One `[[secret]]`: where it is, never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// A configured service.
    pub service: ServiceName,
    /// The environment variable that holds it.
    pub variable: String,
    /// The file that Compose reads it from: an absolute path on the bot's machine.
    pub env_file: Option<PathBuf>,
    /// As which `secrets rotate` makes it anew.
    pub rotate: Option<Rotated>,
    /// Of a new value, letters and digits.
    pub length: u32,
}

/// One `[[setting]]`: what may be changed of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// A configured service.
    pub service: ServiceName,
    /// The environment variable in its container, as people type it.
    pub key: String,
    /// The variable in the env file that it comes from.
    pub in_file: String,
    /// The file that Compose reads it from: an absolute path on the bot's machine.
    pub env_file: PathBuf,
    /// What it may be.
    pub kind: SettingKind,
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A whole number.
    Number {
        /// At least.
        min: u32,
        /// At most.
        max: u32,
        /// So many connections to the database are taken by each container.
        connections: bool,
    },
    /// One of these.
    OneOf(Vec<String>),
    /// An address of one of these schemes, without a password in it.
    Url(Vec<String>),
}

/// One `[[service]]`.
#[derive(Clone, Debug)]
pub struct Service {
    /// As people type it.
    pub name: ServiceName,
    /// Where its health is asked: `url` and `health_path` together.
    pub health_url: Url,
    /// A page that shows whether it works: read by `health --deep`.
    pub read_url: Option<Url>,
    /// The container's exact name; else it is found by compose labels.
    pub container: Option<String>,
    /// The platform is down without it.
    pub critical: bool,
}

/// One `[[query]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// As people type it.
    pub name: QueryName,
    /// What it tells, in one line.
    pub description: String,
    /// What is asked.
    pub question: Question,
}

/// What a `[[query]]` asks, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The platform's database: one statement that reads.
    Sql(String),
    /// Prometheus: an expression that gives an instant vector.
    PromQl(String),
}

/// An address that something is posted to. Its path is a key as often as not, so it is never printed.
#[derive(Clone)]
pub struct WebhookUrl(pub SecretString);

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(…)")
    }
}

impl PartialEq for WebhookUrl {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for WebhookUrl {}

/// One `[[person]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As shown in the audit trail.
    pub name: String,
    /// The strongest of the configured roles; it includes the weaker ones.
    pub role: Role,
    /// One account at most on each platform.
    pub accounts: Vec<Account>,
    /// As dialled.
    pub phone: Option<String>,
    /// What wakes them, where something does.
    pub page_webhook: Option<WebhookUrl>,
}

/// Everybody who may do something, found by account.
#[derive(Clone, Debug, Default)]
pub struct People {
    list: Vec<Person>,
    by_account: BTreeMap<Account, usize>,
}

impl People {
    /// Everybody, as listed.
    #[must_use]
    pub fn all(&self) -> &[Person] {
        &self.list
    }

    /// The person that owns `account`.
    #[must_use]
    pub fn find(&self, account: &Account) -> Option<&Person> {
        self.by_account.get(account).map(|index| &self.list[*index])
    }

    /// The person called `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Person> {
        self.list.iter().find(|person| person.name == name)
    }

    /// Whom to ask for a right: the admins' names.
    #[must_use]
    pub fn admins(&self) -> Vec<String> {
        self.list
            .iter()
            .filter(|person| person.role == Role::Admin)
            .map(|person| person.name.clone())
            .collect()
    }

    /// Adds `person`; an account that somebody has already is handed back.
    pub fn add(&mut self, person: Person) -> Result<(), Account> {
        if let Some(taken) = person.accounts.iter().find(|account| self.by_account.contains_key(account)) {
            return Err(taken.clone());
        }
        for account in &person.accounts {
            self.by_account.insert(account.clone(), self.list.len());
        }
        self.list.push(person);
        Ok(())
    }
}

/// Reads and checks one runbook file.
pub fn runbook(path: &Path, grammar: &Grammar) -> Result<Runbook, ConfigError> {
    runbook::load(path, grammar)
}

impl Config {
    /// Reads and checks the file at `path`, with its secrets from the environment and from files.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::at(&shown, None, format!("can't be read: {error}. Give a file with --config"))
        })?;
        Self::parse(&shown, &text, &environment)
    }

    /// Checks `text`; `shown` is the file's name in errors, `variable` looks up the environment.
    pub(crate) fn parse(
        shown: &str,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        file::resolve(shown, text, variable)
    }

    /// Every secret value in the configuration, for redaction.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        use secrecy::ExposeSecret as _;
        let mut all = Vec::new();
        if let Some(slack) = &self.slack {
            all.push(slack.bot_token.expose_secret().to_owned());
            match &slack.mode {
                SlackMode::Socket { app_token } => all.push(app_token.expose_secret().to_owned()),
                SlackMode::Http { signing_secret } => all.push(signing_secret.expose_secret().to_owned()),
            }
        }
        all.extend(self.discord.iter().map(|discord| discord.token.expose_secret().to_owned()));
        all.extend(self.auth.iter().map(|auth| auth.canary_password.expose_secret().to_owned()));
        let grafana = self.grafana.iter().filter_map(|grafana| grafana.token.as_ref());
        all.extend(grafana.map(|token| token.expose_secret().to_owned()));
        all.extend(self.alertmanager_token.iter().map(|token| token.expose_secret().to_owned()));
        // Whoever has one of these can post there: whole, since a path is a key as often as a query is.
        let people = self.people.all().iter().filter_map(|person| person.page_webhook.as_ref());
        let fallback = self.oncall.iter().filter_map(|oncall| oncall.fallback.as_ref());
        all.extend(
            people
                .chain(fallback)
                .chain(&self.heartbeat)
                .chain(&self.status_webhook)
                .map(|url| url.0.expose_secret().to_owned()),
        );
        let urls = self
            .postgres
            .iter()
            .flat_map(|postgres| [Some(&postgres.url), postgres.signal_url.as_ref()])
            .flatten()
            .chain(self.migration.iter().filter_map(|migration| migration.database_url.as_ref()))
            .chain([&self.store.0]);
        all.extend(
            urls.filter_map(|url| Url::parse(url.expose_secret()).ok()?.password().map(str::to_owned)),
        );
        all
    }

    /// Whether messages can go there: for the terminal too, whose messages the running bot sends.
    #[must_use]
    pub const fn connects(&self, platform: Platform) -> bool {
        match platform {
            Platform::Slack => self.slack.is_some(),
            Platform::Discord => self.discord.is_some(),
            Platform::Web => self.web.is_some(),
            Platform::Cli => false,
        }
    }

    /// Whether this person can be called.
    #[must_use]
    pub fn reaches(&self, person: &Person) -> bool {
        let connects = |platform| self.connects(platform);
        let account = person.accounts.iter().any(|account| file::reached(account.platform, &connects));
        account || person.page_webhook.is_some()
    }

    /// The rooms of one platform among the incident channels.
    #[must_use]
    pub fn rooms(&self, platform: Platform) -> Vec<Room> {
        self.bot.incident_channels.iter().filter(|room| room.platform == platform).cloned().collect()
    }
}

/// A variable of the process's own environment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The point at which a test lets this process die.
#[cfg(feature = "failpoints")]
pub fn failpoint() -> Option<String> {
    environment("ACGS_FAILPOINT")
}

/// Where `acgs run` and its kin look when `--config` is not given: here, then `/etc/acgs`.
#[must_use]
pub fn default_path() -> PathBuf {
    let here = PathBuf::from("acgs.toml");
    if here.exists() { here } else { PathBuf::from("/etc/acgs/acgs.toml") }
}

/// Where `deploy/demo/up` leaves a configuration for the stack that it brought up; the variables are
/// those of `deploy/demo/README.md`.
#[must_use]
pub fn demo_stack_path() -> PathBuf {
    let folder = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("ACGS_DEMO_STATE").unwrap_or_else(|| {
        let all = folder("XDG_STATE_HOME")
            .unwrap_or_else(|| folder("HOME").unwrap_or_default().join(".local/state"));
        all.join("acgs-demo").join(folder("ACGS_DEMO_PROJECT").unwrap_or_else(|| PathBuf::from("docker")))
    });
    state.join("acgs.toml")
}

#[cfg(test)]
mod tests;
