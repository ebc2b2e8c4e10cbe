//! `acgs serve`: every platform and executor that the configuration names, until SIGTERM.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use chat_discord::{DiscordChat, DiscordConfig};
use chat_slack::{SlackChat, SlackConfig};
use chat_web::{WebChat, WebConfig, WebPerson};
use commands::grammar::Grammar;
use commands::ids::{Account, Platform, Room};
use commands::message::{ChatEvent, Receipt};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret as _;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::chat::{Chat, Chats};
use crate::config::{Config, SlackMode};
use crate::health::DEADLINE;
use crate::listener::Listener;
use crate::replica::{self, Duty, identify};
use crate::{
    alert, approval, clock, escalation, execute, firewall, http, incident, login, schedule, status_page,
    webhook,
};

/// All that is under way gets this long after SIGTERM; the whole stop takes less than five seconds.
const GRACE: Duration = Duration::from_millis(4200);
/// The platforms' connections and the listeners get this much of it.
const PARTS_GRACE: Duration = Duration::from_secs(1);
/// The last messages get this much of it at least.
const LAST_SENDS: Duration = Duration::from_millis(800);
/// A store that hangs does not hold the stop up: what it took is durable.
const STORE_GRACE: Duration = Duration::from_millis(500);
/// Unfinished deliveries of replicas that are gone are looked for this often.
const RESUME_EVERY: Duration = Duration::from_secs(10);
/// Before another try to read.
const AGAIN: Duration = Duration::from_millis(200);
/// Concluded deliveries and sent messages are kept this long to know a repeat by; Slack's last retry comes after five minutes.
const KEEP_DELIVERIES: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// Runs the bot that `config` describes until `stop`.
pub async fn serve(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = http::install_metrics()?;
    let store = Store::open(config.store.0.expose_secret()).await?;
    let grammar = app::grammar(&config);
    let executors = app::executors(&config)?;
    let chats = connect(&config, &grammar, &store)?;
    let app = App::new(config, store, executors, grammar, chats);
    let socket = TcpListener::bind(app.config.bot.http_listen)
        .await
        .with_context(|| format!("[bot] http_listen {} can't be bound", app.config.bot.http_listen))?;
    let mut listeners = vec![listener("http", socket, outside_router(&app, metrics.clone()))?];
    if let (Some(web), Some(Chat::Web(chat))) = (&app.config.web, app.chats.get(Platform::Web)) {
        let socket = TcpListener::bind(web.listen)
            .await
            .with_context(|| format!("[web] listen {} can't be bound", web.listen))?;
        listeners.push(listener("web", socket, where_held(&app, Duty::Web, chat.router(receiver(&app))))?);
    }
    run(app, metrics, listeners, stop).await
}

/// Port 0 in the configuration is a free port; the log says which.
fn listener(name: &'static str, socket: TcpListener, router: Router) -> std::io::Result<Listener> {
    tracing::info!(listener = name, address = %socket.local_addr()?, "listening");
    Ok(Listener { name, socket, router })
}

fn outside_router(app: &Arc<App>, metrics: PrometheusHandle) -> Router {
    let mut router = http::probes(Arc::clone(app), metrics);
    if let (Some(slack), Some(Chat::Slack(chat))) = (&app.config.slack, app.chats.get(Platform::Slack))
        && matches!(slack.mode, SlackMode::Http { .. })
    {
        router = router.merge(chat.router(receiver(app)));
    }
    http::with_deadline(
        router.merge(alert::router(Arc::clone(app))).merge(status_page::router(Arc::clone(app))),
    )
}

/// Answers only while this replica may: what one hears and another answers would be lost.
fn where_held(app: &Arc<App>, duty: Duty, router: Router) -> Router {
    let replica = Arc::clone(&app.replica);
    router.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        let replica = Arc::clone(&replica);
        async move {
            if replica.holds(duty) {
                return next.run(request).await;
            }
            let says = format!("{}\n", http::held_elsewhere(&replica, duty));
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "3")], says).into_response()
        }
    }))
}

fn connect(config: &Config, grammar: &Arc<Grammar>, store: &Store) -> anyhow::Result<Chats> {
    let mut chats = Vec::new();
    if let Some(slack) = &config.slack {
        let mode = match &slack.mode {
            SlackMode::Socket { app_token } => chat_slack::SlackMode::Socket { app_token: app_token.clone() },
            SlackMode::Http { signing_secret } => {
                chat_slack::SlackMode::Http { signing_secret: signing_secret.clone() }
            }
        };
        chats.push(Chat::Slack(SlackChat::new(SlackConfig {
            api_url: slack.api_url.clone(),
            bot_token: slack.bot_token.clone(),
            mode,
            now: clock::now,
        })?));
    }
    if let Some(mut discord) = discord_config(config, grammar) {
        discord.leave = Some(identify::leave(store.clone()));
        chats.push(Chat::Discord(DiscordChat::new(discord)?));
    }
    if config.web.is_some() {
        chats.push(Chat::Web(WebChat::new(web_config(
            config,
            grammar,
            login::mode(store.clone(), &config.people),
        ))));
    }
    Ok(Chats::new(chats))
}

