//! `acgs check`: connects to everything in the file and says one line about each part.

mod acting;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use commands::ids::Platform;
use secrecy::ExposeSecret as _;
use store::Store;

use crate::config::{Config, SlackMode};
use crate::health::{DEADLINE, Executors};
use crate::{app, clock, execute, report, secrets, serve};

/// A part that answers at all does so in this time.
const PART_DEADLINE: Duration = Duration::from_secs(15);

/// What was found of one part.
struct Found {
    part: String,
    state: Result<String, String>,
}

/// Checks every part at once and prints a line each, in the order of the file.
#[expect(clippy::print_stdout, reason = "the lines are this call's output")]
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let executors = app::executors(config)?;
    let (store, slack, discord, targets, services) = tokio::join!(
        store(config),
        slack(config),
        discord(config),
        targets(config, &executors),
        services(config, &executors),
    );
    let people = people(config);
    let rotated = rotated(config).await;
    let parts = store.into_iter().chain(slack).chain(discord).chain(targets).chain(services);
    let deployed = deployed(config).await;
    let acting = acting::acting(config).await?;
    let found = parts.chain(rotated).chain(deployed).chain(acting).chain(people);
    let mut wrong = 0;
    for Found { part, state } in found {
        match state {
            Ok(what) => println!("ok    {part}: {what}"),
            Err(what) => {
                wrong += 1;
                println!("WRONG {part}: {what}");
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn within<T, E: Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PART_DEADLINE, work).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PART_DEADLINE.as_secs())),
    }
}

fn found(part: impl Into<String>, state: Result<String, String>) -> Found {
    Found { part: part.into(), state }
}

async fn store(config: &Config) -> Vec<Found> {
    let state = within(async {
        let store = Store::open(config.store.0.expose_secret()).await?;
        store.ping().await?;
        let kind = store.kind();
        store.close().await;
        Ok::<_, store::StoreError>(format!("{kind} takes writes"))
    });
    vec![found("store", state.await)]
}

async fn slack(config: &Config) -> Vec<Found> {
    let Some(slack) = &config.slack else { return Vec::new() };
    let mode = match &slack.mode {
        SlackMode::Socket { app_token } => chat_slack::SlackMode::Socket { app_token: app_token.clone() },
        SlackMode::Http { signing_secret } => {
            chat_slack::SlackMode::Http { signing_secret: signing_secret.clone() }
        }
    };
    let state = within(async {
        let chat = chat_slack::SlackChat::new(chat_slack::SlackConfig {
            api_url: slack.api_url.clone(),
            bot_token: slack.bot_token.clone(),
            mode,
            now: clock::now,
        })?;
        chat.check().await
    });
    let state = state.await.and_then(|identity| {
        if identity.missing_scopes.is_empty() {
            Ok(format!("connected to {} as {}", identity.team, identity.bot_user_id))
        } else {
            Err(format!(
                "the app lacks the scopes {}: add them and install it again",
                identity.missing_scopes.join(", ")
            ))
        }
    });
    let mut all = vec![found("slack", state)];
    if config.rooms(Platform::Slack).is_empty() {
        all.push(found("slack", Err("no incident channel: add one to [bot] incident_channels".to_owned())));
    }
    all
}

async fn discord(config: &Config) -> Vec<Found> {
    let Some(discord) = serve::discord_config(config, &app::grammar(config)) else { return Vec::new() };
    let state = within(async { chat_discord::DiscordChat::new(discord)?.check().await });
    let state = state.await.and_then(|identity| {
        if identity.problems.is_empty() {
            Ok(format!("connected as {}", identity.bot_user))
        } else {
            Err(identity.problems.join("; "))
        }
    });
    let mut all = vec![found("discord", state)];
    if config.rooms(Platform::Discord).is_empty() {
        all.push(found("discord", Err("no incident channel: add one to [bot] incident_channels".to_owned())));
    }
    all
}

