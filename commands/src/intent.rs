//! What a line means: one variant a command, with typed fields.
//!
//! The derive on [`Intent`] is the whole grammar: names, options, limits and the texts of help come
//! from it and from nowhere else. A command that does nothing yet is not in here. Descriptions are at
//! most 35 characters and options' texts at most 22, because Discord counts 8,000 for the whole tree
//! that this one grows into (discord.com/developers/docs/interactions/application-commands); the long
//! text and the examples (`after_help`, one line each) are shown by `help` alone.
//! It does not say who may ask here and now: that is decided from [`Intent::needs`] elsewhere.

pub(crate) mod acting;
mod alert;
mod backup;
mod database;
mod deployed;
mod incident;
mod logins;
mod maintenance;
mod oncall;
mod runbook;
mod secrets;
mod security;
mod stack;

use std::fmt;
use std::ops::RangeInclusive;

use clap::builder::NonEmptyStringValueParser;
use clap::value_parser;

use crate::containers::UsageOrder;
use crate::ids::{RunId, ServiceName};
use crate::line;
use crate::logs::{Grep, Level};
use crate::lookup::{QueryName, typed_name};
use crate::message::Visibility;
use crate::period::Period;
use crate::risk::Requirement;
use crate::traffic::Quantile;
use crate::verb::Verb;

pub use self::acting::{How, Reason, Words};
pub use self::alert::AlertAsk;
pub use self::backup::Backup;
pub use self::database::{Db, LONG, LONG_DEFAULT};
pub use self::deployed::{CommitPrefix, Deploy};
pub use self::incident::{IncidentAsk, Which};
pub use self::logins::Auth;
pub use self::maintenance::Maintenance;
pub use self::oncall::Oncall;
pub use self::runbook::RunbookAsk;
pub use self::secrets::Secrets;
pub use self::security::{EVENTS_DEFAULT, REVIEW_DEFAULT, Security, WATCH_DEFAULT};
pub use self::stack::{FREEZE, SCALE, Stack};

/// Seconds that `health --wait` may poll.
pub const WAIT_SECONDS: RangeInclusive<i64> = 5..=300;

/// How long `health --watch` may go on.
pub const WATCH: (Period, Period) = (Period::minutes(1), Period::hours(1));

/// Rows that `audit --last` may show.
pub const AUDIT_ROWS: RangeInclusive<i64> = 1..=200;

/// Rows that `audit` shows when nobody says how many.
pub const AUDIT_ROWS_DEFAULT: u16 = 20;

/// How long back a look at rates may go.
pub const WINDOW: (Period, Period) = (Period::minutes(1), Period::days(1));

/// How long back it goes when nobody says.
pub const WINDOW_DEFAULT: Period = Period::minutes(5);

/// How long back `stats --trend` may go: less shows no trend, and more few keep.
pub const TREND: (Period, Period) = (Period::minutes(10), Period::days(7));

/// Endpoints that `latency --top` may show.
pub const TOP_ROWS: RangeInclusive<i64> = 1..=20;

/// Lines that `logs --tail` may show.
pub const LOG_LINES: RangeInclusive<i64> = 1..=10_000;

/// Lines that `logs` shows when nobody says how many.
pub const LOG_LINES_DEFAULT: u16 = 50;

/// How long back `logs --since` may go.
pub const LOG_SINCE: (Period, Period) = (Period::seconds(1), Period::days(30));