/// What the Discord adapter needs of the configuration.
#[must_use]
pub fn discord_config(config: &Config, grammar: &Arc<Grammar>) -> Option<DiscordConfig> {
    let discord = config.discord.as_ref()?;
    Some(DiscordConfig {
        api_url: discord.api_url.clone(),
        token: discord.token.clone(),
        application_id: discord.application_id,
        guild_id: discord.guild_id,
        rooms: config.rooms(Platform::Discord),
        tree: grammar.tree().clone(),
        complete: {
            let (grammar, known) = (Arc::clone(grammar), config.people.clone());
            Arc::new(move |account, typed| {
                let role = known.find(account).map(|person| person.role);
                grammar.complete_service(typed, role).into_iter().map(|found| found.insert).collect()
            })
        },
        leave: None,
        now: clock::now,
    })
}

/// What the web chat needs of the configuration.
#[must_use]
pub fn web_config(config: &Config, grammar: &Arc<Grammar>, mode: chat_web::WebMode) -> WebConfig {
    let mut rooms = config.rooms(Platform::Web);
    if rooms.is_empty() {
        rooms.push(Room::new(Platform::Web, "incidents"));
    }
    let people = config.people.all().iter().filter_map(|person| {
        let account = person.accounts.iter().find(|account| account.platform == Platform::Web)?;
        Some(WebPerson { key: account.id.clone(), name: person.name.clone(), roles: person.role.to_string() })
    });
    let complete = {
        let (grammar, known) = (Arc::clone(grammar), config.people.clone());
        move |account: &Account, typed: &str| {
            let role = known.find(account).map(|person| person.role);
            let completions = grammar.complete(typed, role).into_iter();
            completions
                .map(|found| chat_web::Completion { insert: found.insert, describe: found.describe })
                .collect()
        }
    };
    WebConfig {
        bot: config.bot.name.clone(),
        people: people.collect(),
        rooms,
        mode,
        now: clock::now,
        complete: Arc::new(complete),
        banner: None,
    }
}

/// Hands each event to the bot. Adapters may drop the future when a connection ends; the work then
/// goes on, since it runs in a task of the bot's own.
pub fn receiver(
    app: &Arc<App>,
) -> impl Fn(ChatEvent) -> BoxFuture<'static, Option<Receipt>> + Clone + Send + Sync + 'static + use<> {
    let app = Arc::clone(app);
    move |event| {
        let app = Arc::clone(&app);
        Box::pin(app.receive(event))
    }
}

/// Runs the sender, the platforms and the listeners until `stop`, then stops in order: no new
/// events, commands under way, messages under way, the store.
pub async fn run(
    app: Arc<App>,
    metrics: PrometheusHandle,
    listeners: Vec<Listener>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let take_up = async {
        app.store.take_over(clock::now()).await?;
        replica::join(&app).await?;
        app.rooms.refresh(&app).await?;
        app.runs.spawn(warm_up(Arc::clone(&app)));
        app.resume().await;
        execute::take_up(&app).await;
        Ok::<_, store::StoreError>(())
    };
    tokio::select! {
        taken = take_up => taken?,
        () = stop.cancelled() => return Ok(()),
    }
    // Beyond the stop: what is under way then is still this replica's.
    let stop_keeping = CancellationToken::new();
    let keeper = tokio::spawn(replica::keep(Arc::clone(&app), stop_keeping.clone()));
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for listener in listeners {
        let stop = stop.clone();
        tasks.spawn(async move {
            listener.serve(stop).await;
            Ok(())
        });
    }
    for chat in app.chats.iter().cloned() {
        connections(&app, chat, &stop, &mut tasks);
    }
    let approvals = (Arc::clone(&app), stop.clone());
    tasks.spawn(async move {
        approval::keep(approvals.0, approvals.1).await;
        Ok(())
    });
    for keeper in keepers(&app, &stop) {
        tasks.spawn(async move {
            keeper.await;
            Ok(())
        });
    }
    tasks.spawn(housekeeping(Arc::clone(&app), metrics, stop.clone()));
    let stop_sending = CancellationToken::new();
    let sender = tokio::spawn(Arc::clone(&app.outbox).run(stop_sending.clone()));
    let ended = until_stopped(&mut tasks, &stop).await;
    stop.cancel();
    if let Some(Chat::Web(web)) = app.chats.get(Platform::Web) {
        web.close();
    }
    let by = tokio::time::Instant::now() + GRACE;
    // First of all what was stored is acknowledged, and nothing new comes in.
    let parts = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(PARTS_GRACE, parts).await.is_err() {
        tasks.shutdown().await;
    }
    app.replica.retire(&app).await;
    app.runs.close();
    if tokio::time::timeout_at(by - LAST_SENDS, app.runs.wait()).await.is_err() {
        tracing::warn!("commands still under way; they are taken up again at the next start");
    }
    stop_sending.cancel();
    if tokio::time::timeout_at(by, sender).await.is_err() {
        tracing::warn!("messages still under way; they are sent at the next start");
    }
    stop_keeping.cancel();
    let goodbye = async {
        // It ends by its token.
        let _ = keeper.await;
        app.replica.leave(&app).await;
        app.store.close().await;
    };
    if tokio::time::timeout(STORE_GRACE, goodbye).await.is_err() {
        tracing::warn!("the store could not be closed in time");
    }
    tracing::info!("stopped");
    ended
}

