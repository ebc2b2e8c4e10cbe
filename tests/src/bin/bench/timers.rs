//! The schedule with very many open incidents: how late it tells beside the bare timer, how fast it catches up after an
//! outage beside a bare group commit, how soon it is ready again, and what memory a timer takes.
//!
//! In this process run the bot's own loop and store; `acgs serve` is started where a whole process is measured.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bot::app::{self, App};
use bot::chat::Chats;
use bot::clock;
use bot::config::Config;
use bot::escalation;
use commands::escalation::Course;
use commands::ids::{Place, Platform, Room};
use commands::incident::{Severity, State};
use commands::timeline::{Entry, Happened};
use e2e::database::Database;
use e2e::people;
use jiff::{SignedDuration, Timestamp};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use store::{NewIncident, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::acgs;
use crate::floor::Rows;
use crate::samples::Samples;
use crate::scene::{connected, servers};
use crate::table::{Table, Value};

/// So many incidents are open.
pub const OPEN: u32 = 100_000;
/// Two of them come due so far apart.
const APART: Duration = Duration::from_millis(1);
/// For so long it is looked at how late they are told.
const LOOKED_AT: u32 = 20_000;
/// Incidents that are opened at once.
const AT_ONCE: usize = 512;
const PATIENCE: Duration = Duration::from_secs(600);
const MEMORY: f64 = 300.0;
/// What a start may take more with them than without.
const START: u32 = 3;

/// Nobody is told alone: an incident has one message, in its channel.
const SCHEDULE: &str = r#"
[oncall]
on_call = ["Bo"]
devops_lead = ["Dee"]
[[escalation]]
severity = "P0"
respond_within = "5m"
steps = [{ after = "0m", tell = "on_call", how = "notify" }]
[[escalation]]
severity = "P1"
respond_within = "5m"
steps = [{ after = "0m", tell = "on_call", how = "notify" }]
[[escalation]]
severity = "P2"
respond_within = "120m"
steps = [
    { after = "0m", tell = "on_call", how = "notify" },
    { after = "30m", tell = "devops_lead", how = "notify" },
    { after = "300m", tell = "devops_lead", how = "notify" },
]
"#;

/// How late the bot says that it was, in seconds: from when something is owed to when it is stored.
static LATE: Lateness = Lateness(Mutex::new(Vec::new()));

struct Lateness(Mutex<Vec<f64>>);

impl Lateness {
    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Samples {
        let mut samples = Samples::default();
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        samples.extend(taken.into_iter().map(Duration::from_secs_f64));
        samples
    }
}

struct Late;

impl HistogramFn for Late {
    fn record(&self, value: f64) {
        LATE.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}

/// Hears of lateness alone.
struct Hears;

impl Recorder for Hears {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        if key.name() == "acgs_escalation_late_seconds" {
            return Histogram::from_arc(Arc::new(Late));
        }
        Histogram::noop()
    }
}

/// Where the bot's records are while it is measured.
enum Ground {
    Sqlite(PathBuf),
    Postgres(Database),
}

impl Ground {
    const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.join("acgs.db").display()),
            Self::Postgres(database) => database.url(),
        }
    }

    /// Another one of the same kind, empty.
    async fn another(&self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(_) => Self::Sqlite(folder.to_owned()),
            Self::Postgres(_) => Self::Postgres(Database::create().await),
        }
    }
}

/// Everything, with `open` incidents, on both databases.
pub async fn measure(open: u32, table: &mut Table) -> anyhow::Result<()> {
    metrics::set_global_recorder(Hears).map_err(|_| anyhow::anyhow!("somebody else hears of metrics"))?;
    let bare = bare_timer(open).await;
    for on_postgres in [false, true] {
        let folder = tempfile::tempdir()?;
        let ground = if on_postgres {
            Ground::Postgres(Database::create().await)
        } else {
            Ground::Sqlite(folder.path().to_owned())
        };
        processes(&ground, open, table).await?;
        let took = catching_up(&ground, open, table).await?;
        lateness(&ground, open, took, &bare, table).await?;
    }
    Ok(())
}