/// What a person asked for. Its `Display` is the canonical line, which parses back to the same intent.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Intent {
    /// A look at the platform.
    #[command(
        about = "How the platform is right now",
        long_about = "Asks every service, the database, Prometheus and Alertmanager at once and shows the sick ones \
                      first. With a service it shows that one in detail; with --wait it asks again until three good \
                      answers came in a row or the seconds are over. With --deep it also logs in as the canary, reads \
                      something from each service, looks at errors and compares the newest backup's rows with the database, since \
                      a platform can be up and not work. With --watch it \
                      looks at a service every few seconds for that long, says nothing while nothing changes, tells each \
                      change by a message of its own, and ends with a verdict. With --public it asks the public address and says for how \
                      long its certificate is good.",
        after_help = "health\nhealth auth_service\nhealth auth_service --wait 60\nhealth auth_service --watch 15m\nhealth --deep\nhealth --public"
    )]
    Health {
        /// That service alone.
        #[arg(value_name = "SERVICE", help = "One service, in detail")]
        service: Option<ServiceName>,
        /// Seconds to poll for three good answers in a row.
        #[arg(
            long,
            value_name = "SECONDS",
            help = "Ask until it is well",
            value_parser = value_parser!(u16).range(WAIT_SECONDS),
            allow_negative_numbers = true
        )]
        wait: Option<u16>,
        /// For how long to speak up when something changes.
        #[arg(
            long,
            value_name = "TIME",
            help = "Tell changes, as 15m",
            requires = "service",
            conflicts_with = "wait",
            value_parser = Period::within(WATCH.0, WATCH.1)
        )]
        watch: Option<Period>,
        /// Everything that shows whether the platform works, not only whether it answers.
        #[arg(long, help = "Also logins and reads", conflicts_with_all = ["service", "wait", "watch"])]
        deep: bool,
        /// The public address, as anybody would ask it.
        #[arg(long, help = "From outside, with TLS", conflicts_with_all = ["service", "wait", "watch", "deep"])]
        public: bool,
    },
    /// The platform's containers.
    #[command(
        about = "Containers and their states",
        long_about = "Lists every container of the platform with its state, its own health check, its age and its \
                      restarts: those that ended or restart too, and one-off jobs. Compose's service stands beside the \
                      container's own name.",
        after_help = "ps"
    )]
    Ps,
    /// What a service's container wrote.
    #[command(
        about = "What a service wrote",
        long_about = "Shows the last 50 lines of a service's container, or as many as --tail says, counted by kind, the \
                      alike ones together. --grep takes plain text, A|B for either, whatever the case. --level error \
                      finds ERROR, FATAL, CRITICAL and PANIC, and levels in key=value and JSON lines; security finds \
                      SECURITY lines. What does not fit is attached as a file.",
        after_help = "logs auth_service\nlogs auth_service --since 15m --grep 'ERROR|SECURITY|JWT'\nlogs ac_service --since 1h --level error"
    )]
    Logs {
        /// Whose.
        #[arg(value_name = "SERVICE", help = "Whose log")]
        service: ServiceName,
        /// How many of the newest lines.
        #[arg(
            long,
            value_name = "N",
            help = "Lines to show",
            default_value_t = LOG_LINES_DEFAULT,
            value_parser = value_parser!(u16).range(LOG_LINES),
            allow_negative_numbers = true
        )]
        tail: u16,
        /// From when on.
        #[arg(long, value_name = "TIME", help = "How far back, as 15m", value_parser = Period::within(LOG_SINCE.0, LOG_SINCE.1))]
        since: Option<Period>,
        /// Lines that hold this.
        #[arg(long, value_name = "TEXT", help = "Lines with this text", value_parser = value_parser!(Grep))]
        grep: Option<Grep>,
        /// Lines of this level.
        #[arg(long, value_name = "LEVEL", help = "error, security, ...", value_parser = value_parser!(Level))]
        level: Option<Level>,
    },
    /// What the containers use.
    #[command(
        about = "CPU and memory of the containers",
        long_about = "Shows what each running container of the platform uses: CPU in percent of one core, memory without \
                      the page cache and how much of its limit that is, processes, network and disk. The hungriest \
                      stand first, by CPU or by --sort mem. With --trend it shows instead how each service's memory \
                      went over that time, as Prometheus saw it, and who needs more and more.",
        after_help = "stats\nstats ac_service\nstats --sort mem\nstats --trend 1h"
    )]
    Stats {
        /// That service's alone.
        #[arg(value_name = "SERVICE", help = "One service alone")]
        service: Option<ServiceName>,
        /// What comes first.
        #[arg(long, value_name = "BY", help = "cpu or mem", default_value_t = UsageOrder::Cpu, value_parser = value_parser!(UsageOrder))]
        sort: UsageOrder,
        /// How memory went, over so long.
        #[arg(long, value_name = "TIME", help = "Memory course, as 1h", value_parser = Period::within(TREND.0, TREND.1), conflicts_with = "sort")]
        trend: Option<Period>,
    },
    /// Space on disks and in memory.
    #[command(
        about = "Disk space, memory, Docker's share",
        long_about = "Shows space and inodes of the root file system, of Docker's folder and of the backups' folder, from \
                      80 % on as a warning; the host's memory and how long work waits for CPU, disks and memory; and \
                      what Docker's images, containers, volumes and build cache take and could give back.",
        after_help = "disk"
    )]
    Disk,
    /// Server errors.
    #[command(
        about = "Who answers with errors",
        long_about = "Shows for each service how many answers a second it gives and how many of them are server errors \
                      (5xx), over the last five minutes or --window. A service that never had an error shows 0; one that \
                      Prometheus knows nothing of is \"not reported\".",
        after_help = "errors\nerrors --window 1h"
    )]
    Errors {
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 5m", default_value_t = WINDOW_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
    },
    /// How long answers take.
    #[command(
        about = "How long answers take",
        long_about = "Shows for each service the time within which 95 of 100 answers came (--quantile says another \
                      share), over the last five minutes or --window, beside the rate of answers. With --top it \
                      names the slowest endpoints instead, those with fewer than 0.01 answers a second left out. \
                      More than 500 ms is slow.",
        after_help = "latency\nlatency --quantile 0.99 --window 1h\nlatency --top 10"
    )]
    Latency {
        /// The share of answers that came within the time.
        #[arg(long, value_name = "SHARE", help = "0.5 to 0.999", default_value_t = Quantile::P95, value_parser = Quantile::read)]
        quantile: Quantile,
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 5m", default_value_t = WINDOW_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
        /// The slowest endpoints of all services, so many of them.
        #[arg(
            long,
            value_name = "N",
            help = "So many endpoints",
            value_parser = value_parser!(u16).range(TOP_ROWS),
            allow_negative_numbers = true
        )]
        top: Option<u16>,
    },
    /// Pages that people open.
    #[command(
        about = "Dashboards and pages, each checked",
        long_about = "Lists Grafana, its dashboards, Prometheus, Alertmanager, the API gateway and the public address, asks \
                      each at once whether it is there, and shows beside a dashboard the numbers that one would open it \
                      for. Passwords are in none of the addresses.",
        after_help = "links"
    )]
    Links,
    /// The database's own look-ups.
    #[command(about = "Look into the database", subcommand)]
    Db(Db),
    /// Logins.
    #[command(about = "Logins to the platform", subcommand)]
    Auth(Auth),
    /// Look-ups of attacks.
    #[command(about = "Look into attacks", subcommand)]
    Security(Security),
    /// People to reach.
    #[command(about = "Whom to reach", subcommand)]
    Oncall(Oncall),
    /// Investigations in several steps.
    #[command(about = "Investigate in several steps", subcommand)]
    Runbook(RunbookAsk),
    /// A look-up of the operators' own.
    #[command(
        about = "Look-ups of your own",
        long_about = "Runs one of the look-ups that the bot's configuration names as [[query]]: one statement that reads, \
                      as the bot's own role, or one PromQL expression, and shows at most 50 rows. Without a name it lists \
                      them. No SQL and no PromQL is ever taken from chat.",
        after_help = "query\nquery stale-policies"
    )]
    Query {
        /// Which one.
        #[arg(value_name = "NAME", help = "Which one to run", value_parser = typed_name)]
        name: Option<QueryName>,
    },
    /// The platform's backups.
    #[command(about = "The platform's backups", subcommand)]
    Backup(Backup),
    /// What is deployed.
    #[command(about = "What is deployed, and changes", subcommand)]
    Deploy(Deploy),
    /// The platform's secrets.
    #[command(about = "Secrets: in order, or made anew", subcommand)]
    Secrets(Secrets),
    /// One service, stopped and started.
    #[command(
        about = "Restart a service",
        long_about = "Restarts a service's container and proves whether that helped: three good answers in a row, errors, p95 \
                      and restarts beside those before. Its last log lines and its state are kept first. A restart takes no \
                      new image and no new settings.",
        after_help = "restart ac_service\nrestart ac_service --dry-run"
    )]
    Restart {
        /// Which.
        #[arg(value_name = "SERVICE", help = "Which one")]
        service: ServiceName,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// The platform as a whole.
    #[command(about = "The platform as a whole", subcommand)]
    Stack(Stack),
    /// Work that everybody is told of.
    #[command(about = "Announced work", subcommand)]
    Maintenance(Maintenance),
    /// Incidents.
    #[command(about = "Incidents", subcommand)]
    Incident(IncidentAsk),
    /// Alertmanager's alerts.
    #[command(about = "Alerts", subcommand)]
    Alert(AlertAsk),
    /// Plans that wait.
    #[command(
        about = "What waits for votes",
        long_about = "Lists the plans that wait, those that wait for you first, each with what it needs and until when.",
        after_help = "approvals"
    )]
    Approvals,
    /// Rows of the audit trail, the newest first.
    #[command(
        about = "Who asked for what, and the result",
        long_about = "Shows the last 20 rows of the audit trail, or as many as --last says, the newest first. --person and \
                      --run narrow it down; a run id stands under every answer.",
        after_help = "audit\naudit --last 50 --person alice\naudit --run 00c0ffee1234"
    )]
    Audit {
        /// How many rows.
        #[arg(
            long,
            value_name = "N",
            help = "Rows to show",
            default_value_t = AUDIT_ROWS_DEFAULT,
            value_parser = value_parser!(u16).range(AUDIT_ROWS),
            allow_negative_numbers = true
        )]
        last: u16,
        /// Only what this configured person did.
        #[arg(long, value_name = "NAME", help = "One person's rows", value_parser = NonEmptyStringValueParser::new())]
        person: Option<String>,
        /// Only this run.
        #[arg(long, value_name = "RUNID", help = "One run's rows", value_parser = run_id)]
        run: Option<RunId>,
    },
    /// What the asker may run, or how one command works.
    #[command(
        about = "What you can ask me to do",
        long_about = "Without a command it lists what you may run. With one it explains that one.",
        after_help = "help\nhelp health"
    )]
    Help {
        /// Words of a command or of a group; empty for everything.
        #[arg(id = "command", value_name = "COMMAND", help = "Command to explain")]
        topic: Vec<String>,
    },
}

