//! Pages that a platform does not take: said on the other one, and posted to the fallback's address where none does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commands::ids::Platform;
use commands::message::Target;
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
        say_unheard(app, &page, &copies).await?;
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

/// Somebody who takes no direct messages is named where the page itself arrived: once, and by whom to call.
async fn say_unheard(app: &App, page: &str, copies: &[IncidentPage]) -> anyhow::Result<()> {
    let slot = format!("{page}-d");
    let taken = |platform: Platform| copies.iter().any(|copy| copy.sent && copy.platform == platform);
    let unheard = copies.iter().filter(|copy| !copy.sent && taken(copy.platform));
    let unheard: Vec<String> = unheard
        .filter_map(|copy| match &copy.target {
            Target::Direct(account) => app.config.people.find(account).map(|person| person.name.clone()),
            Target::Answer(_) | Target::Post(_) | Target::Edit { .. } => None,
        })
        .collect();
    let posted = copies.iter().find(|copy| arrived(copy) && matches!(copy.target, Target::Post(_)));
    let (Some(posted), false) = (posted, unheard.is_empty()) else { return Ok(()) };
    if copies.iter().any(|copy| copy.slot == slot) {
        return Ok(());
    }
    let message = store::NewMessage {
        slot,
        lane: store::Lane::Page,
        target: posted.target.clone(),
        reply: app.redactor.reply(report::incident::unheard(&unheard, &posted.reply)),
    };
    app.store.put_message(message, clock::now()).await?;
    app.outbox.nudge();
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
