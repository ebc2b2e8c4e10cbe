//! What a line means: one variant a command, with typed fields.
//!
//! The derive on [`Intent`] is the whole grammar: names, options, limits and the texts of help come
//! from it and from nowhere else. A command that does nothing yet is not in here. Descriptions are at
//! most 35 characters and options' texts at most 22, because Discord counts 8,000 for the whole tree
//! that this one grows into (discord.com/developers/docs/interactions/application-commands); the long
//! text and the examples (`after_help`, one line each) are shown by `help` alone.
//! It does not say who may ask here and now: that is decided from [`Intent::needs`] elsewhere.

use std::fmt;
use std::ops::RangeInclusive;

use clap::builder::NonEmptyStringValueParser;
use clap::value_parser;

use crate::containers::UsageOrder;
use crate::database::SlowBy;
use crate::ids::{RunId, ServiceName};
use crate::line;
use crate::logs::{Grep, Level};
use crate::lookup::{QueryName, typed_name};
use crate::message::Visibility;
use crate::period::Period;
use crate::risk::{Requirement, Risk, Role};
use crate::traffic::Quantile;

/// Seconds that `health --wait` may poll.
pub const WAIT_SECONDS: RangeInclusive<i64> = 5..=300;

/// Rows that `audit --last` may show.
pub const AUDIT_ROWS: RangeInclusive<i64> = 1..=200;

/// Rows that `audit` shows when nobody says how many.
pub const AUDIT_ROWS_DEFAULT: u16 = 20;

/// How long back a look at rates may go.
pub const WINDOW: (Period, Period) = (Period::minutes(1), Period::days(1));

/// How long back it goes when nobody says.
pub const WINDOW_DEFAULT: Period = Period::minutes(5);

/// How long back `security watch` goes when nobody says: an attack is rarely noticed within minutes.
pub const WATCH_DEFAULT: Period = Period::hours(1);

/// Endpoints that `latency --top` may show.
pub const TOP_ROWS: RangeInclusive<i64> = 1..=20;