/// What goes on by itself.
fn keepers(app: &Arc<App>, stop: &CancellationToken) -> Vec<BoxFuture<'static, ()>> {
    let keeper = || (Arc::clone(app), stop.clone());
    let (calls, fallback, audit, webhooks) = (keeper(), keeper(), keeper(), keeper());
    let (blocks, jobs, rooms) = (keeper(), keeper(), keeper());
    vec![
        Box::pin(firewall::keep(blocks.0, blocks.1)),
        Box::pin(schedule::keep(jobs.0, jobs.1)),
        Box::pin(escalation::keep(calls.0, calls.1)),
        Box::pin(incident::room::keep(rooms.0, rooms.1)),
        Box::pin(escalation::fallback::keep(fallback.0, fallback.1)),
        Box::pin(escalation::audit::keep(audit.0, audit.1)),
        Box::pin(webhook::keep(webhooks.0, webhooks.1)),
    ]
}

/// Keeps the connections of `chat` whenever this replica may.
fn connections(
    app: &Arc<App>,
    chat: Chat,
    stop: &CancellationToken,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) {
    let (app, stop) = (Arc::clone(app), stop.clone());
    match chat {
        Chat::Slack(slack) if app.replica.duties().contains(&Duty::SlackSockets) => {
            tasks.spawn(async move {
                let serve = |stop| {
                    let (slack, receive) = (slack.clone(), receiver(&app));
                    async move { slack.serve(receive, stop).await.context("Slack") }.boxed()
                };
                replica::while_held(&app, Duty::SlackSockets, &stop, serve).await
            });
        }
        Chat::Discord(discord) => {
            tasks.spawn(async move {
                let serve = |stop: CancellationToken| {
                    let (discord, app) = (discord.clone(), Arc::clone(&app));
                    async move {
                        let Some(since) = stop.run_until_cancelled(newest_event(&app)).await else {
                            return Ok(());
                        };
                        discord.serve(since, receiver(&app), stop).await.context("Discord")
                    }
                    .boxed()
                };
                replica::while_held(&app, Duty::Discord, &stop, serve).await
            });
        }
        // Events come by a listener.
        Chat::Slack(_) | Chat::Web(_) => {}
    }
}

/// When the newest stored event of Discord's happened: what came since is read back.
async fn newest_event(app: &App) -> Option<Timestamp> {
    loop {
        match app.store.last_event_at(Platform::Discord).await {
            Ok(since) => return since,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the newest event can't be read");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Waits for the stop, or for the first part that fails: a bot that is half alive would look well.
async fn until_stopped(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ended = tasks.join_next() => match ended {
                Some(Ok(Ok(()))) if stop.is_cancelled() => {}
                Some(Ok(Ok(()))) => anyhow::bail!("a part of the bot ended by itself"),
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
        }
    }
}

/// What the first command would otherwise wait for: the redactor's patterns, and the seat at the
/// database, which is to be taken before trouble comes.
async fn warm_up(app: Arc<App>) {
    let _ = app.redactor.text("");
    if let Some(postgres) = &app.executors.postgres {
        postgres.health(DEADLINE).await;
    }
}

async fn housekeeping(
    app: Arc<App>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(RESUME_EVERY);
    tick.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => {}
        }
        app.resume().await;
        execute::take_up(&app).await;
        app.outbox.tidy();
        // Without it every latency is kept until somebody asks for /metrics, and nobody may.
        metrics.run_upkeep();
        let before = clock::now() - KEEP_DELIVERIES;
        if let Err(error) = app.store.forget_deliveries(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old deliveries can't be dropped");
        }
        if let Err(error) = app.store.forget_quoted(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "kept messages can't be dropped");
        }
        if let Err(error) = app.store.forget_logins(clock::now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old logins can't be dropped");
        }
        if let Err(error) = app.store.forget_webhooks(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old webhooks can't be dropped");
        }
        if let Err(error) = app.store.forget_alerts(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old alerts can't be dropped");
        }
        if let Err(error) = app.store.forget_messages(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old messages can't be dropped");
        }
    }
}