/// The timer alone: as many, as far apart, and how late they fire.
async fn bare_timer(open: u32) -> Samples {
    let start = tokio::time::Instant::now() + Duration::from_secs(1);
    let mut sleeping = JoinSet::new();
    for number in 0..open {
        let at = start + APART * number;
        sleeping.spawn(async move {
            tokio::time::sleep_until(at).await;
            at.elapsed()
        });
    }
    let mut samples = Samples::default();
    for _ in 0..open.min(LOOKED_AT) {
        samples.extend(sleeping.join_next().await.and_then(Result::ok));
    }
    samples
}

async fn app(ground: &Ground, folder: &Path) -> anyhow::Result<Arc<App>> {
    let path = folder.join("measured.toml");
    let toml = format!(
        "[bot]\nhttp_listen = \"127.0.0.1:0\"\ndata_dir = {folder:?}\nincident_channels = [\"web:incidents\"]\n\
         [web]\nlisten = \"127.0.0.1:0\"\n{}{SCHEDULE}",
        people::toml()
    );
    std::fs::write(&path, toml)?;
    let config = Config::load(&path)?;
    let store = Store::open(&ground.url()).await?;
    let (grammar, executors) = (app::grammar(&config), app::executors(&config)?);
    Ok(App::new(config, store, executors, grammar, Chats::default()))
}

/// Opens them; `opened` tells when each was, and it owes something from then on or, if `told`, only later.
async fn open_all(
    app: &App,
    open: u32,
    told: bool,
    opened: impl Fn(u32) -> Timestamp,
) -> anyhow::Result<Duration> {
    let schedule = app.config.escalation.clone().context("a schedule")?;
    let started = Instant::now();
    let mut opening = JoinSet::new();
    for number in 0..open {
        let at = opened(number);
        let mut course = Course::open(schedule.clone(), Severity::P2, false, at);
        if told {
            course.owed(clock::now(), None);
        }
        let owed_at = course.next(None).map(|due| due.at);
        let home = Place::channel(Room::new(Platform::Web, "incidents"));
        let title = format!("queue {number} is long");
        let new = NewIncident {
            run: clock::new_run(),
            title: title.clone(),
            place: Some(home.clone()),
            services: Vec::new(),
            by: "Dee".to_owned(),
            state: State::new(course, vec![home], false, "Dee".to_owned()),
            owed_at,
            entry: Entry {
                at,
                by: Some("Dee".to_owned()),
                what: Happened::Opened { severity: Severity::P2, title },
            },
        };
        if opening.len() >= AT_ONCE {
            opening.join_next().await.context("one that is being opened")???;
        }
        let store = app.store.clone();
        opening.spawn(async move { store.open_incident(new, at).await });
    }
    while let Some(opened) = opening.join_next().await {
        opened??;
    }
    Ok(started.elapsed())
}

