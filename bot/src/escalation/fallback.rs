//! Pages that a platform does not take: said on the other one, and posted to the fallback's address where none does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commands::ids::Platform;
use jiff::SignedDuration;
use store::{IncidentPage, NewWebhook};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::webhook::Address;
use crate::{clock, report};

/// A page is expected to be taken within this.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = look(&app).await {
            tracing::error!(error = format!("{error:#}"), "pages that were not taken can't be read");
        }
    }
}

async fn look(app: &App) -> anyhow::Result<()> {
    let now = clock::now();
    let mut pages: BTreeMap<String, Vec<IncidentPage>> = BTreeMap::new();
    for page in app.store.pages_since(now - SignedDuration::from_hours(24), now - PATIENCE).await? {
        let Some((page_of, _)) = page.slot.rsplit_once('-') else { continue };
        pages.entry(page_of.to_owned()).or_default().push(page);
    }
    for (page, copies) in pages {
        let taken = |platform: Platform| copies.iter().any(|copy| copy.sent && copy.platform == platform);
        // Somebody may take no direct messages: the platform is well where anything arrived.
        let missing: Vec<&IncidentPage> = copies.iter().filter(|copy| !taken(copy.platform)).collect();
        let Some(first) = missing.first() else { continue };
        if copies.iter().any(arrived) {
            say_beside(app, &page, &copies, &missing).await?;
        } else if app.config.oncall.as_ref().is_some_and(|oncall| oncall.fallback.is_some()) {
            let webhook = NewWebhook {
                id: format!("{page}-f"),
                address: Address::Fallback.to_string(),
                body: report::incident::fallback_body(&first.reply),
            };
            app.store.put_webhook(webhook, now).await?;
            app.webhooks.notify_one();
        }
    }
    Ok(())
}

/// Nobody is woken by the page in a browser.
fn arrived(copy: &IncidentPage) -> bool {
    copy.sent && copy.platform != Platform::Web
}

/// Where it did arrive, whoever reads it is told where it did not: once, in the thread of the page itself.
async fn say_beside(
    app: &App,
    page: &str,
    copies: &[IncidentPage],
    missing: &[&IncidentPage],
) -> anyhow::Result<()> {
    let slot = format!("{page}-n");
    if copies.iter().any(|copy| copy.slot == slot) {
        return Ok(());
    }
    let missing: Vec<Platform> = missing.iter().map(|copy| copy.platform).collect();
    let Some(arrived) = copies.iter().find(|copy| arrived(copy)) else { return Ok(()) };
    let message = store::NewMessage {
        slot,
        lane: store::Lane::Page,
        target: arrived.target.clone(),
        reply: app.redactor.reply(report::incident::not_taken(&missing, &arrived.reply)),
    };
    app.store.put_message(message, clock::now()).await?;
    app.outbox.nudge();
    Ok(())
}
