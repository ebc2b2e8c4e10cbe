//! How long a picture takes to draw, and how large it is.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bot::report;
use commands::plot::{Course, History, Line, Mark, MarkKind};
use commands::traffic::{Quantile, SLOW_SECONDS};
use e2e::platform::SERVICES;
use jiff::{SignedDuration, Timestamp};

use crate::samples::Samples;
use crate::table::{Table, Value};

const ROUNDS: usize = 30;
const AIM: Duration = Duration::from_millis(50);
const MOST_BYTES: f64 = 60e3;

/// A picture of six services that go up and down, with marks and a limit.
pub fn measure(table: &mut Table) -> anyhow::Result<()> {
    let course = Course::Latency(Quantile::P95);
    let history = history()?;
    let mut samples = Samples::default();
    let mut size = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let picture = report::plot(&course, &history, Some(SLOW_SECONDS))?.context("no picture")?;
        samples.push(started.elapsed());
        size = picture.png.0.len();
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let size = Value::Memory(size as f64);
    table.alone("a picture of 6 services, drawn", samples.p50());
    table.alone("the same, its file", size);
    table.aim("a picture <= 50 ms", samples.p50(), AIM);
    table.aim("a picture <= 60 KB", size, Value::Memory(MOST_BYTES));
    Ok(())
}

fn history() -> anyhow::Result<History> {
    let from = Timestamp::from_second(1_800_000_000)?;
    let at = |index: i32| from + SignedDuration::from_secs(i64::from(index) * 30);
    let line = |(number, name): (i32, &&str)| {
        let value = |index: i32| f64::from((index * (number + 3)) % 37) / 50.0;
        Line {
            name: (*name).to_owned(),
            points: (0..=120).map(|index| (at(index), Some(value(index)))).collect(),
        }
    };
    let mark = |index, kind| Mark { at: at(index), kind, name: "gs_service".to_owned() };
    Ok(History {
        from,
        until: at(120),
        lines: (0..).zip(SERVICES.iter()).map(line).collect(),
        marks: vec![mark(20, MarkKind::Restart), mark(70, MarkKind::Alert), mark(90, MarkKind::Restart)],
    })
}