/// How long something in the database goes on before `db long-queries` shows it.
pub const LONG: (Period, Period) = (Period::seconds(1), Period::days(7));
/// How long when nobody says: the runbook's five minutes.
pub const LONG_DEFAULT: Period = Period::minutes(5);

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
                      something from each service and looks at errors, since a platform can be up and not work. With --public it asks the public address and says for how \
                      long its certificate is good.",
        after_help = "health\nhealth auth_service\nhealth auth_service --wait 60\nhealth --deep\nhealth --public"
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
        /// Everything that shows whether the platform works, not only whether it answers.
        #[arg(long, help = "Also logins and reads", conflicts_with_all = ["service", "wait"])]
        deep: bool,
        /// The public address, as anybody would ask it.
        #[arg(long, help = "From outside, with TLS", conflicts_with_all = ["service", "wait", "deep"])]
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
                      stand first, by CPU or by --sort mem.",
        after_help = "stats\nstats ac_service\nstats --sort mem"
    )]
    Stats {
        /// That service's alone.
        #[arg(value_name = "SERVICE", help = "One service alone")]
        service: Option<ServiceName>,
        /// What comes first.
        #[arg(long, value_name = "BY", help = "cpu or mem", default_value_t = UsageOrder::Cpu, value_parser = value_parser!(UsageOrder))]
        sort: UsageOrder,
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
    /// What is deployed.
    #[command(about = "What is deployed", subcommand)]
    Deploy(Deploy),
    /// The platform's secrets.
    #[command(about = "Whether secrets are in order", subcommand)]
    Secrets(Secrets),
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

/// Look-ups in the platform's database.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Db {
    /// Whether it answers.
    #[command(
        about = "Whether the database answers",
        long_about = "Opens a new connection over TCP, as a service that starts now would, and asks SELECT 1. Shows how long \
                      that took, the server's version and how many connections are left. When every one is taken, the \
                      seat that the bot holds open still tells so.",
        after_help = "db ping"
    )]
    Ping,
    /// Who holds its connections.
    #[command(
        about = "Who holds the connections",
        long_about = "Counts the database's connections by program, role, database and state, beside how many there may \
                      be. A seat that the bot holds open answers even when every connection is taken.",
        after_help = "db connections"
    )]
    Connections,
    /// What goes on for too long.
    #[command(
        about = "What runs or stays open too long",
        long_about = "Lists sessions whose statement or transaction goes on for five minutes or --over: idle ones in an open \
                      transaction too, with what they wait for and who holds them up. pg_dump, CREATE INDEX, replicas and \
                      autovacuum are named as such. Statements are shown without the values in them.",
        after_help = "db long-queries\ndb long-queries --over 30s"
    )]
    LongQueries {
        /// From how long on.
        #[arg(long, value_name = "TIME", help = "From how long on", default_value_t = LONG_DEFAULT, value_parser = Period::within(LONG.0, LONG.1))]
        over: Period,
    },
    /// Who waits for whom.
    #[command(
        about = "Who waits for whose lock",
        long_about = "Shows every session that waits for a lock below the one that holds it up, with the kind of lock, the \
                      table and how long it has waited. End the one at the root, and those below it go on.",
        after_help = "db locks"
    )]
    Locks,
    /// What its statements cost.
    #[command(
        about = "Which statements cost most",
        long_about = "Shows the ten statements of this database with the most time in all, or by --by mean the most time a \
                      call, since the statistics were last reset. It needs the extension pg_stat_statements, and says how \
                      to get it where it is missing.",
        after_help = "db slow\ndb slow --by mean"
    )]
    Slow {
        /// Sorted by what.
        #[arg(long, value_name = "TIME", help = "total or mean", default_value_t = SlowBy::Total, value_parser = SlowBy::typed)]
        by: SlowBy,
    },
    /// The table of users.
    #[command(
        about = "How many users there are",
        long_about = "Counts the rows of the table users, and compares them with the count at its last VACUUM or ANALYZE and \
                      with the rows that were deleted since the statistics were reset. A table that takes too long to \
                      count is estimated, and the answer says so.",
        after_help = "db users"
    )]
    Users,
    /// Indexes that help nobody.
    #[command(
        about = "Indexes that help nobody",
        long_about = "Lists indexes that no query has used since the statistics were reset, that do what another one does, or \
                      that are INVALID. Unique ones and those behind a constraint are needed and left out.",
        after_help = "db unused-indexes"
    )]
    UnusedIndexes,
}

/// Look-ups about logins.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Auth {
    /// Whether anybody can log in.
    #[command(
        about = "Log in as the canary",
        long_about = "Logs in with the canary's account and shows the token to the service that gave it. The account \
                      exists for this alone, so a refusal means that logins are broken, and never raises the alert on \
                      failed logins while they work.",
        after_help = "auth test"
    )]
    Test,
    /// Who was not let in.
    #[command(
        about = "Failed logins and bad tokens",
        long_about = "Shows the refused logins and tokens a second by reason, and how many of all login requests were \
                      refused, over the last five minutes or --window. More than one in two seconds is too many.",
        after_help = "auth failures\nauth failures --window 1h"
    )]
    Failures {
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 5m", default_value_t = WINDOW_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
    },
}

/// Look-ups of people.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Oncall {
    /// Our own.
    #[command(
        about = "Who is on call, and who is next",
        long_about = "Shows each rung of escalation with its people and the ways to reach them. A rung with nobody, or \
                      with somebody who can't be reached, is flagged.",
        after_help = "oncall who"
    )]
    Who,
    /// Others.
    #[command(
        about = "Whom to reach outside",
        long_about = "Shows the people and companies outside of the team: cloud provider, database support, security.",
        after_help = "oncall contacts"
    )]
    Contacts,
}

