//! The loop that renews leases, takes free ones and frees what gone replicas had claimed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use store::{LeaseRow, Signal, StoreError, Take, replica_lease};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::standing::{held, is_one_gone, is_registered, next_end, wanted};
use super::{Duty, GIVEN_UP, Hold, LENGTH, Replica};
use crate::app::App;
use crate::{clock, execute};

/// Between two renewals.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// A lease of another's is looked at so long after its end, and not just before it.
const PAST_THE_END: Duration = Duration::from_millis(10);
/// The shortest time between two looks.
const SOONEST: Duration = Duration::from_millis(20);
/// Before another try to do, to listen or to ask.
const AGAIN: Duration = Duration::from_secs(1);

/// Registers this process and takes what is free. To be called before anything is claimed.
pub async fn join(app: &Arc<App>) -> Result<(), StoreError> {
    if app.replica.alone {
        app.replica.heard(Vec::new(), Instant::now());
        return Ok(());
    }
    tracing::info!(replica = app.replica.id(), "one of several replicas");
    look(app).await
}

/// Keeps what this process holds, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let replica = Arc::clone(&app.replica);
    if replica.alone {
        return stop.cancelled().await;
    }
    let listening = listen(&app);
    let engine = learn_engine(&app);
    let looking = async {
        let mut fails = false;
        loop {
            let pause = replica.pause();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = replica.wake.notified() => {}
            }
            match look(&app).await {
                Ok(()) => fails = false,
                Err(error) if !fails => {
                    fails = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "leases can't be renewed");
                }
                Err(_) => {}
            }
            replica.tell_metrics();
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = looking => {}
        () = async { tokio::join!(listening, engine); } => {}
    }
}

/// One look: everything is renewed, and what is free and wanted is taken.
async fn look(app: &Arc<App>) -> Result<(), StoreError> {
    let replica = &app.replica;
    let (before, started) = (replica.holdings(), Instant::now());
    let mut rows = match app.store.renew_leases(replica.id(), replica.engine(), LENGTH, clock::now()).await {
        Ok(rows) => rows,
        // Nobody can write, so nobody can take anything either.
        Err(StoreError::Unwritable(_)) => {
            renewed_by_nobody(app.store.leases(clock::now()).await?, replica.id())
        }
        Err(error) => return Err(error),
    };
    metrics::histogram!("acgs_lease_renewal_seconds").record(started.elapsed());
    if !is_registered(&rows, replica.id()) {
        register(app, &mut rows).await?;
    }
    for (_, take) in replica.wants(&rows) {
        if let Some(fence) = app.store.take_lease(replica.id(), &take, LENGTH, clock::now()).await? {
            note(&mut rows, &take.name, replica.id(), fence);
        }
    }
    if is_one_gone(&rows, replica.id()) {
        release(app).await;
        rows.retain(|row| row.is_held() || row.replica().is_none());
    }
    replica.heard(rows, started);
    if replica.holdings() != before {
        app.outbox.nudge();
    }
    // What is decided next is decided by the time that all replicas have.
    clock::follow(&app.store).await
}

/// Without a registration nothing that this process claims ends with it. A second one means that others have given
/// it up and taken over what it had claimed.
async fn register(app: &Arc<App>, rows: &mut Vec<LeaseRow>) -> Result<(), StoreError> {
    let replica = &app.replica;
    let take = Take { name: replica_lease(replica.id()), seen: 0 };
    if let Some(fence) = app.store.take_lease(replica.id(), &take, LENGTH, clock::now()).await? {
        note(rows, &take.name, replica.id(), fence);
        let mut state = replica.state();
        state.life += 1;
        if state.life > 1 {
            tracing::warn!("the others took this replica for gone and took over what it was working on");
        }
    }
    Ok(())
}

fn note(rows: &mut Vec<LeaseRow>, name: &str, holder: &str, fence: i64) {
    rows.retain(|row| row.name != name);
    rows.push(LeaseRow {
        name: name.to_owned(),
        holder: Some(holder.to_owned()),
        fence,
        left: LENGTH,
        engine: None,
    });
}

/// A store that takes no writes takes no taking either: what `me` held it holds.
fn renewed_by_nobody(mut rows: Vec<LeaseRow>, me: &str) -> Vec<LeaseRow> {
    for row in rows.iter_mut().filter(|row| row.holder.as_deref() == Some(me)) {
        row.left = LENGTH;
    }
    rows
}

/// Frees what gone replicas had claimed, and takes it up.
async fn release(app: &Arc<App>) {
    match app.store.release_gone(clock::now()).await {
        Ok(gone) if gone.is_empty() => {}
        Ok(gone) => {
            tracing::warn!(?gone, "replicas are gone; what they were working on is taken up");
            take_up(app);
        }
        // The next look comes soon.
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "claims can't be freed"),
    }
}

