//! Cards about the platform's database.

use std::time::Duration;

use commands::card::{Align, Column, Section, Table, Tone};
use commands::database::{
    ClientGroup, Connections, IdleIndex, IdleIndexes, LockNode, LockSession, LockTree, LongQueries,
    LongSession, Pinged, SessionKind, SlowBy, SlowStatements, UserCount, Users,
};
use commands::health::{DatabasePing, Seats};
use commands::layout;
use commands::message::Reply;
use commands::period::Period;
use jiff::Timestamp;

use super::health::{clock_time, ping_words};
use super::{card, public};

/// Characters of a statement.
const STATEMENT: usize = 200;
/// Sessions and indexes that are shown; no phone holds more.
const SHOWN: usize = 20;
/// Statements of long sessions and blockers that are shown.
const STATEMENTS: usize = 5;

/// Who holds the connections, beside how many there may be.
#[must_use]
pub fn connections(connections: &Connections, now: Timestamp) -> Reply {
    let seats = connections.seats;
    let free = free(seats);
    let tone = if seats.are_scarce() { Tone::Bad } else { Tone::Good };
    let title = format!("{} of {} connections used, {free} free for services", seats.used, seats.max);
    let table = Table {
        columns: vec![
            column("no.", Align::Right),
            column("state", Align::Left),
            column("for", Align::Right),
            column("program", Align::Left),
            column("role", Align::Left),
            column("database", Align::Left),
        ],
        rows: connections.groups.iter().map(cells).collect(),
    };
    let facts = [
        ("reserved for superusers", seats.reserved.to_string()),
        ("the server's own processes", format!("{}, which take no connection", connections.background)),
    ];
    let facts = facts.map(|(label, value)| (label.to_owned(), value)).into();
    let mut sections = vec![Section::Table(table), Section::Facts(facts)];
    if seats.are_scarce() {
        sections.push(lines(&["db long-queries", "db locks"]));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}; for: the longest in that state", clock_time(now)));
    public(card)
}

fn column(heading: &str, align: Align) -> Column {
    Column { heading: heading.to_owned(), align }
}

fn lines(lines: &[&str]) -> Section {
    Section::Next(lines.iter().map(|line| (*line).to_owned()).collect())
}

/// What is left for roles that are no superusers.
const fn free(seats: Seats) -> u32 {
    seats.max.saturating_sub(seats.reserved).saturating_sub(seats.used)
}

fn as_of(now: Timestamp) -> String {
    format!("as of {}", clock_time(now))
}

/// A moment that is so long ago, as a date.
fn date(ago: Duration, now: Timestamp) -> String {
    now.checked_sub(ago).map_or_else(|_| "long ago".to_owned(), clock_time)
}

fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

fn cells(group: &ClientGroup) -> Vec<String> {
    vec![
        group.count.to_string(),
        group.state.clone().unwrap_or_else(|| "hidden".to_owned()),
        group.longest.map_or_else(String::new, layout::duration),
        or(&group.application, "unnamed").to_owned(),
        or(&group.user, "hidden").to_owned(),
        or(&group.database, "none").to_owned(),
    ]
}

