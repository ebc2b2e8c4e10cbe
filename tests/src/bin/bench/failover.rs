//! How long people talk to nobody when the replica that listens is gone: from its end to the next one's session on
//! Discord, beside the length of a lease, which has to run out first.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Setup};
use e2e::database::Database;
use e2e::discord::{APPLICATION, BOT_TOKEN, DiscordServer, GUILD};
use e2e::people;
use nix::sys::signal::Signal;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::samples::Samples;
use crate::scene::servers;
use crate::table::Table;

const ROUNDS: usize = 5;
const LEASE: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(20);

/// The ways in which a replica goes.
#[derive(Clone, Copy)]
enum Way {
    Killed,
    StandsStill,
    Stopped,
}

/// Each way, a few times.
pub async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let (_, discord) = servers().await;
    let database = Database::create().await;
    let setup = Setup { store_url: Some(database.url()), ..Setup::default() }
        .with(&format!(
            "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
            discord.api_url().as_str()
        ))
        .with(&people::toml())
        .secret("DISCORD_TOKEN", BOT_TOKEN);
    let mut replicas = vec![Bot::start(setup.clone()).await, Bot::start(setup.clone()).await];
    for (what, way) in [
        ("kill -9 to the next session", Way::Killed),
        ("SIGSTOP to the next session", Way::StandsStill),
        ("SIGTERM to the next session", Way::Stopped),
    ] {
        let mut samples = Samples::default();
        for _ in 0..ROUNDS {
            samples.push(taken_over(&discord, &database, &mut replicas, way).await?);
            replicas.push(Bot::start(setup.clone()).await);
        }
        table.row(format!("{what}, p50"), samples.p50(), "a lease's length", LEASE);
        table.row(format!("{what}, worst"), samples.p99(), "a lease's length", LEASE);
        table.aim(format!("{what} <= 3 s"), samples.p99(), LIMIT);
    }
    Ok(())
}

/// The first of two replicas goes; the second one is alone afterwards.
async fn taken_over(
    discord: &DiscordServer,
    database: &Database,
    replicas: &mut Vec<Bot>,
    way: Way,
) -> anyhow::Result<Duration> {
    discord.wait_ready(PATIENCE).await;
    // As if the last session were begun long ago: Discord wants five seconds between two.
    let mut connection = PgConnection::connect(&database.url()).await?;
    connection.execute("DELETE FROM lease WHERE name = 'discord/session'").await?;
    let begun = discord.identifies();
    let mut holder = replicas.remove(holder(replicas).await?);
    let started = Instant::now();
    match way {
        Way::Killed => holder.kill().await,
        Way::StandsStill => holder.signal(Signal::SIGSTOP),
        Way::Stopped => drop(holder.stop().await),
    }
    discord.wait_identifies(begun + 1, PATIENCE).await;
    let took = started.elapsed();
    if matches!(way, Way::StandsStill) {
        holder.kill().await;
    }
    Ok(took)
}

async fn holder(replicas: &[Bot]) -> anyhow::Result<usize> {
    for (index, replica) in replicas.iter().enumerate() {
        if replica.metric("acgs_lease_held", &["lease=\"discord\""]).await > 0.0 {
            return Ok(index);
        }
    }
    anyhow::bail!("no replica holds the gateway")
}
