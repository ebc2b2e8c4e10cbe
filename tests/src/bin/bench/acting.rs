//! What acts on the real platform: how long after the last vote it begins, what it takes beside the Engine alone, and for
//! how long nobody gets in while a backup is restored.

use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::acting::{SOON, Scene};
use e2e::bot::Setup;
use e2e::database::Database;
use e2e::people::{BO, DEE, EVE};
use e2e::slack::Message;
use e2e::stack::Stack;

use crate::samples::Samples;
use crate::table::Table;

const ROUNDS: usize = 5;
const SERVICE: &str = "fv_service";
/// An act and its proof.
const PROVED: Duration = Duration::from_secs(120);
/// Between two looks whether somebody gets in.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// All of it.
pub async fn measure(stack: Stack, table: &mut Table) -> anyhow::Result<()> {
    let (folder, store) = (tempfile::tempdir()?, Database::create().await);
    let setup = stack.setup().with(&format!("[backups]\ndir = {:?}", folder.path()));
    let setup = Setup { store_url: Some(store.url()), ..setup };
    let scene = Scene::on(stack, setup).await;
    restarts(&scene, &store, table).await?;
    restore(&scene, table).await
}

/// The last step of all that has begun, in microseconds.
struct LastStep {
    /// When.
    began: i64,
    /// How long it took.
    took: i64,
    /// How long before it its run began: what is kept of a service before it is touched is read in between.
    after: i64,
}

async fn last_step(store: &Database) -> LastStep {
    let began = "SELECT began_at FROM run_step ORDER BY began_at DESC LIMIT 1";
    let took = "SELECT ended_at - began_at FROM run_step ORDER BY began_at DESC LIMIT 1";
    let after = "SELECT run_step.began_at - run.begun_at FROM run_step JOIN run ON run.run = run_step.run \
                 ORDER BY run_step.began_at DESC LIMIT 1";
    LastStep {
        began: store.number(began).await,
        took: store.number(took).await,
        after: store.number(after).await,
    }
}

fn micros(number: i64) -> Duration {
    Duration::from_micros(u64::try_from(number).unwrap_or_default())
}

async fn restarts(scene: &Scene, store: &Database, table: &mut Table) -> anyhow::Result<()> {
    let line = format!("restart {SERVICE}");
    let (mut facts, mut begins, mut recorded) = (Samples::default(), Samples::default(), Samples::default());
    let (mut by_bot, mut by_engine) = (Samples::default(), Samples::default());
    for round in 0..ROUNDS {
        let seen = scene.slack.messages().len();
        let started = Instant::now();
        scene.types(DEE, &format!("{line} --dry-run")).await;
        let dry = |message: &Message| message.visible().contains(&format!("Dry run: {line}"));
        e2e::wait::eventually(SOON, "a dry run's card", async || {
            scene.slack.messages().iter().skip(seen).any(&dry).then_some(())
        })
        .await;
        facts.push(started.elapsed());
        let card = scene.asks(DEE, &line).await;
        let voted = bot::clock::now().as_microsecond();
        scene.slack.react(BO, &card, "white_check_mark").await;
        let ended = scene.ends_well(&card, PROVED).await;
        ensure!(!ended.contains("failed"), "round {round}: {ended}");
        let step = last_step(store).await;
        begins.push(micros(step.began - voted));
        recorded.push(micros(step.after));
        by_bot.push(micros(step.took));
        let container = scene.stack.container(SERVICE);
        let started = Instant::now();
        scene.stack.docker(&["restart", &container]).await;
        by_engine.push(started.elapsed());
        scene.stack.wait_state(SERVICE, "running healthy").await;
    }
    table.row("a vote to the first step", begins.p50(), "a dry run's answer: the facts, once", facts.p50());
    table.aim(
        "a vote to the first step <= a dry run + 50 ms",
        begins.p50(),
        facts.p50() + Duration::from_millis(50),
    );
    table.row(
        "of it, what is kept of the service first",
        recorded.p50(),
        "a vote to the first step",
        begins.p50(),
    );
    table.row(format!("{line}, the step"), by_bot.p50(), "docker restart", by_engine.p50());
    table.aim("a restart <= docker restart + 10 %", by_bot.p50(), by_engine.p50().mul_f64(1.1));
    Ok(())
}

async fn restore(scene: &Scene, table: &mut Table) -> anyhow::Result<()> {
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: backup create", PROVED).await;
    let card = scene.asks(DEE, "backup restore newest").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let started = Instant::now();
    scene.slack.react(EVE, &card, "white_check_mark").await;
    let (mut longest, mut well) = (Duration::ZERO, Instant::now());
    let ended = scene.ends_well(&card, PROVED);
    tokio::pin!(ended);
    let whole = loop {
        tokio::select! {
            _ = &mut ended => break started.elapsed(),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if scene.stack.answers("ac_service", "/health").await {
            longest = longest.max(well.elapsed());
            well = Instant::now();
        }
    };
    table.row("backup restore: nobody was answered for", longest, "the whole restore and its proof", whole);
    table.aim("a restore shuts out for <= 1 s", longest, Duration::from_secs(1));
    Ok(())
}