/// Whether it answers, and how many connections are left.
#[must_use]
pub fn pinged(pinged: &Pinged, now: Timestamp) -> Reply {
    let health = &pinged.health;
    let (title, tone) = match &health.ping {
        DatabasePing::Answered(took) => {
            let tone = if health.is_concern() { Tone::Warning } else { Tone::Good };
            (format!("PostgreSQL answers in {}", layout::duration(*took)), tone)
        }
        DatabasePing::Full => {
            ("PostgreSQL turns services away: every connection is taken".to_owned(), Tone::Bad)
        }
        _ => ("PostgreSQL does not answer".to_owned(), Tone::Bad),
    };
    let mut facts = vec![("SELECT 1 on a new connection".to_owned(), ping_words(&health.ping))];
    facts.push(match health.seats {
        Some(seats) => (
            "connections".to_owned(),
            format!(
                "{} of {} used, {} reserved for superusers, {} free for services",
                seats.used,
                seats.max,
                seats.reserved,
                free(seats)
            ),
        ),
        None => ("connections".to_owned(), "unknown: no seat could be had to count them".to_owned()),
    });
    facts.extend(pinged.server.iter().flat_map(|server| {
        let standby = if server.standby { ", a replica" } else { "" };
        [
            ("version".to_owned(), format!("{}{standby}", server.version)),
            ("up for".to_owned(), layout::duration(server.up)),
        ]
    }));
    let mut sections = vec![Section::Facts(facts)];
    if health.seats.is_some_and(Seats::are_scarce) {
        sections.push(lines(&["db connections", "db long-queries", "db locks"]));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(as_of(now));
    public(card)
}

/// What goes on for too long: what needs somebody first, then what may take long.
#[must_use]
pub fn long_queries(long: &LongQueries, over: Period, now: Timestamp) -> Reply {
    let (concerns, others): (Vec<&LongSession>, Vec<&LongSession>) =
        long.sessions.iter().partition(|session| session.is_concern());
    let title = match (concerns.len(), others.len()) {
        (0, 0) => format!("Nothing goes on for {over} or longer"),
        (0, _) => format!("Only what may take long goes on for {over} or longer"),
        (1, _) => format!("1 session goes on for {over} or longer"),
        (count, _) => format!("{count} sessions go on for {over} or longer"),
    };
    let tone = match (concerns.is_empty(), long.hidden) {
        (false, _) => Tone::Bad,
        (true, 0) => Tone::Good,
        (true, _) => Tone::Warning,
    };
    let blocking = long.sessions.iter().any(|session| session.blocks > 0 || !session.blocked_by.is_empty());
    let sorted: Vec<&LongSession> = concerns.into_iter().chain(others).collect();
    let mut sections = Vec::new();
    if !sorted.is_empty() {
        let columns = vec![
            column("pid", Align::Right),
            column("for", Align::Right),
            column("state", Align::Left),
            column("program", Align::Left),
            column("role", Align::Left),
            column("waits for", Align::Left),
        ];
        let rows = sorted.iter().take(SHOWN).map(|session| long_cells(session)).collect();
        sections.push(Section::Table(Table { columns, rows }));
        sections.extend(more(sorted.len()));
        let texts = sorted.iter().take(STATEMENTS).map(|session| long_words(session));
        sections.push(Section::Code(texts.collect::<Vec<_>>().join("\n")));
    }
    sections.extend(hidden(long.hidden));
    if blocking {
        sections.push(lines(&["db locks"]));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(as_of(now));
    public(card)
}

fn long_cells(session: &LongSession) -> Vec<String> {
    let state = match session.kind {
        SessionKind::Client | SessionKind::Background => session.state.clone(),
        kind => kind.as_str().to_owned(),
    };
    let waits = if session.blocked_by.is_empty() {
        session.waits_for.clone().unwrap_or_default()
    } else {
        format!("pid {}", pids(&session.blocked_by))
    };
    vec![
        pid(session.pid),
        layout::duration(session.longest()),
        state,
        or(&session.application, "unnamed").to_owned(),
        or(&session.user, "none").to_owned(),
        waits,
    ]
}

/// What the table has no room for.
fn long_words(session: &LongSession) -> String {
    let mut words = vec![format!("{} {}, {}", pid(session.pid), session.kind.as_str(), session.state)];
    words.extend(session.statement_for.map(|length| format!("statement for {}", layout::duration(length))));
    words.extend(
        session.transaction.map(|length| format!("transaction open for {}", layout::duration(length))),
    );
    if session.statement_for.is_none() {
        words.extend(session.in_state.map(|length| format!("idle for {}", layout::duration(length))));
    }
    words.extend(session.waits_for.iter().map(|what| format!("waits for {what}")));
    if !session.blocked_by.is_empty() {
        words.push(format!("blocked by pid {}", pids(&session.blocked_by)));
    }
    if session.blocks > 0 {
        words.push(format!("holds up {}", session.blocks));
    }
    format!("{}\n  {}", words.join(", "), layout::short(or(&session.statement, "(no statement)"), STATEMENT))
}

/// A process; prepared transactions have none.
fn pid(pid: i32) -> String {
    if pid == 0 { "prepared".to_owned() } else { pid.to_string() }
}

fn pids(all: &[i32]) -> String {
    all.iter().map(|one| pid(*one)).collect::<Vec<_>>().join(", ")
}

fn more(all: usize) -> Option<Section> {
    (all > SHOWN).then(|| Section::Text(format!("and {} more", all - SHOWN)))
}

fn hidden(count: u32) -> Option<Section> {
    (count > 0).then(|| {
        let text = format!(
            "The bot may not see {count} sessions: GRANT pg_monitor to its role, as deploy/postgres/roles.sql does."
        );
        Section::Text(text)
    })
}

/// Who waits for whom, the blocker above those who wait for it.
#[must_use]
pub fn locks(sessions: &[LockSession], now: Timestamp) -> Reply {
    let tree = LockTree::of(sessions);
    let waiting = sessions.iter().filter(|session| session.waits.is_some()).count();
    let roots: Vec<&LockNode<'_>> = tree.nodes.iter().filter(|node| node.depth == 0).collect();
    let title = match (waiting, roots.as_slice()) {
        (0, _) => "Nobody waits for a lock".to_owned(),
        (1, [root, ..]) => format!("1 session waits for a lock, held up by {}", root_name(root)),
        (waiting, [root]) => format!("{waiting} sessions wait for locks, all held up by {}", root_name(root)),
        (waiting, roots) => format!("{waiting} sessions wait for locks, held up by {} others", roots.len()),
    };
    let tone = if waiting == 0 { Tone::Good } else { Tone::Bad };
    let mut sections = Vec::new();
    if !tree.nodes.is_empty() {
        let columns = vec![
            column("pid", Align::Left),
            column("waits", Align::Right),
            column("on", Align::Left),
            column("lock", Align::Left),
            column("program", Align::Left),
        ];
        let rows = tree.nodes.iter().take(SHOWN).map(lock_cells).collect();
        sections.push(Section::Table(Table { columns, rows }));
        sections.extend(more(tree.nodes.len()));
        let texts = roots.iter().take(STATEMENTS).map(|root| root_words(root.session, root.holds_up));
        sections.push(Section::Code(texts.collect::<Vec<_>>().join("\n")));
        sections.push(lines(&["db long-queries --over 1s", "db connections"]));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(as_of(now));
    public(card)
}

fn root_name(root: &LockNode<'_>) -> String {
    if root.session.pid == 0 {
        "a prepared transaction".to_owned()
    } else {
        format!("pid {}", root.session.pid)
    }
}

fn lock_cells(node: &LockNode<'_>) -> Vec<String> {
    let session = node.session;
    let branch =
        if node.depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(node.depth.min(8) - 1)) };
    let name = format!("{branch}{}", pid(session.pid));
    let program = or(&session.application, "unnamed").to_owned();
    match &session.waits {
        Some(wait) => {
            let since = wait.since.map_or_else(String::new, layout::duration);
            let on = wait.relation.clone().unwrap_or_else(|| wait.kind.clone());
            let kind = if wait.kind == "transactionid" { "row" } else { wait.kind.as_str() };
            vec![name, since, on, format!("{kind} {}", wait.mode.trim_end_matches("Lock")), program]
        }
        None => vec![name, String::new(), String::new(), format!("holds up {}", node.holds_up), program],
    }
}

fn root_words(session: &LockSession, holds_up: usize) -> String {
    let mut words =
        vec![format!("{} {}", pid(session.pid), session.state.as_deref().unwrap_or("state hidden"))];
    words.extend(
        session.transaction.map(|length| format!("transaction open for {}", layout::duration(length))),
    );
    words.push(format!("role {}", or(&session.user, "hidden")));
    words.push(format!("holds up {holds_up}"));
    format!("{}\n  {}", words.join(", "), layout::short(or(&session.statement, "(no statement)"), STATEMENT))
}

/// What the database's statements cost.
#[must_use]
pub fn slow(slow: &SlowStatements, by: SlowBy, now: Timestamp) -> Reply {
    let (version, since, dropped, statements) = match slow {
        SlowStatements::NotInstalled { database, available, preloaded } => {
            return public(not_installed(database, *available, *preloaded));
        }
        SlowStatements::NotLoaded => return public(not_loaded()),
        SlowStatements::Read { version, since, dropped, statements } => (version, since, dropped, statements),
    };
    let sorted = match by {
        SlowBy::Total => "the most time in all",
        SlowBy::Mean => "the most time a call",
    };
    let title = match statements.len() {
        0 => "No statement is counted yet".to_owned(),
        1 => "1 statement is counted".to_owned(),
        count => format!("The {count} statements with {sorted}"),
    };
    let number = |number: &dyn std::fmt::Display| number.to_string();
    let columns = vec![
        column("no.", Align::Right),
        column("total", Align::Right),
        column("mean", Align::Right),
        column("calls", Align::Right),
        column("rows", Align::Right),
    ];
    let rows = statements.iter().enumerate().map(|(at, one)| {
        vec![
            number(&(at + 1)),
            milliseconds(one.total_ms),
            milliseconds(one.mean_ms),
            number(&one.calls),
            number(&one.rows),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut sections = Vec::new();
    if !statements.is_empty() {
        sections.push(Section::Table(Table { columns, rows }));
        let texts = statements
            .iter()
            .enumerate()
            .map(|(at, one)| format!("{}. {}", at + 1, layout::short(&one.statement, STATEMENT)));
        sections.push(Section::Code(texts.collect::<Vec<_>>().join("\n")));
    }
    let mut facts = vec![(
        "counted since".to_owned(),
        match since {
            Some(since) => format!("{} ({} ago)", date(*since, now), layout::duration(*since)),
            None => format!("the last reset, which pg_stat_statements {version} does not tell"),
        },
    )];
    facts.extend(dropped.filter(|dropped| *dropped > 0).map(|dropped| {
        ("not counted".to_owned(), format!("rare statements, dropped {dropped} times to make room"))
    }));
    sections.push(Section::Facts(facts));
    sections.push(match by {
        SlowBy::Total => lines(&["db slow --by mean"]),
        SlowBy::Mean => lines(&["db slow"]),
    });
    let mut card = card(title, Tone::Neutral, sections);
    card.footer = Some(format!("{}; this database alone, values left out", as_of(now)));
    public(card)
}

fn milliseconds(number: f64) -> String {
    Duration::try_from_secs_f64(number.max(0.0) / 1_000.0).map_or_else(|_| "?".to_owned(), layout::duration)
}

const PRELOAD: &str =
    "add pg_stat_statements to shared_preload_libraries in postgresql.conf and restart the server";

fn not_installed(database: &str, available: bool, preloaded: Option<bool>) -> commands::card::Card {
    let mut steps = Vec::new();
    if !available {
        steps.push("install the server's contrib package (Debian: it is part of postgresql-NN)".to_owned());
    }
    if preloaded != Some(true) {
        let unless = if preloaded.is_none() { "if it is not there yet, " } else { "" };
        steps.push(format!("{unless}{PRELOAD}"));
    }
    steps.push(format!("in the database {database}, as a superuser: CREATE EXTENSION pg_stat_statements"));
    let steps: Vec<String> =
        steps.into_iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
    let text = format!(
        "The extension pg_stat_statements is not in the database {database}, as in every new or restored one. To count from then on:\n{}",
        steps.join("\n")
    );
    card("Nobody counts this database's statements", Tone::Warning, vec![Section::Text(text)])
}

fn not_loaded() -> commands::card::Card {
    let text =
        format!("The extension pg_stat_statements is there, and the server does not load it: {PRELOAD}.");
    card("Nobody counts this database's statements", Tone::Warning, vec![Section::Text(text)])
}

/// How many users there are.
#[must_use]
pub fn users(users: &Users, now: Timestamp) -> Reply {
    let number = users.count.number();
    let about = if matches!(users.count, UserCount::Exact(_)) { "" } else { "about " };
    let title = match number {
        0 => format!("The table users has {about}no rows"),
        _ if users.is_concern() => format!("{about}{number} users, {} are gone", users.gone()),
        _ => format!("{about}{number} users"),
    };
    let tone = if users.is_concern() { Tone::Bad } else { Tone::Good };
    let counted = match users.count {
        UserCount::Exact(number) => format!("{number}, counted"),
        UserCount::TooSlow(number) => {
            format!("about {number}, the server's estimate: counting took too long")
        }
        UserCount::NotAllowed(number) => format!(
            "about {number}, the server's estimate: the bot's role may not count them (GRANT SELECT (id) ON users, as \
             deploy/postgres/roles.sql does)"
        ),
    };
    let ago = |length: &Duration| format!("{} ({} ago)", date(*length, now), layout::duration(*length));
    let before = match &users.before {
        Some((before, Some(looked))) => format!("about {before} on {}", ago(looked)),
        Some((before, None)) => format!("about {before}, at a time that the server does not know any more"),
        None => "unknown: the table was never analysed".to_owned(),
    };
    let since = users.since.as_ref().map_or_else(|| "the database was made".to_owned(), ago);
    let facts = [
        ("rows", counted),
        ("at its last ANALYZE", before),
        ("deleted", format!("{} since {since}, TRUNCATE not counted", users.deleted)),
        ("inserted", format!("{} since then", users.inserted)),
    ];
    let facts = facts.map(|(label, value)| (label.to_owned(), value)).into();
    let mut card = card(title, tone, vec![Section::Facts(facts)]);
    card.footer = Some(as_of(now));
    public(card)
}

/// There is no such table, or none that the bot's role can find.
#[must_use]
pub fn no_users() -> Reply {
    let text = "In the search path of the bot's role there is no table called users. A restored database may lack it; \
                one in another schema is found after ALTER ROLE … SET search_path."
        .to_owned();
    public(card("There is no table users", Tone::Bad, vec![Section::Text(text)]))
}

/// Indexes that help nobody.
#[must_use]
pub fn unused_indexes(idle: &IdleIndexes, now: Timestamp) -> Reply {
    let broken = idle.indexes.iter().filter(|index| index.is_broken()).count();
    let others = idle.indexes.len() - broken;
    let title = match (broken, others) {
        (0, 0) => format!("All {} indexes are of use", idle.all),
        (0, others) => format!("{others} of {} indexes help nobody", idle.all),
        (broken, 0) => format!("{broken} of {} indexes INVALID", idle.all),
        (broken, others) => format!("{broken} of {} indexes INVALID, {others} more help nobody", idle.all),
    };
    let tone = match (broken, others) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        _ => Tone::Bad,
    };
    let mut sections = Vec::new();
    if !idle.indexes.is_empty() {
        let columns = vec![
            column("index", Align::Left),
            column("on", Align::Left),
            column("size", Align::Right),
            column("why", Align::Left),
        ];
        let rows = idle.indexes.iter().take(SHOWN).map(index_cells).collect();
        sections.push(Section::Table(Table { columns, rows }));
        sections.extend(more(idle.indexes.len()));
    }
    let ago = |length: Duration| format!("{} ({} ago)", date(length, now), layout::duration(length));
    let counted = match idle.since {
        Some(since) => format!("since {}", ago(since)),
        None => format!("since the database was made; the server is up for {}", layout::duration(idle.up)),
    };
    sections.push(Section::Facts(vec![("uses counted".to_owned(), counted)]));
    sections.extend(index_notes(idle));
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("{}; sizes as of the last VACUUM or ANALYZE", as_of(now)));
    public(card)
}

fn index_notes(idle: &IdleIndexes) -> Option<Section> {
    let mut notes = Vec::new();
    if idle.too_young() {
        notes.push(format!(
            "The statistics are only {} old: what a weekly job needs looks unused. Look again before you drop anything.",
            layout::duration(idle.counted_for())
        ));
    }
    match idle.replicas {
        0 => {}
        1 => notes.push("There is a replica, which counts its own uses: look there too.".to_owned()),
        count => {
            notes.push(format!("There are {count} replicas, which count their own uses: look there too."));
        }
    }
    if idle.standby {
        notes.push("This is a replica: uses on the primary are counted there.".to_owned());
    }
    if idle.indexes.iter().any(IdleIndex::is_broken) {
        notes.push(
            "An INVALID index is written to and never read: drop it (DROP INDEX CONCURRENTLY) and make it again if it is needed."
                .to_owned(),
        );
    }
    (!notes.is_empty()).then(|| Section::Text(notes.join("\n")))
}

fn index_cells(index: &IdleIndex) -> Vec<String> {
    let why = match (index.invalid, index.building, &index.same_as, index.scans) {
        (true, true, ..) => "being made now".to_owned(),
        (true, false, ..) => "INVALID".to_owned(),
        (false, _, Some(other), 0) => format!("unused, same as {other}"),
        (false, _, Some(other), _) => format!("same as {other}"),
        (false, _, None, _) => "unused".to_owned(),
    };
    vec![
        index.name.clone(),
        format!("{} ({})", index.table, index.columns.join(", ")),
        bytes(index.size),
        why,
    ]
}

/// In the largest unit that it fills.
fn bytes(size: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(unit, _)| size >= *unit);
    unit.map_or_else(
        || format!("{size} B"),
        |(unit, name)| format!("{}.{} {name}", size / unit, size % unit * 10 / unit),
    )
}