impl Intent {
    /// The command that this is a use of.
    #[must_use]
    pub const fn command(&self) -> Verb {
        match self {
            Self::Health { .. } => Verb::Health,
            Self::Ps => Verb::Ps,
            Self::Logs { .. } => Verb::Logs,
            Self::Stats { .. } => Verb::Stats,
            Self::Disk => Verb::Disk,
            Self::Errors { .. } => Verb::Errors,
            Self::Latency { .. } => Verb::Latency,
            Self::Links => Verb::Links,
            Self::Query { .. } => Verb::Query,
            Self::Db(group) => group.command(),
            Self::Auth(group) => group.command(),
            Self::Security(group) => group.command(),
            Self::Oncall(group) => group.command(),
            Self::Runbook(group) => group.command(),
            Self::Backup(group) => group.command(),
            Self::Deploy(group) => group.command(),
            Self::Secrets(group) => group.command(),
            Self::Restart { .. } => Verb::Restart,
            Self::Stack(group) => group.command(),
            Self::Maintenance(group) => group.command(),
            Self::Incident(group) => group.command(),
            Self::Alert(group) => group.command(),
            Self::Approvals => Verb::Approvals,
            Self::Audit { .. } => Verb::Audit,
            Self::Help { .. } => Verb::Help,
        }
    }

