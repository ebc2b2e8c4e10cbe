//! The file as it is written, and the way from there to a checked [`Config`].

mod approval;
mod chat;
mod deploy;
mod docker;
mod escalation;
mod monitoring;
mod own;
mod person;
mod postgres;
mod secrets;
mod service;
mod setting;
mod task;

use commands::grammar::Grammar;
use commands::ids::Platform;
use serde::Deserialize;
use toml::Spanned;

use super::backups::{self, BackupsSection};
use super::check::Check;
use super::firewall::{self, FirewallSection};
use super::migration::{self, MigrationSection};
use super::schedule::ScheduleSection;
use super::{Config, ConfigError, Contact, DEFAULTS, Web};
use super::{document, runbook, schedule};
use approval::{ApprovalSection, ProofSection};
use chat::{DiscordSection, SlackSection, WebSection};
use deploy::{DeploySection, SecuritySection};
use docker::DockerSection;
use monitoring::{AlertmanagerSection, GrafanaSection, QuerySection, UrlSection};
use own::{BotSection, StatusPageSection, StoreSection};
use person::PersonSection;
use postgres::{IndexSection, PostgresSection};
use secrets::SecretSection;
use service::{AuthSection, PublicSection, ServiceSection};
use setting::SettingSection;
use task::TaskSection;

pub(super) use escalation::reached;

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

/// Reads `text`, fills gaps of present sections from [`DEFAULTS`] and checks everything.
pub(super) fn resolve(
    shown: &str,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file: File = document::read(shown, text)?;
    let defaults: File = document::read("deploy/acgs.toml", DEFAULTS)?;
    let check = Check { shown, text, variable };
    let services = service::services(&check, &file.services, &defaults.services)?;
    let names = services.iter().map(|service| service.name.clone()).collect();
    let grammar = Grammar::new(names);
    let runbooks = runbook::all(&check.runbook_dir(&file.bot)?, &grammar)?;
    let tasks = task::tasks(&check, &file.tasks, &grammar)?;
    let queries =
        monitoring::queries(&check, &file.queries, file.postgres.is_some(), file.prometheus.is_some())?;
    let people = person::people(&check, &file.people)?;
    let data_dir = own::data_dir(&check, &file.bot, &defaults.bot)?;
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
    let heartbeat = own::heartbeat(&check, &file.bot)?;
    let status_webhook = own::status_webhook(&check, file.status_page.as_ref())?;
    let (alertmanager, alertmanager_token) =
        monitoring::alertmanager(&check, file.alertmanager, defaults.alertmanager)?;
    let bot = own::bot(file.bot, defaults.bot);
    // Elsewhere nothing that acts is taken.
    let acts = !bot.incident_channels.is_empty();
    let schedules = schedule::all(&check, &file.schedules, &grammar, &bot, file.backups.is_some())?;
    Ok(Config {
        bot,
        store: own::store(&check, file.store, data_dir)?,
        slack: file.slack.map(|section| chat::slack(&check, section, &defaults.slack)).transpose()?,
        discord: file
            .discord
            .map(|section| chat::discord(&check, &section, &defaults.discord))
            .transpose()?,
        web: file.web.and_then(|section| {
            section.listen.or(defaults.web.as_ref()?.listen).map(|listen| Web { listen })
        }),
        docker: docker::docker(&check, file.docker, defaults.docker, &people, acts)?,
        postgres: file
            .postgres
            .map(|section| postgres::postgres(&check, &section, &defaults.postgres))
            .transpose()?,
        prometheus: check.http_url("prometheus", file.prometheus, defaults.prometheus)?,
        alertmanager,
        alertmanager_token,
        grafana: file
            .grafana
            .map(|section| monitoring::grafana(&check, section, defaults.grafana))
            .transpose()?,
        auth: file.auth.map(|section| service::auth(&check, section, defaults.auth)).transpose()?,
        public: file.public.map(|section| service::public(&check, section)).transpose()?,
        oncall,
        escalation: ladders,
        status_webhook,
        heartbeat,
        contacts: person::contacts(&check, file.contacts)?,
        approval: approval::approval(&check, file.approval, defaults.approval)?,
        proof: approval::proof(&check, file.proof, defaults.proof)?,
        keep_images: deploy::keep_images(&check, file.deploy.as_ref(), defaults.deploy.as_ref())?,
        repository: deploy::repository(&check, file.deploy, defaults.deploy)?,
        backups: backups::read(&check, file.backups, defaults.backups)?,
        security: file
            .security
            .map(|section| deploy::security(&check, section, defaults.security))
            .transpose()?,
        checked_secrets: secrets::secrets(&check, &file.secrets, &services)?,
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
        indexes: postgres::indexes(&check, &file.indexes)?,
        tasks,
        schedules,
        people,
        runbooks,
    })
}
