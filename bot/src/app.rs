//! Everything one process of the bot holds, put together in one place.

use std::sync::Arc;

use commands::grammar::Grammar;
use commands::ids::{Account, Place, Platform, ServiceName};
use commands::redact::Redactor;
use commands::risk::Requirement;
use store::Store;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::approval::Weighing;
use crate::authorize::{Decision, authorize};
use crate::chat::Chats;
use crate::clock;
use crate::config::{Config, Service};
use crate::escalation::audit::Punctuality;
use crate::escalation::unstored::Unstored;
use crate::execute::OldTokens;
use crate::health::Executors;
use crate::incident::Rooms;
use crate::outbox::Outbox;
use crate::replica::Replica;

/// Configuration, store, grammar, executors and the outbox of one process.
pub struct App {
    /// As checked at load.
    pub config: Config,
    /// The bot's own records.
    pub store: Store,
    /// What people may say.
    pub grammar: Arc<Grammar>,
    /// Takes secrets out of everything that is said or recorded.
    pub redactor: Redactor,
    /// What the bot looks through.
    pub executors: Executors,
    /// This process among the others on the same store.
    pub replica: Arc<Replica>,
    /// Sends what is stored.
    pub outbox: Arc<Outbox>,
    /// The connected platforms, for what can't be stored.
    pub chats: Chats,
    /// Commands under way.
    pub runs: TaskTracker,
    /// Tokens from before a rotation, until they are refused.
    pub old_tokens: OldTokens,
    /// Plans that are being weighed.
    pub weighing: Weighing,
    /// Wakes the schedule: an incident may owe something at once.
    pub incidents: Notify,
    /// Incidents' own channels and threads.
    pub rooms: Rooms,
    /// Wakes the poster of webhooks.
    pub webhooks: Notify,
    /// Whether the schedule is kept.
    pub punctuality: Punctuality,
    /// What the schedule told while the store took no writes.
    pub unstored: Unstored,
    /// Alerts are taken one after another, here and then over all replicas: two of one service at once are one incident.
    pub alerts: tokio::sync::Mutex<()>,
}

/// A part of the bot that could not be put together from its configuration.
#[derive(Debug, thiserror::Error)]
#[error("[{section}] {source}")]
pub struct BuildError {
    section: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl BuildError {
    /// An error of the part that `section` configures.
    pub fn of<E: std::error::Error + Send + Sync + 'static>(section: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { section, source: Box::new(source) }
    }
}

impl App {
    /// Puts the parts together. Nothing is connected to yet but the store.
    #[must_use]
    pub fn new(
        config: Config,
        store: Store,
        executors: Executors,
        grammar: Arc<Grammar>,
        chats: Chats,
    ) -> Arc<Self> {
        let replica = Replica::new(clock::new_replica(), store.kind() == "sqlite", &config);
        let store = store.claiming_as(replica.id());
        Arc::new(Self {
            redactor: Redactor::new(config.secrets()),
            outbox: Arc::new(Outbox::new(store.clone(), chats.clone(), Arc::clone(&replica))),
            replica,
            config,
            store,
            grammar,
            executors,
            chats,
            runs: TaskTracker::new(),
            old_tokens: OldTokens::default(),
            weighing: Weighing::default(),
            incidents: Notify::new(),
            rooms: Rooms::default(),
            webhooks: Notify::new(),
            punctuality: Punctuality::default(),
            unstored: Unstored::default(),
            alerts: tokio::sync::Mutex::default(),
        })
    }

    /// Whether `account` may ask for this here: in an incident's own channel as in the incident channel beside it.
    #[must_use]
    pub fn authorize(&self, account: &Account, place: Option<&Place>, needs: Requirement) -> Decision<'_> {
        let home = place.and_then(|place| self.rooms.home_of(place));
        let rooms = &self.config.bot.incident_channels;
        authorize(&self.config.people, rooms, account, home.as_ref().or(place), needs)
    }

    /// The configured service called `name`.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.config.services.iter().find(|service| service.name == *name)
    }
}

/// As whom the bot acts where nobody asks: no account of a system has brackets in it.
#[must_use]
pub fn own_account() -> Account {
    Account::new(Platform::Cli, "(acgs)")
}

/// The grammar with the configuration's services in it.
#[must_use]
pub fn grammar(config: &Config) -> Arc<Grammar> {
    Arc::new(Grammar::new(config.services.iter().map(|service| service.name.clone()).collect()))
}

/// The grammar of nobody's platform, with one service to try lines with.
#[must_use]
pub fn any_service() -> Arc<Grammar> {
    Arc::new(Grammar::new("service".parse().into_iter().collect()))
}

/// The executors that the configuration names. Nothing is connected to.
pub fn executors(config: &Config) -> Result<Executors, BuildError> {
    Ok(Executors {
        prober: exec_http::Prober::new().map_err(BuildError::of("service"))?,
        webhooks: exec_http::Webhooks::new().map_err(BuildError::of("oncall"))?,
        docker: config
            .docker
            .as_ref()
            .map(|docker| exec_docker::Docker::connect(&docker.host, docker.compose_project.clone()))
            .transpose()
            .map_err(BuildError::of("docker"))?,
        postgres: config
            .postgres
            .as_ref()
            .map(|postgres| exec_postgres::Postgres::new(&postgres.url))
            .transpose()
            .map_err(BuildError::of("postgres"))?,
        signals: config
            .postgres
            .as_ref()
            .and_then(|postgres| postgres.signal_url.as_ref())
            .map(exec_postgres::Postgres::new)
            .transpose()
            .map_err(BuildError::of("postgres"))?,
        prometheus: config
            .prometheus
            .clone()
            .map(exec_prometheus::Prometheus::new)
            .transpose()
            .map_err(BuildError::of("prometheus"))?,
        alertmanager: config
            .alertmanager
            .clone()
            .map(exec_prometheus::Alertmanager::new)
            .transpose()
            .map_err(BuildError::of("alertmanager"))?,
        canary: config
            .auth
            .as_ref()
            .map(|auth| {
                exec_http::Canary::new(&auth.url, auth.canary_user.clone(), auth.canary_password.clone())
            })
            .transpose()
            .map_err(BuildError::of("auth"))?,
        grafana: config
            .grafana
            .as_ref()
            .map(|grafana| exec_http::Grafana::new(&grafana.url, grafana.token.clone()))
            .transpose()
            .map_err(BuildError::of("grafana"))?,
    })
}