/// The loop, until it has stored so many things that were owed.
async fn until_stored(app: &Arc<App>, count: usize) -> anyhow::Result<Duration> {
    let stop = CancellationToken::new();
    let started = Instant::now();
    let keeper = tokio::spawn(escalation::keep(Arc::clone(app), stop.clone()));
    while LATE.count() < count {
        ensure!(started.elapsed() < PATIENCE, "{} of {count} stored", LATE.count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = started.elapsed();
    stop.cancel();
    keeper.await?;
    Ok(took)
}

/// A whole process that starts on them: when it is ready, and what it holds of them in memory.
async fn processes(ground: &Ground, open: u32, table: &mut Table) -> anyhow::Result<()> {
    let (slack, discord) = servers().await;
    let (mut ready, mut resident) = (Vec::new(), Vec::new());
    for with in [false, true] {
        let folder = tempfile::tempdir()?;
        let ground = ground.another(folder.path()).await;
        if with {
            let app = app(&ground, folder.path()).await?;
            let now = clock::now();
            open_all(&app, open, true, |_| now).await?;
            app.store.close().await;
        } else {
            // Not the first start of all, which sets the store up.
            Store::open(&ground.url()).await?.close().await;
        }
        let url = matches!(ground, Ground::Postgres(_)).then(|| ground.url());
        let started = acgs::serve_on(folder.path(), (&slack, &discord), &[], url.as_deref()).await?;
        connected(&slack, &discord).await;
        ready.push(started.after);
        resident.push(started.process.resident().await?);
        started.process.kill().await?;
    }
    let on = ground.name();
    table.row(format!("{on}: start with {open} timers"), ready[1], "with none", ready[0]);
    table.aim(format!("{on}: a start with {open} timers <= 3x one with none"), ready[1], ready[0] * START);
    let (with, without) = (Value::Memory(resident[1]), Value::Memory(resident[0]));
    table.row(format!("{on}: memory with {open} timers"), with, "with none", without);
    let each = Value::Memory(((resident[1] - resident[0]) / f64::from(open)).max(0.0));
    table.aim(format!("{on}: memory for each of them <= 300 B"), each, Value::Memory(MEMORY));
    Ok(())
}

/// All of them due at the same instant, while the bot was down. Returns how long it took to open them.
async fn catching_up(ground: &Ground, open: u32, table: &mut Table) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let ground = ground.another(folder.path()).await;
    let app = app(&ground, folder.path()).await?;
    let opened = clock::now() - SignedDuration::from_mins(40);
    let opening = open_all(&app, open, false, |_| opened).await?;
    LATE.take();
    // Minute 0 and minute 30 of each.
    let took = until_stored(&app, 2 * open as usize).await?;
    LATE.take();
    let mut rows = Rows::open(&ground.url()).await?;
    let messages = rows.count("SELECT count(*) FROM outbox WHERE slot LIKE 'i%-s%'").await?;
    ensure!(messages == i64::from(open), "{messages} messages for {open} incidents");
    let told = rows.count("SELECT count(*) FROM timeline WHERE once = '0/step/1'").await?;
    ensure!(told == i64::from(open), "{told} entries for {open} incidents");
    let bytes = rows.count("SELECT CAST(avg(length(state)) AS BIGINT) FROM incident").await?;
    let bytes = usize::try_from(bytes)?;
    let stored = rows.count(
        "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM incident) + \
         (SELECT count(*) FROM timeline WHERE once = '0/step/1')",
    );
    let stored = u32::try_from(stored.await?)?;
    let floor = rows.commit(open, bytes).await?;
    let whole = rows.commit(stored, bytes * open as usize / stored as usize).await?;
    app.store.close().await;
    let on = ground.name();
    table.row(format!("{on}: {open} due at once, stored"), took, format!("commit of {open} rows"), floor);
    table.row(format!("{on}: the same"), took, format!("commit of its {stored} rows"), whole);
    table.aim(format!("{on}: {open} due at once <= 3x a bare group commit"), took, floor * 3);
    Ok(opening)
}

/// One after another, a thousand a second.
async fn lateness(
    ground: &Ground,
    open: u32,
    opening: Duration,
    bare: &Samples,
    table: &mut Table,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let ground = ground.another(folder.path()).await;
    let app = app(&ground, folder.path()).await?;
    let first = clock::now() + opening.mul_f64(1.5) + Duration::from_secs(2);
    open_all(&app, open, false, |number| first + APART * number).await?;
    ensure!(clock::now() < first, "they are due before all are open");
    LATE.take();
    until_stored(&app, open.min(LOOKED_AT) as usize).await?;
    let late = LATE.take();
    app.store.close().await;
    let on = ground.name();
    table.latencies(&format!("{on}: told late, 1,000 a second"), &late, "tokio's timer alone", bare);
    table.aim(format!("{on}: told late, p99 <= 10x the timer's"), late.p99(), bare.p99() * 10);
    Ok(())
}