fn take_up(app: &Arc<App>) {
    app.outbox.nudge();
    let app = Arc::clone(app);
    tokio::spawn(async move {
        app.resume().await;
        execute::take_up(&app).await;
    });
}

/// Hears what the others tell.
async fn listen(app: &Arc<App>) {
    loop {
        if let Ok(Some(mut signals)) = app.store.signals().await {
            // What was told before.
            app.outbox.nudge();
            while let Ok(signal) = signals.next().await {
                match signal {
                    Signal::Outbox => app.outbox.nudge(),
                    Signal::Lease => {
                        app.replica.nudge();
                        take_up(app);
                    }
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Learns which Docker daemon this process acts on.
async fn learn_engine(app: &Arc<App>) {
    let Some(docker) = &app.executors.docker else { return std::future::pending().await };
    loop {
        if let Ok(info) = docker.info().await {
            // It is learned once.
            let _ = app.replica.engine.set(info.daemon_id);
            app.replica.nudge();
            execute::take_up(app).await;
            return std::future::pending().await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Does `work` whenever this process may, until `stop`. The work ends by its own token when it may not any more.
pub async fn while_held(
    app: &Arc<App>,
    duty: Duty,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let replica = &app.replica;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = replica.until_held(duty) => {}
        }
        tracing::info!(?duty, "held by this replica");
        let ends = stop.child_token();
        let mut working = work(ends.clone());
        tokio::select! {
            ended = &mut working => return ended,
            () = replica.until_lost(duty) => {
                tracing::warn!(?duty, "not held by this replica any more");
                ends.cancel();
                working.await?;
            }
        }
    }
}

impl Replica {
    /// The database said how leases stand; it was asked at `asked`.
    fn heard(&self, rows: Vec<LeaseRow>, asked: Instant) {
        let mut state = self.state();
        let now = if state.retired { BTreeMap::new() } else { held(&rows, &self.id, &self.duties) };
        for duty in &self.duties {
            let change = match (state.held.get(duty), now.get(duty)) {
                (before, Some(after)) if before != Some(after) => "taken",
                (Some(_), None) => "lost",
                _ => continue,
            };
            metrics::counter!("acgs_lease_changes_total", "lease" => duty.leases()[0], "change" => change)
                .increment(1);
        }
        state.held = now;
        state.rows = rows;
        state.until = Some(asked + GIVEN_UP);
        drop(state);
        self.verdicts.send_modify(|count| *count += 1);
        self.tell_metrics();
    }

    fn holdings(&self) -> Vec<Duty> {
        self.state().held.keys().copied().collect()
    }

    fn wants(&self, rows: &[LeaseRow]) -> Vec<(Duty, Take)> {
        if self.state().closing { Vec::new() } else { wanted(rows, &self.id, &self.duties) }
    }

    fn pause(&self) -> Duration {
        let next = next_end(&self.state().rows, &self.id).map(|left| left + PAST_THE_END);
        next.unwrap_or(RENEW_EVERY).clamp(SOONEST, RENEW_EVERY)
    }

    pub(super) fn tell_metrics(&self) {
        let standing = self.standing();
        for duty in &self.duties {
            let holds = f64::from(u8::from(standing.holds.contains(duty)));
            metrics::gauge!("acgs_lease_held", "lease" => duty.leases()[0]).set(holds);
        }
        // Replicas are a handful.
        let count = u32::try_from(standing.others).unwrap_or(u32::MAX).saturating_add(1);
        metrics::gauge!("acgs_replicas").set(f64::from(count));
    }

    /// Takes nothing any more, and gives back what it has if somebody is there to take it: what is stored and not sent
    /// is then sent by them. The connections must be closed before.
    pub async fn retire(&self, app: &App) {
        let given: Vec<Hold> = {
            let mut state = self.state();
            state.closing = true;
            if self.alone || super::standing::others(&state.rows, &self.id).next().is_none() {
                return;
            }
            state.retired = true;
            std::mem::take(&mut state.held).into_values().collect()
        };
        let names: Vec<&str> = given.iter().map(|hold| hold.name.as_str()).collect();
        if let Err(error) = app.store.give_back(&self.id, &names).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leases can't be given back; they run out"
            );
        }
    }

    /// The end: everything is free at once.
    pub async fn leave(&self, app: &App) {
        if self.alone {
            return;
        }
        if let Err(error) = app.store.leave(&self.id).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leases can't be given back; they run out"
            );
        }
    }
}