async fn targets(config: &Config, executors: &Executors) -> Vec<Found> {
    let mut all = Vec::new();
    if let Some(docker) = &executors.docker {
        let state = within(docker.info()).await;
        all.push(found(
            "docker",
            state.map(|info| format!("engine {}, daemon {}", info.version, info.daemon_id)),
        ));
    }
    if let Some(docker) = &config.docker
        && let Some(state) = execute::compose::check(docker).await
    {
        all.push(found("docker compose_file", state));
    }
    if let Some(postgres) = &executors.postgres {
        let state = within(postgres.check()).await.and_then(|info| match (info.superuser, info.pg_monitor) {
            (true, _) => {
                Err(format!("{} is a superuser: use a role with pg_monitor and nothing else", info.role))
            }
            (false, false) => {
                Err(format!("{} lacks pg_monitor: GRANT pg_monitor TO {}", info.role, info.role))
            }
            (false, true) => Ok(format!("PostgreSQL {}, role {} with pg_monitor", info.version, info.role)),
        });
        all.push(found("postgres", state));
    }
    if let Some(signals) = &executors.signals {
        let state = within(signals.check()).await.and_then(|info| match (info.superuser, info.signals) {
            (true, _) => Err(format!("{} is a superuser: use a role with pg_signal_backend", info.role)),
            (false, false) => Err(format!(
                "{0} lacks a right: GRANT pg_signal_backend, pg_read_all_stats TO {0}",
                info.role
            )),
            (false, true) => Ok(format!("role {} may end sessions", info.role)),
        });
        all.push(found("postgres signal_url", state));
    }
    if let Some(prometheus) = &executors.prometheus {
        let state = within(prometheus.health(DEADLINE)).await;
        all.push(found("prometheus", state.and_then(|health| report::ready(health.ready))));
    }
    if let Some(alertmanager) = &executors.alertmanager {
        let state = within(alertmanager.health(DEADLINE)).await;
        all.push(found("alertmanager", state.and_then(|health| report::ready(health.ready))));
    }
    all
}

async fn services(config: &Config, executors: &Executors) -> Vec<Found> {
    let looked = executors.services(&config.services).await;
    looked
        .iter()
        .map(|service| found(format!("service {}", service.name), report::checked(service)))
        .collect()
}

/// The checkout that `deploy run` brings forward, and the files that `deploy config` writes.
async fn deployed(config: &Config) -> Vec<Found> {
    let mut all = Vec::new();
    if let Some(repository) = &config.repository {
        let state = exec_host::head(repository, DEADLINE).await.map_err(|error| error.to_string());
        all.push(found("deploy repository", state.map(|head| report::checked_out(&head))));
    }
    for setting in &config.settings {
        let path = setting.env_file.display().to_string();
        let variables = vec![setting.in_file.clone()];
        let state = exec_host::env_file(&path, variables.clone(), DEADLINE).await;
        let state = state.map_err(|error| error.to_string());
        let state = state.and_then(|file| report::rotated_checked(&path, &variables, &file.found));
        all.push(found(format!("setting {} of {}", setting.key, setting.service), state));
    }
    all
}

/// Files that `secrets rotate` writes.
async fn rotated(config: &Config) -> Vec<Found> {
    let mut all = Vec::new();
    for (which, path, variables) in secrets::rotated(config) {
        let state = exec_host::env_file(&path, variables.clone(), DEADLINE).await;
        let state = state.map_err(|error| error.to_string());
        let state = state.and_then(|file| report::rotated_checked(&path, &variables, &file.found));
        all.push(found(format!("secret {which}"), state));
    }
    all
}

fn people(config: &Config) -> Vec<Found> {
    let people = config.people.all();
    let state = match people.len() {
        0 => Err("nobody may do anything: add [[person]]".to_owned()),
        count => Ok(format!("{count} people, admins: {}", config.people.admins().join(", "))),
    };
    vec![found("people", state)]
}