    /// The command's words without arguments, as in metrics and the audit trail.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.command().as_str()
    }

    /// What it can do and who may ask for it: what its command needs, or more where an option records or
    /// changes something.
    #[must_use]
    pub const fn needs(&self) -> Requirement {
        match self {
            Self::Security(group) => group.needs(),
            Self::Db(group) => group.needs(),
            Self::Health { .. }
            | Self::Ps
            | Self::Logs { .. }
            | Self::Stats { .. }
            | Self::Disk
            | Self::Errors { .. }
            | Self::Latency { .. }
            | Self::Links
            | Self::Auth(_)
            | Self::Oncall(_)
            | Self::Runbook(_)
            | Self::Backup(_)
            | Self::Query { .. }
            | Self::Deploy(_)
            | Self::Secrets(_)
            | Self::Restart { .. }
            | Self::Stack(_)
            | Self::Maintenance(_)
            | Self::Incident(_)
            | Self::Alert(_)
            | Self::Approvals
            | Self::Audit { .. }
            | Self::Help { .. } => self.command().needs(),
        }
    }

    /// How an acting command is asked for; `None` for one that does not act.
    #[must_use]
    pub const fn how(&self) -> Option<&How> {
        match self {
            Self::Restart { how, .. } => Some(how),
            Self::Db(group) => group.how(),
            Self::Stack(group) => group.how(),
            Self::Secrets(group) => group.how(),
            Self::Deploy(group) => group.how(),
            Self::Backup(group) => group.how(),
            Self::Security(group) => group.how(),
            Self::Health { .. }
            | Self::Ps
            | Self::Logs { .. }
            | Self::Stats { .. }
            | Self::Disk
            | Self::Errors { .. }
            | Self::Latency { .. }
            | Self::Links
            | Self::Auth(_)
            | Self::Oncall(_)
            | Self::Runbook(_)
            | Self::Query { .. }
            | Self::Maintenance(_)
            | Self::Incident(_)
            | Self::Alert(_)
            | Self::Approvals
            | Self::Audit { .. }
            | Self::Help { .. } => None,
        }
    }

    /// Who sees its answer. The audit trail holds what everybody typed everywhere, private lines among it;
    /// what a secret looks like from afar is for those who may ask.
    #[must_use]
    pub const fn visibility(&self) -> Visibility {
        match self {
            Self::Audit { .. } | Self::Secrets(Secrets::Check) => Visibility::Private,
            Self::Help { .. }
            | Self::Health { .. }
            | Self::Ps
            | Self::Logs { .. }
            | Self::Stats { .. }
            | Self::Disk
            | Self::Backup(_)
            | Self::Deploy(_)
            | Self::Errors { .. }
            | Self::Latency { .. }
            | Self::Links
            | Self::Security(_)
            | Self::Db(_)
            | Self::Auth(_)
            | Self::Oncall(_)
            | Self::Query { .. }
            | Self::Restart { .. }
            | Self::Secrets(Secrets::Rotate { .. })
            | Self::Stack(_)
            | Self::Maintenance(_)
            | Self::Incident(_)
            | Self::Alert(_)
            | Self::Approvals
            | Self::Runbook(_) => Visibility::Public,
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.verb().split(' ').map(str::to_owned).collect();
        match self {
            Self::Health { service, wait, watch, deep, public } => {
                words.extend(service.iter().map(ToString::to_string));
                push_option(&mut words, "wait", wait.as_ref());
                push_option(&mut words, "watch", watch.as_ref());
                words.extend(deep.then(|| "--deep".to_owned()));
                words.extend(public.then(|| "--public".to_owned()));
            }
            Self::Ps | Self::Disk | Self::Links | Self::Approvals => {}
            Self::Oncall(group) => group.push(&mut words),
            Self::Backup(group) => group.push(&mut words),
            Self::Deploy(group) => group.push(&mut words),
            Self::Secrets(group) => group.push(&mut words),
            Self::Restart { service, how } => {
                words.push(service.to_string());
                how.push(&mut words);
            }
            Self::Stack(group) => group.push(&mut words),
            Self::Maintenance(group) => group.push(&mut words),
            Self::Incident(group) => group.push(&mut words),
            Self::Alert(group) => group.push(&mut words),
            Self::Db(group) => group.push(&mut words),
            Self::Auth(group) => group.push(&mut words),
            Self::Security(group) => group.push(&mut words),
            Self::Runbook(group) => group.push(&mut words),
            Self::Query { name } => words.extend(name.iter().map(ToString::to_string)),
            Self::Stats { service, sort, trend } => {
                words.extend(service.iter().map(ToString::to_string));
                push_option(&mut words, "sort", Some(sort).filter(|sort| **sort != UsageOrder::Cpu));
                push_option(&mut words, "trend", trend.as_ref());
            }
            Self::Logs { service, tail, since, grep, level } => {
                words.push(service.to_string());
                push_option(&mut words, "tail", Some(tail).filter(|tail| **tail != LOG_LINES_DEFAULT));
                push_option(&mut words, "since", since.as_ref());
                push_option(&mut words, "grep", grep.as_ref());
                push_option(&mut words, "level", level.as_ref());
            }
            Self::Errors { window } => {
                push_option(&mut words, "window", Some(window).filter(|window| **window != WINDOW_DEFAULT));
            }
            Self::Latency { quantile, window, top } => {
                push_option(&mut words, "quantile", Some(quantile).filter(|share| **share != Quantile::P95));
                push_option(&mut words, "window", Some(window).filter(|window| **window != WINDOW_DEFAULT));
                push_option(&mut words, "top", top.as_ref());
            }
            Self::Audit { last, person, run } => {
                push_option(&mut words, "last", Some(last).filter(|last| **last != AUDIT_ROWS_DEFAULT));
                push_option(&mut words, "person", person.as_ref());
                push_option(&mut words, "run", run.as_ref());
            }
            Self::Help { topic } => words.extend(topic.iter().cloned()),
        }
        f.write_str(&line::join(words.iter().map(String::as_str)))
    }
}