/// What to do with runbooks.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum RunbookAsk {
    /// Which there are.
    #[command(
        about = "Which runbooks there are",
        long_about = "Lists the investigations that can be run, with what each is for.",
        after_help = "runbook list"
    )]
    List,
    /// What one does.
    #[command(
        about = "The steps of a runbook",
        long_about = "Shows what a runbook is for and the lines that it runs.",
        after_help = "runbook show service-down"
    )]
    Show {
        /// Which.
        #[arg(value_name = "NAME", help = "Which runbook", value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
    /// Runs one.
    #[command(
        about = "Run a runbook's steps",
        long_about = "Runs the steps of a runbook side by side. They only look. One card grows as they finish; it ends \
                      with what is suspicious and with the lines to type next. Steps about a service need one.",
        after_help = "runbook run service-down auth_service\nrunbook run high-latency"
    )]
    Run {
        /// Which.
        #[arg(value_name = "NAME", help = "Which runbook", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// About which service.
        #[arg(value_name = "SERVICE", help = "About which service")]
        service: Option<ServiceName>,
    },
}

/// Look-ups of what is deployed.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Deploy {
    /// Which image each service runs, and since when.
    #[command(
        about = "Images, and when they changed",
        long_about = "Shows for each service the image that it runs, when that was built, when the container was made \
                      and started, and its restarts; the newest change first. It is what runs, not what was \
                      committed: an image that was built and not deployed is told as such.",
        after_help = "deploy list"
    )]
    List,
}

/// Look-ups of the platform's secrets. None shows a value.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Secrets {
    /// Whether each is set, and to what its file says.
    #[command(
        about = "Set, blank, default, as the file?",
        long_about = "Shows of each [[secret]] in the configuration whether its container has it, its length and the first 8 \
                      hex digits of its SHA-256, whether that is what its env file holds, and whether it is a default. \
                      The value itself is shown nowhere.",
        after_help = "secrets check"
    )]
    Check,
}

