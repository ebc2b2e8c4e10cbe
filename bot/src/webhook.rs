//! Posts to addresses of the configuration: what wakes people, the fallback, the heartbeat.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use commands::message::Target;
use exec_http::WebhookError;
use jiff::SignedDuration;
use store::{ClaimedWebhook, Lane, NewMessage};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::WebhookUrl;
use crate::{acting, clock, report};

/// Posts at once.
const BATCH: u32 = 16;
/// A post takes less.
const LEASE: Duration = Duration::from_secs(15);
/// The safety net beneath the nudges.
const POLL: Duration = Duration::from_secs(1);
/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What nobody took for so long is not tried any more.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Which address of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// What wakes a person.
    Person(String),
    /// Where pages go that no chat takes.
    Fallback,
    /// Who watches the bot.
    Heartbeat,
    /// A status page elsewhere.
    Status,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person/{name}"),
            Self::Fallback => f.write_str("fallback"),
            Self::Heartbeat => f.write_str("heartbeat"),
            Self::Status => f.write_str("status"),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("person/")) {
            (_, Some(name)) => Ok(Self::Person(name.to_owned())),
            ("fallback", None) => Ok(Self::Fallback),
            ("heartbeat", None) => Ok(Self::Heartbeat),
            ("status", None) => Ok(Self::Status),
            _ => Err(format!("{text:?} is no address")),
        }
    }
}

impl Address {
    fn url<'a>(&self, app: &'a App) -> Option<&'a WebhookUrl> {
        match self {
            Self::Person(name) => app.config.people.named(name)?.page_webhook.as_ref(),
            Self::Fallback => app.config.oncall.as_ref()?.fallback.as_ref(),
            Self::Heartbeat => app.config.heartbeat.as_ref(),
            Self::Status => app.config.status_webhook.as_ref(),
        }
    }
}

/// Posts once. The error is in words.
pub async fn post(app: &App, address: &Address, body: &str) -> Result<(), String> {
    let Some(url) = address.url(app) else { return Err(format!("{address} is not configured any more")) };
    app.executors.webhooks.post(&url.0, body).await.map_err(|error| error.to_string())
}

/// Posts what is stored, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    while !stop.is_cancelled() {
        match app.store.claim_webhooks(clock::now(), LEASE, BATCH).await {
            Ok(claimed) => {
                let full = claimed.len() == BATCH as usize;
                for webhook in claimed {
                    let app = Arc::clone(&app);
                    tracker.spawn(async move { deliver(&app, &webhook).await });
                }
                if full {
                    continue;
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "webhooks can't be read");
            }
        }
        tokio::select! {
            () = app.webhooks.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = stop.cancelled() => {}
        }
    }
    tracker.close();
    tracker.wait().await;
}

async fn deliver(app: &App, claimed: &ClaimedWebhook) {
    let stored = match try_once(app, claimed).await {
        Ok(()) => app.store.webhook_sent(claimed, clock::now()).await,
        Err(Failed::Later(why)) => {
            tracing::warn!(webhook = claimed.webhook.address, why, "not taken, will be tried again");
            let pause = Duration::from_secs(1)
                * 2u32.saturating_pow(u32::try_from(claimed.fence - 1).unwrap_or(6).min(6));
            let pause = SignedDuration::try_from(pause.min(LONGEST_PAUSE)).unwrap_or(GIVE_UP_AFTER);
            app.store.defer_webhook(claimed, clock::now() + pause).await
        }
        Err(Failed::Never(why)) => {
            tracing::error!(webhook = claimed.webhook.address, why, "given up");
            metrics::counter!("acgs_webhooks_refused_total").increment(1);
            say_unwoken(app, claimed, &why).await;
            app.store.give_up_webhook(claimed, &why, clock::now()).await
        }
    };
    if let Err(error) = stored {
        tracing::error!(error = &error as &dyn std::error::Error, "a webhook's outcome can't be stored");
    }
}

/// Whoever is woken by an address alone has nothing else: the others are told to call them.
async fn say_unwoken(app: &App, claimed: &ClaimedWebhook, why: &str) {
    let Ok(Address::Person(name)) = claimed.webhook.address.parse() else { return };
    let Some(place) = acting::first_incident_room(app) else { return };
    let message = NewMessage {
        slot: format!("{}-w", claimed.webhook.id),
        lane: Lane::Page,
        target: Target::Post(place),
        reply: app.redactor.reply(report::incident::unwoken(&name, why)),
    };
    if let Err(error) = app.store.put_message(message, clock::now()).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            name,
            "nobody is told that they were not woken"
        );
    }
    app.outbox.nudge();
}

enum Failed {
    Later(String),
    Never(String),
}

async fn try_once(app: &App, claimed: &ClaimedWebhook) -> Result<(), Failed> {
    let address: Address = claimed.webhook.address.parse().map_err(Failed::Never)?;
    let Some(url) = address.url(app) else {
        return Err(Failed::Never("it is not in the configuration any more".to_owned()));
    };
    match app.executors.webhooks.post(&url.0, &claimed.webhook.body).await {
        Ok(()) => Ok(()),
        Err(WebhookError::Refused(status)) => Err(Failed::Never(format!("refused with status {status}"))),
        Err(error) if clock::now().duration_since(claimed.created_at) > GIVE_UP_AFTER => {
            Err(Failed::Never(format!("not taken for a day: {error}")))
        }
        Err(error) => Err(Failed::Later(error.to_string())),
    }
}