/// Adds `--name value`, or `--name=value` where the value would be taken for an option.
pub(crate) fn push_option(words: &mut Vec<String>, name: &str, value: Option<&impl ToString>) {
    let Some(value) = value.map(ToString::to_string) else { return };
    if value.starts_with('-') {
        words.push(format!("--{name}={value}"));
    } else {
        words.push(format!("--{name}"));
        words.push(value);
    }
}

/// Adds values without names, after `--` where one would be taken for an option.
fn push_positional(words: &mut Vec<String>, values: impl IntoIterator<Item = String>) {
    let values: Vec<String> = values.into_iter().collect();
    if values.iter().any(|value| value.starts_with('-')) {
        words.push("--".to_owned());
    }
    words.extend(values);
}

/// Adds values without names and then options; the other way round where `--` has to stand before the values.
pub(crate) fn push_both(words: &mut Vec<String>, values: impl Into<Vec<String>>, options: Vec<String>) {
    let values = values.into();
    if values.iter().any(|value| value.starts_with('-')) {
        words.extend(options);
        push_positional(words, values);
    } else {
        words.extend(values);
        words.extend(options);
    }
}

/// Exactly the form in which a run id is shown. `RunId`'s own `FromStr` is looser: it also reads ids
/// of other lengths, which here would silently name another run than the one meant.
fn run_id(typed: &str) -> Result<RunId, String> {
    let expected = || "the 12 hex digits that stand under an answer, such as 00c0ffee1234".to_owned();
    if typed.len() == 12 && typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        typed.parse().map_err(|_| expected())
    } else {
        Err(expected())
    }
}

/// The limits of a number, by the name of its option. `clap` keeps them to itself.
pub(crate) fn limits(option: &str) -> RangeInclusive<i64> {
    match option {
        "wait" => WAIT_SECONDS,
        "last" => AUDIT_ROWS,
        "top" => TOP_ROWS,
        "tail" => LOG_LINES,
        "count" => SCALE,
        _ => 0..=i64::from(u16::MAX),
    }
}

#[cfg(test)]
mod tests;
