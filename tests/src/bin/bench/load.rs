//! Commands a second with fifty in flight, and the processor time that each takes, then and one at a time:
//! a bot that wakes up for each command pays for that too.
//!
//! The platforms' servers share the machine with the bots, so the rate is that of both together; the
//! processor time is the bot's own.

use std::time::Duration;

use crate::process::Process;
use crate::scene::Scene;
use crate::seat::Seat;
use crate::table::{Table, Value};

const BLOCKS: usize = 4;
const COMMANDS: usize = 2000;
const ONE_AT_A_TIME: usize = 500;
/// Beyond the numbers that other measures have used.
const FIRST: usize = 1_000_000;

/// What one bot took.
struct Load<'a> {
    process: &'a Process,
    seat: &'a Seat,
    number: usize,
    time: Duration,
    before: Duration,
}

impl<'a> Load<'a> {
    async fn start(process: &'a Process, seat: &'a Seat) -> anyhow::Result<Self> {
        Ok(Self {
            process,
            seat,
            number: FIRST,
            time: Duration::ZERO,
            before: process.processor_time().await?,
        })
    }

    async fn block(&mut self) -> anyhow::Result<()> {
        let first = self.number;
        self.number += COMMANDS;
        self.time += self.seat.many(first..self.number).await?;
        Ok(())
    }

    /// Commands a second, and processor time of one.
    async fn end(&mut self) -> anyhow::Result<(Value, Duration)> {
        let commands = u32::try_from(self.number - FIRST)?;
        let rate = Value::Rate(f64::from(commands) / self.time.as_secs_f64());
        Ok((rate, self.spent().await? / commands))
    }

    /// Processor time of one command when there are no others.
    async fn alone(&mut self) -> anyhow::Result<Duration> {
        self.spent().await?;
        for number in self.number..self.number + ONE_AT_A_TIME {
            self.seat.one(number).await?;
        }
        Ok(self.spent().await? / u32::try_from(ONE_AT_A_TIME)?)
    }

    /// Processor time since this was last asked.
    async fn spent(&mut self) -> anyhow::Result<Duration> {
        let now = self.process.processor_time().await?;
        Ok(now - std::mem::replace(&mut self.before, now))
    }
}

/// The bot and the bare one in turn, on each platform.
pub async fn measure(scene: &Scene, table: &mut Table) -> anyhow::Result<()> {
    let platforms =
        [("Slack", &scene.slack, &scene.bare_slack, 3), ("Discord", &scene.discord, &scene.bare_discord, 2)];
    for (platform, seat, bare, times) in platforms {
        let mut ours = Load::start(&scene.acgs, seat).await?;
        let mut theirs = Load::start(&bare.process, &bare.seat).await?;
        for _ in 0..BLOCKS {
            ours.block().await?;
            theirs.block().await?;
        }
        let (rate, each) = ours.end().await?;
        let (bare_rate, bare_each) = theirs.end().await?;
        let (alone, bare_alone) = (ours.alone().await?, theirs.alone().await?);
        table.row(format!("{platform}, commands a second, 50 in flight"), rate, "bare bot", bare_rate);
        table.row(format!("{platform}, processor time each, 50 in flight"), each, "bare bot", bare_each);
        table.row(format!("{platform}, processor time each, one at a time"), alone, "bare bot", bare_alone);
        let aim = |when| format!("{platform} processor time of a durable command <= {times} x bare, {when}");
        table.aim(aim("50 in flight"), each, bare_each * times);
        table.aim(aim("one at a time"), alone, bare_alone * times);
        seat.assert_obeyed()?;
    }
    Ok(())
}