/// Look-ups of attacks.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Security {
    /// What the services took for an attack.
    #[command(
        about = "Security events by type",
        long_about = "Counts the security events of the last hour, or of --window, by type and severity. The services \
                      count in memory: a restart ends the count, so restarts are shown, and quiet after one is no peace.",
        after_help = "security watch\nsecurity watch --window 6h"
    )]
    Watch {
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 1h", default_value_t = WATCH_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
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
            Self::Auth(Auth::Failures { .. }) => Verb::AuthFailures,
            Self::Security(Security::Watch { .. }) => Verb::SecurityWatch,
            Self::Db(Db::Ping) => Verb::DbPing,
            Self::Db(Db::Connections) => Verb::DbConnections,
            Self::Db(Db::LongQueries { .. }) => Verb::DbLongQueries,
            Self::Db(Db::Locks) => Verb::DbLocks,
            Self::Db(Db::Slow { .. }) => Verb::DbSlow,
            Self::Db(Db::Users) => Verb::DbUsers,
            Self::Db(Db::UnusedIndexes) => Verb::DbUnusedIndexes,
            Self::Query { .. } => Verb::Query,
            Self::Auth(Auth::Test) => Verb::AuthTest,
            Self::Oncall(Oncall::Who) => Verb::OncallWho,
            Self::Oncall(Oncall::Contacts) => Verb::OncallContacts,
            Self::Runbook(RunbookAsk::List) => Verb::RunbookList,
            Self::Runbook(RunbookAsk::Show { .. }) => Verb::RunbookShow,
            Self::Runbook(RunbookAsk::Run { .. }) => Verb::RunbookRun,
            Self::Deploy(Deploy::List) => Verb::DeployList,
            Self::Secrets(Secrets::Check) => Verb::SecretsCheck,
            Self::Audit { .. } => Verb::Audit,
            Self::Help { .. } => Verb::Help,
        }
    }

    /// The command's words without arguments, as in metrics and the audit trail.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.command().as_str()
    }

    /// What it can do and who may ask for it.
    #[must_use]
    pub const fn needs(&self) -> Requirement {
        self.command().needs()
    }

    /// Who sees its answer. The audit trail holds what everybody typed everywhere, private lines among it;
    /// what a secret looks like from afar is for those who may ask.
    #[must_use]
    pub const fn visibility(&self) -> Visibility {
        match self {
            Self::Audit { .. } | Self::Secrets(_) => Visibility::Private,
            Self::Help { .. }
            | Self::Health { .. }
            | Self::Ps
            | Self::Logs { .. }
            | Self::Stats { .. }
            | Self::Disk
            | Self::Deploy(_)
            | Self::Errors { .. }
            | Self::Latency { .. }
            | Self::Security(_)
            | Self::Db(_)
            | Self::Auth(_)
            | Self::Oncall(_)
            | Self::Query { .. }
            | Self::Runbook(_) => Visibility::Public,
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.verb().split(' ').map(str::to_owned).collect();
        match self {
            Self::Health { service, wait, deep, public } => {
                words.extend(service.iter().map(ToString::to_string));
                push_option(&mut words, "wait", wait.as_ref());
                words.extend(deep.then(|| "--deep".to_owned()));
                words.extend(public.then(|| "--public".to_owned()));
            }
            Self::Ps
            | Self::Db(Db::Ping | Db::Connections | Db::Locks | Db::Users | Db::UnusedIndexes)
            | Self::Disk
            | Self::Deploy(Deploy::List)
            | Self::Secrets(Secrets::Check)
            | Self::Auth(Auth::Test)
            | Self::Oncall(_)
            | Self::Runbook(RunbookAsk::List) => {}
            Self::Runbook(RunbookAsk::Show { name }) => push_positional(&mut words, [name.clone()]),
            Self::Runbook(RunbookAsk::Run { name, service }) => {
                let service = service.iter().map(ToString::to_string);
                push_positional(&mut words, std::iter::once(name.clone()).chain(service));
            }
            Self::Db(Db::LongQueries { over }) => {
                push_option(&mut words, "over", Some(over).filter(|over| **over != LONG_DEFAULT));
            }
            Self::Db(Db::Slow { by }) => {
                push_option(&mut words, "by", Some(by).filter(|by| **by != SlowBy::default()));
            }
            Self::Query { name } => words.extend(name.iter().map(ToString::to_string)),
            Self::Stats { service, sort } => {
                words.extend(service.iter().map(ToString::to_string));
                push_option(&mut words, "sort", Some(sort).filter(|sort| **sort != UsageOrder::Cpu));
            }
            Self::Logs { service, tail, since, grep, level } => {
                words.push(service.to_string());
                push_option(&mut words, "tail", Some(tail).filter(|tail| **tail != LOG_LINES_DEFAULT));
                push_option(&mut words, "since", since.as_ref());
                push_option(&mut words, "grep", grep.as_ref());
                push_option(&mut words, "level", level.as_ref());
            }
            Self::Errors { window } | Self::Auth(Auth::Failures { window }) => {
                push_option(&mut words, "window", Some(window).filter(|window| **window != WINDOW_DEFAULT));
            }
            Self::Latency { quantile, window, top } => {
                push_option(&mut words, "quantile", Some(quantile).filter(|share| **share != Quantile::P95));
                push_option(&mut words, "window", Some(window).filter(|window| **window != WINDOW_DEFAULT));
                push_option(&mut words, "top", top.as_ref());
            }
            Self::Security(Security::Watch { window }) => {
                push_option(&mut words, "window", Some(window).filter(|window| **window != WATCH_DEFAULT));
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

/// A command by name alone, which is enough to know its risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `health`
    Health,
    /// `ps`
    Ps,
    /// `logs`
    Logs,
    /// `stats`
    Stats,
    /// `disk`
    Disk,
    /// `errors`
    Errors,
    /// `db ping`
    DbPing,
    /// `db connections`
    DbConnections,
    /// `db long-queries`
    DbLongQueries,
    /// `db locks`
    DbLocks,
    /// `db slow`
    DbSlow,
    /// `db users`
    DbUsers,
    /// `db unused-indexes`
    DbUnusedIndexes,
    /// `latency`
    Latency,
    /// `auth failures`
    AuthFailures,
    /// `security watch`
    SecurityWatch,
    /// `auth test`
    AuthTest,
    /// `oncall who`
    OncallWho,
    /// `oncall contacts`
    OncallContacts,
    /// `runbook list`
    RunbookList,
    /// `runbook show`
    RunbookShow,
    /// `runbook run`
    RunbookRun,
    /// `query`
    Query,
    /// `deploy list`
    DeployList,
    /// `secrets check`
    SecretsCheck,
    /// `audit`
    Audit,
    /// `help`
    Help,
}

impl Verb {
    /// Every command, in the order of help.
    pub const ALL: [Self; 27] = [
        Self::Health,
        Self::Ps,
        Self::Logs,
        Self::Stats,
        Self::Disk,
        Self::Errors,
        Self::Latency,
        Self::DbPing,
        Self::DbConnections,
        Self::DbLongQueries,
        Self::DbLocks,
        Self::DbSlow,
        Self::DbUsers,
        Self::DbUnusedIndexes,
        Self::AuthTest,
        Self::AuthFailures,
        Self::SecurityWatch,
        Self::OncallWho,
        Self::OncallContacts,
        Self::RunbookList,
        Self::RunbookShow,
        Self::RunbookRun,
        Self::Query,
        Self::DeployList,
        Self::SecretsCheck,
        Self::Audit,
        Self::Help,
    ];

    /// The words that call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ps => "ps",
            Self::Logs => "logs",
            Self::Stats => "stats",
            Self::Disk => "disk",
            Self::Errors => "errors",
            Self::DbPing => "db ping",
            Self::DbConnections => "db connections",
            Self::Latency => "latency",
            Self::AuthFailures => "auth failures",
            Self::SecurityWatch => "security watch",
            Self::AuthTest => "auth test",
            Self::OncallWho => "oncall who",
            Self::OncallContacts => "oncall contacts",
            Self::RunbookList => "runbook list",
            Self::RunbookShow => "runbook show",
            Self::RunbookRun => "runbook run",
            Self::DbLongQueries => "db long-queries",
            Self::DbLocks => "db locks",
            Self::DbSlow => "db slow",
            Self::DbUsers => "db users",
            Self::DbUnusedIndexes => "db unused-indexes",
            Self::Query => "query",
            Self::DeployList => "deploy list",
            Self::SecretsCheck => "secrets check",
            Self::Audit => "audit",
            Self::Help => "help",
        }
    }

    /// What it can do and who may ask for it: the one table of both.
    #[must_use]
    pub const fn needs(self) -> Requirement {
        match self {
            Self::Health
            | Self::Ps
            | Self::Logs
            | Self::Stats
            | Self::Disk
            | Self::Errors
            | Self::DbConnections
            | Self::Latency
            | Self::AuthFailures
            | Self::SecurityWatch
            | Self::AuthTest
            | Self::OncallWho
            | Self::OncallContacts
            | Self::RunbookList
            | Self::RunbookShow
            | Self::RunbookRun
            | Self::DeployList
            | Self::Help => Requirement { risk: Risk::Read, role: Role::Viewer },
            Self::DbPing | Self::DbUsers | Self::DbUnusedIndexes => {
                Requirement { risk: Risk::Read, role: Role::Viewer }
            }
            // They show statements, without the values in them: what is done, and not whose data it is done to.
            Self::DbLongQueries | Self::DbLocks | Self::DbSlow => {
                Requirement { risk: Risk::Read, role: Role::Viewer }
            }
            // Whoever configures a look-up decides with the role's grants what it may show.
            Self::Query => Requirement { risk: Risk::Read, role: Role::Viewer },
            // It shows no value, but a length and a piece of a digest are enough to try guesses on at home.
            Self::SecretsCheck => Requirement { risk: Risk::Read, role: Role::Operator },
            // It only reads, but it tells what everybody did.
            Self::Audit => Requirement { risk: Risk::Read, role: Role::Admin },
        }
    }

    /// The command with these words.
    #[must_use]
    pub fn find(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == words)
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
        _ => 0..=i64::from(u16::MAX),
    }
}

#[cfg(test)]
mod tests;
