//! Addresses that are shut out: which there are, and letting them in again when their time is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use commands::block::Network;
use commands::ids::RunId;
use commands::message::{Reply, Target};
use exec_host::HostError;
use store::{AuditDecision, AuditEntry, AuditOutcome, Lane, NewMessage, StandingBlock};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::config;
use crate::performed::{News, Performed, news};
use crate::{clock, execute, report};

/// One call of the firewall's program, which waits up to five seconds for somebody else's.
pub const CALL: Duration = Duration::from_secs(10);
/// Between two looks whether somebody's time is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The firewall's programs.
#[must_use]
pub fn programs(config: &config::Firewall) -> exec_host::Firewall {
    exec_host::Firewall {
        v4: config.iptables.display().to_string(),
        v6: config.ip6tables.display().to_string(),
    }
}

/// Networks that are never shut out.
pub fn own(app: &App) -> Result<Vec<Network>, HostError> {
    let mut own = exec_host::own_networks()?;
    own.extend(app.config.firewall.iter().flat_map(|config| &config.own_networks));
    Ok(own)
}

/// Who is shut out.
pub async fn list(app: &App) -> anyhow::Result<Performed> {
    let Some(config) = &app.config.firewall else {
        return Ok(Performed::done(report::not_configured("firewall"), News::Bad));
    };
    let recorded = app.store.standing_blocks().await?;
    let here = machine(app).await;
    match exec_host::blocks(&programs(config), CALL).await {
        Ok(placed) => {
            let stands = |one: &StandingBlock| placed.iter().any(|placed| placed.block == one.block);
            let is_here = |one: &StandingBlock| here.as_ref().is_ok_and(|here| one.engine == *here);
            let gone: Vec<_> = recorded
                .into_iter()
                .filter(|one| is_here(one) && !stands(one))
                .map(|one| one.block)
                .collect();
            let well = gone.is_empty();
            Ok(Performed::done(report::blocks(&placed, &gone, clock::now()), news(well)))
        }
        Err(error) => Ok(Performed::failed(report::unavailable("The firewall", &error.to_string()))),
    }
}

/// The machine by its Docker daemon; blank where no Docker is configured.
pub async fn machine(app: &App) -> Result<String, String> {
    match &app.executors.docker {
        None => Ok(String::new()),
        Some(docker) => docker.info().await.map(|info| info.daemon_id).map_err(|error| error.to_string()),
    }
}

/// Lets in again whose time is over, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Told once, and tried on.
    let mut told = HashSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if app.config.firewall.is_none() {
            continue;
        }
        if let Err(error) = lift_expired(&app, &mut told).await {
            tracing::warn!(error = format!("{error:#}"), "expired blocks can't be lifted");
        }
    }
}

async fn lift_expired(app: &App, told: &mut HashSet<(RunId, u32)>) -> anyhow::Result<()> {
    let now = clock::now();
    let mut expired = app.store.standing_blocks().await?;
    expired.retain(|one| one.block.has_expired(now));
    if expired.is_empty() {
        return Ok(());
    }
    let here = machine(app).await.map_err(anyhow::Error::msg)?;
    for one in expired.iter().filter(|one| one.engine == here) {
        // Written down before it is done, as everything that acts.
        app.store.append_audit(vec![entry(one, None)], clock::now()).await?;
        match execute::firewall::lift(app, &one.block).await {
            Ok(rules) => {
                if app.store.lift_block(one.run, one.step, clock::now()).await? {
                    app.store.append_audit(vec![entry(one, Some(AuditOutcome::Done))], clock::now()).await?;
                    tell(app, one, "let-in", report::let_in(&one.block, rules)).await?;
                }
            }
            Err(why) => {
                if told.insert((one.run, one.step)) {
                    tell(app, one, "stays", report::stays_out(&one.block, &why)).await?;
                }
                anyhow::bail!("{}: {why}", one.block.network);
            }
        }
    }
    Ok(())
}

/// Where it was asked for.
async fn tell(app: &App, one: &StandingBlock, slot: &str, reply: Reply) -> anyhow::Result<()> {
    let Some(plan) = app.store.plan(one.run).await? else { return Ok(()) };
    let message = NewMessage {
        slot: format!("{slot}-{}-{}", one.run, one.step),
        lane: Lane::Answer,
        target: Target::Post(plan.place),
        reply: app.redactor.reply(report::with_run(reply, one.run)),
    };
    app.store.put_message(message, clock::now()).await?;
    app.outbox.nudge();
    Ok(())
}

fn entry(one: &StandingBlock, outcome: Option<AuditOutcome>) -> AuditEntry {
    AuditEntry {
        run: one.run,
        account: app::own_account(),
        person: None,
        place: None,
        verb: "security unblock".to_owned(),
        line: format!("security unblock {}", one.block.network),
        decision: AuditDecision::Allowed,
        outcome,
        detail: serde_json::json!({ "expired": one.block.until, "blocked_by": one.block.by.as_str() }),
    }
}
