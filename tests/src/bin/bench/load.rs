//! Commands a second with fifty in flight, and the processor time that each takes.
//!
//! The platforms' servers share the machine with the bots, so the rate is that of both together; the
//! processor time is the bot's own.

use std::time::Duration;

use crate::process::Process;
use crate::scene::Scene;
use crate::seat::Seat;
use crate::table::{Table, Value};

const BLOCKS: usize = 4;
const COMMANDS: usize = 1000;
/// Beyond the numbers that other measures have used.
const FIRST: usize = 1_000_000;

/// What one bot took for all blocks.
struct Load<'a> {
    process: &'a Process,
    seat: &'a Seat,
    time: Duration,
    before: Duration,
}

impl<'a> Load<'a> {
    async fn start(process: &'a Process, seat: &'a Seat) -> anyhow::Result<Self> {
        Ok(Self { process, seat, time: Duration::ZERO, before: process.processor_time().await? })
    }

    async fn block(&mut self, number: usize) -> anyhow::Result<()> {
        let first = FIRST + number * COMMANDS;
        self.time += self.seat.many(first..first + COMMANDS).await?;
        Ok(())
    }

    /// Commands a second, and processor time of one.
    async fn end(self) -> anyhow::Result<(Value, Duration)> {
        let commands = u32::try_from(BLOCKS * COMMANDS)?;
        let spent = self.process.processor_time().await? - self.before;
        Ok((Value::Rate(f64::from(commands) / self.time.as_secs_f64()), spent / commands))
    }
}

/// The bot and the bare one in turn, on each platform.
pub async fn measure(scene: &Scene, table: &mut Table) -> anyhow::Result<()> {
    let platforms =
        [("Slack", &scene.slack, &scene.bare_slack, 3), ("Discord", &scene.discord, &scene.bare_discord, 2)];
    for (platform, seat, bare, times) in platforms {
        let mut ours = Load::start(&scene.acgs, seat).await?;
        let mut theirs = Load::start(&bare.process, &bare.seat).await?;
        for number in 0..BLOCKS {
            ours.block(number).await?;
            theirs.block(number).await?;
        }
        let (rate, each) = ours.end().await?;
        let (bare_rate, bare_each) = theirs.end().await?;
        table.row(format!("{platform}, commands a second, 50 in flight"), rate, "bare bot", bare_rate);
        table.row(format!("{platform}, processor time of a command"), each, "bare bot", bare_each);
        let aim = format!("{platform} processor time of a durable command <= {times} x bare");
        table.aim(aim, each, bare_each * times);
        seat.assert_obeyed()?;
    }
    Ok(())
}
