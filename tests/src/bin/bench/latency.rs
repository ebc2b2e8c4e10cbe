//! From a command's sending to its acknowledgement: the bot, the bare bots and the floor, one of each in
//! turn, so that whatever else the machine does meets all of them alike.

use std::path::Path;

use crate::floor::{Commits, Deliveries, Loopback, Pages};
use crate::samples::Samples;
use crate::scene::Scene;
use crate::table::Table;

const ROUNDS: usize = 1000;
/// Not measured: connections are opened, caches filled.
const WARM_UP: usize = 100;

#[derive(Default)]
struct Measured {
    slack: Samples,
    bare_slack: Samples,
    discord: Samples,
    bare_discord: Samples,
    loopback: Samples,
    commit: Samples,
    page: Samples,
    record: Samples,
}

/// Measures, and says how it stands against a bare bot and two commits.
pub async fn measure(scene: &Scene, folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let mut loopback = Loopback::open().await?;
    let mut commits = Commits::open(folder).await?;
    let mut pages = Pages::open(folder)?;
    let deliveries = Deliveries::open(folder).await?;
    let mut measured = Measured::default();
    for round in 0..WARM_UP + ROUNDS {
        if round == WARM_UP {
            measured = Measured::default();
        }
        measured.slack.push(scene.slack.one(round).await?);
        measured.bare_slack.push(scene.bare_slack.seat.one(round).await?);
        measured.discord.push(scene.discord.one(round).await?);
        measured.bare_discord.push(scene.bare_discord.seat.one(round).await?);
        measured.loopback.push(loopback.round_trip().await?);
        measured.commit.push(commits.one(round).await?);
        measured.page.push(pages.one()?);
        measured.record.push(deliveries.one(round).await?);
    }
    report(&measured, table);
    Ok(())
}

fn report(measured: &Measured, table: &mut Table) {
    let Measured { slack, bare_slack, discord, bare_discord, loopback, commit, page, record } = measured;
    table.latencies("Slack, typed to acknowledged", slack, "bare bot", bare_slack);
    table.latencies("Discord, typed to acknowledged", discord, "bare bot", bare_discord);
    table.row(
        "Slack, typed to acknowledged, p50",
        slack.p50(),
        "loopback round trip of 1 KiB",
        loopback.p50(),
    );
    table.row(
        "Slack, typed to acknowledged, p50",
        slack.p50(),
        "durable commit (sqlx, SQLite)",
        commit.p50(),
    );
    table.row("Slack, typed to acknowledged, p50", slack.p50(), "one page written and synced", page.p50());
    table.latencies("a delivery recorded by the store", record, "durable commit (sqlx, SQLite)", commit);
    for (platform, ours, bare) in [("Slack", slack, bare_slack), ("Discord", discord, bare_discord)] {
        let limit = bare.p50() + 2 * commit.p50();
        table.aim(format!("{platform} ack p50 <= bare + 2 commits"), ours.p50(), limit);
    }
}
