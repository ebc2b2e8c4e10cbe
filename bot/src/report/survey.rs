//! Cards about the logs of all services at once.

use std::fmt::Write as _;

use commands::card::{Align, Card, Section, Table, Tone};
use commands::ids::ServiceName;
use commands::layout;
use commands::logs::{Kind, LogLine, Severity};
use commands::message::{Reply, TextFile};
use commands::period::Period;
use commands::survey::{Incident, Reach, ServiceLog, Shape, Survey};
use commands::threat::Event;
use jiff::Timestamp;

use super::health::clock_time;
use super::logs::complaints;
use super::{card, column, public};

/// Kinds of events in the card; the file has all.
const EVENTS_IN_CARD: usize = 8;
/// Kinds of lines in the card; the file has all.
const SHAPES_IN_CARD: usize = 8;
/// Newest lines quoted in the card.
const LINES_IN_CARD: usize = 5;
/// Characters of a line in the card.
const LINE_IN_CARD: usize = 140;
/// Bytes of lines in a file, the newest: chats take no files of any size.
const LONGEST_FILE: usize = 4 << 20;

/// Signs of an attack in the logs of all services, by kind and by address.
#[must_use]
pub fn security_events(survey: &Survey, since: Period, now: Timestamp) -> Reply {
    let incidents = survey.incidents();
    let lines = survey.lines();
    let mut sections = unread(survey);
    if !incidents.is_empty() {
        let facts = incidents.iter().take(EVENTS_IN_CARD).map(|one| incident(one, now)).collect();
        sections.push(Section::Facts(facts));
        sections.extend(more(incidents.len(), EVENTS_IN_CARD, "kinds and addresses"));
        sections.push(quoted(&lines));
    }
    sections.extend(reaches(survey, now));
    let mut next = loudest(&incidents, since);
    next.push("security watch".to_owned());
    sections.push(Section::Next(next));
    let title = events_title(survey, since);
    let tone = if !incidents.is_empty() {
        Tone::Bad
    } else if survey.is_whole() {
        Tone::Good
    } else {
        Tone::Warning
    };
    let whole = incidents.len() <= EVENTS_IN_CARD && lines.len() <= LINES_IN_CARD && lines.iter().all(fits);
    let file = (!whole).then(|| TextFile {
        name: "security-events.txt".to_owned(),
        content: format!(
            "{}\n{}\n{}",
            reaches_in_words(survey, now),
            incidents_in_words(&incidents),
            file(&lines, survey.wanted())
        ),
    });
    Reply { file, ..public(over(since, now, card(title, tone, sections))) }
}

/// Warnings and worse of all services, alike ones once, the worst first.
#[must_use]
pub fn security_review(survey: &Survey, since: Period, now: Timestamp) -> Reply {
    let shapes = survey.shapes();
    let lines = survey.lines();
    let mut sections = unread(survey);
    sections.extend(shortest(survey, since, now));
    if !shapes.is_empty() {
        sections
            .push(Section::Facts(shapes.iter().take(SHAPES_IN_CARD).map(|one| shape(one, now)).collect()));
        sections.extend(more(shapes.len(), SHAPES_IN_CARD, "kinds of lines"));
    }
    sections.extend(services(survey, now));
    sections.extend(review_next(&shapes));
    let tone = if survey.is_partial() || survey.has_severe() {
        Tone::Bad
    } else if shapes.is_empty() && survey.is_whole() {
        Tone::Good
    } else {
        Tone::Warning
    };
    let file = (!lines.is_empty()).then(|| TextFile {
        name: "security-review.txt".to_owned(),
        content: format!(
            "{}\n{}\n{}",
            reaches_in_words(survey, now),
            shapes_in_words(survey, &shapes),
            file(&lines, survey.wanted())
        ),
    });
    Reply { file, ..public(over(since, now, card(review_title(survey, since), tone, sections))) }
}

fn review_title(survey: &Survey, since: Period) -> String {
    let found = complaints(&survey.counts());
    // A week is claimed only where a week is there.
    let back =
        if survey.is_whole() { format!("the last {since}") } else { "the logs that are there".to_owned() };
    if found.is_empty() {
        format!("Review: nothing worse than a note in {back}")
    } else {
        format!("Review: {} in {back}", found.join(", "))
    }
}

/// How much of the time asked about is there at all.
fn shortest(survey: &Survey, since: Period, now: Timestamp) -> Option<Section> {
    let mut begins = Vec::new();
    for log in &survey.logs {
        if let Reach::From(at) | Reach::Newest(Some(at)) = log.reach(survey.since) {
            begins.push((at, &log.service));
        }
    }
    let (latest, service) = begins.iter().max()?;
    let short = begins.len();
    let all = survey.logs.len();
    let length = layout::duration(now.duration_since(*latest).unsigned_abs());
    Some(Section::Text(format!(
        "This is no review of {since}: {short} of {all} logs begin later, that of {service} only {length} ago. A new \
         container begins a new log."
    )))
}

/// How bad, whose, how often, when, and the newest of them.
fn shape(one: &Shape<'_>, now: Timestamp) -> (String, String) {
    let newest = &one.group.newest;
    let times = times(one.group.count, one.group.first_at, newest.at, now);
    let text = layout::short(&newest.text, LINE_IN_CARD);
    (format!("{} {}", level(one.kind), one.service), format!("{times}: {text}"))
}

const fn level(kind: Kind) -> &'static str {
    match kind {
        Kind { security: true, .. } => "security",
        Kind { severity: Severity::Error, .. } => "error",
        Kind { severity: Severity::Warning, .. } => "warning",
        Kind { severity: Severity::Info | Severity::Unmarked, .. } => "note",
    }
}

/// By service: from when on, and how many of each.
fn services(survey: &Survey, now: Timestamp) -> Option<Section> {
    let row = |log: &ServiceLog| {
        let counts = log.wanted();
        let mut row = vec![log.service.to_string(), begins(log.reach(survey.since), now)];
        row.extend([counts.errors, counts.security, counts.warnings].map(|count| count.to_string()));
        row
    };
    let table = Table {
        columns: vec![
            column("service", Align::Left),
            column("log from", Align::Left),
            column("err", Align::Right),
            column("sec", Align::Right),
            column("warn", Align::Right),
        ],
        rows: survey.logs.iter().map(row).collect(),
    };
    (!survey.logs.is_empty()).then_some(Section::Table(table))
}

fn review_next(shapes: &[Shape<'_>]) -> Option<Section> {
    let worst = shapes.first()?;
    let level = match worst.kind {
        Kind { severity: Severity::Error, .. } => "error",
        Kind { security: true, .. } => "security",
        Kind { .. } => "warning",
    };
    let lines = vec![
        format!("logs {} --since 1d --level {level}", worst.service),
        "security events --since 7d".to_owned(),
    ];
    Some(Section::Next(lines))
}

fn shapes_in_words(survey: &Survey, shapes: &[Shape<'_>]) -> String {
    let mut text = format!("Kinds of lines: {}\n", shapes.len());
    for one in shapes {
        let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let _ = writeln!(
            text,
            "  {} {} {}, {} to {}: {}",
            one.group.count,
            level(one.kind),
            one.service,
            time(one.group.first_at),
            time(one.group.newest.at),
            one.group.newest.text
        );
    }
    let grouped: u64 = shapes.iter().map(|one| one.group.count).sum();
    let rest = survey.wanted().saturating_sub(grouped);
    if rest > 0 {
        let _ = writeln!(text, "  {rest} lines of more kinds than are told apart");
    }
    text
}

fn events_title(survey: &Survey, since: Period) -> String {
    let from = match survey.sources().len() {
        0 => String::new(),
        1 => ", from 1 address".to_owned(),
        many => format!(", from {many} addresses"),
    };
    match (survey.wanted(), survey.is_whole()) {
        (0, true) => format!("No sign of an attack in the logs of the last {since}"),
        (0, false) => "No sign of an attack in the logs that are there".to_owned(),
        (1, _) => format!("1 sign of an attack in the last {since}{from}"),
        (many, _) => format!("{many} signs of an attack in the last {since}{from}"),
    }
}

/// What, from where, how often, when and in whose log.
fn incident(one: &Incident<'_>, now: Timestamp) -> (String, String) {
    let what = match one.threat.event {
        Event::Other => layout::short(&one.newest.text, LINE_IN_CARD),
        event => event.to_string(),
    };
    let label = match one.threat.source {
        Some(source) => format!("{what} from {source}"),
        None => what,
    };
    let services: Vec<&str> = one.services.iter().map(|service| service.as_str()).collect();
    let times = times(one.count, one.first_at, one.newest.at, now);
    (label, format!("{times}; {}", services.join(", ")))
}

/// The lines that show one service's threats, where they are loudest.
fn loudest(incidents: &[Incident<'_>], since: Period) -> Vec<String> {
    let service = incidents.first().and_then(|one| one.services.first());
    service.map(|service| format!("logs {service} --since {since} --level security")).into_iter().collect()
}

/// Which logs could not be read, and why: the first thing to know.
fn unread(survey: &Survey) -> Vec<Section> {
    let lines: Vec<String> = survey
        .logs
        .iter()
        .filter(|log| log.reach(survey.since).is_partial())
        .map(|log| {
            let why = log.log.as_ref().err().map(|why| format!(" ({})", layout::short(why, 200)));
            let reach = reach_in_words(log.reach(survey.since), survey.since);
            format!("{}: {reach}{}", log.service, why.unwrap_or_default())
        })
        .collect();
    if lines.is_empty() { Vec::new() } else { vec![Section::Text(lines.join("\n"))] }
}

/// From when on each log is there, where that is not the whole time: one line for all that are.
fn reaches(survey: &Survey, now: Timestamp) -> Vec<Section> {
    let row = |log: &ServiceLog| {
        vec![log.service.to_string(), begins(log.reach(survey.since), now), log.wanted().all().to_string()]
    };
    if survey.logs.is_empty() {
        return vec![Section::Text("No [[service]] is in the bot's configuration.".to_owned())];
    }
    vec![Section::Table(Table {
        columns: vec![
            column("service", Align::Left),
            column("log from", Align::Left),
            column("lines", Align::Right),
        ],
        rows: survey.logs.iter().map(row).collect(),
    })]
}

fn begins(reach: Reach, now: Timestamp) -> String {
    match reach {
        Reach::Whole => "all of it".to_owned(),
        Reach::From(at) | Reach::Newest(Some(at)) => short_time(at, now),
        Reach::Newest(None) => "part of it".to_owned(),
        Reach::BrokeOff => "broke off".to_owned(),
        Reach::Silent => "nothing yet".to_owned(),
        Reach::Unknown => "not known".to_owned(),
        Reach::NoContainer => "no container".to_owned(),
        Reach::Unread => "not read".to_owned(),
    }
}

fn reach_in_words(reach: Reach, since: Timestamp) -> String {
    match reach {
        Reach::Whole => format!("its log goes back to {}", clock_time(since)),
        Reach::From(at) => format!("its log begins at {}", clock_time(at)),
        Reach::Newest(Some(at)) => {
            format!("too much to read, so only the newest lines were, back to {}", clock_time(at))
        }
        Reach::Newest(None) => "too much to read, so only the newest lines were".to_owned(),
        Reach::BrokeOff => "too much to read in time: its newest lines are missing".to_owned(),
        Reach::Silent => "it has written nothing yet".to_owned(),
        Reach::Unknown => "nobody could say when its log begins".to_owned(),
        Reach::NoContainer => "no container, so no log".to_owned(),
        Reach::Unread => "its log could not be read".to_owned(),
    }
}

fn reaches_in_words(survey: &Survey, now: Timestamp) -> String {
    let mut text = format!("Logs since {}, read at {}\n", clock_time(survey.since), clock_time(now));
    for log in &survey.logs {
        let why = log.log.as_ref().err().map(|why| format!(": {why}")).unwrap_or_default();
        let reach = reach_in_words(log.reach(survey.since), survey.since);
        let _ = writeln!(text, "  {}: {reach}{why}; {} lines found", log.service, log.wanted().all());
    }
    text
}

fn incidents_in_words(incidents: &[Incident<'_>]) -> String {
    let mut text = format!("By kind and address: {}\n", incidents.len());
    for one in incidents {
        let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let source = one.threat.source.map_or_else(|| "no address".to_owned(), |source| source.to_string());
        let services: Vec<&str> = one.services.iter().map(|service| service.as_str()).collect();
        let _ = writeln!(
            text,
            "  {} {}, {source}, {} to {}, {}",
            one.count,
            one.threat.event,
            time(one.first_at),
            time(one.newest.at),
            services.join(" ")
        );
    }
    text
}

fn quoted(lines: &[(&ServiceName, &LogLine)]) -> Section {
    let newest = &lines[lines.len().saturating_sub(LINES_IN_CARD)..];
    let line = |(service, line): &(&ServiceName, &LogLine)| {
        let at = line.at.map_or_else(String::new, |at| at.strftime("%H:%M:%S ").to_string());
        format!("{at}{service} {}", layout::short(&line.text, LINE_IN_CARD))
    };
    Section::Code(newest.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn fits((_, line): &(&ServiceName, &LogLine)) -> bool {
    line.missing == 0 && layout::short(&line.text, LINE_IN_CARD) == line.text
}

/// Every line that was kept, by time, with its whole time and its service; where that is too much the
/// newest.
fn file(lines: &[(&ServiceName, &LogLine)], of: u64) -> String {
    let mut written = Vec::new();
    let mut bytes = 0;
    for (service, line) in lines.iter().rev() {
        let at = line.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let cut = if line.missing > 0 {
            format!(" … ({} more bytes of this line were not kept)", line.missing)
        } else {
            String::new()
        };
        let text = format!("{at} {service} {}{cut}\n", line.text);
        bytes += text.len();
        if bytes > LONGEST_FILE {
            break;
        }
        written.push(text);
    }
    let kept = u64::try_from(written.len()).unwrap_or(u64::MAX);
    let older = match of.saturating_sub(kept) {
        0 => String::new(),
        older => format!(" ({older} older ones are counted above and not kept)"),
    };
    written.reverse();
    format!("Lines: {kept}{older}\n{}", written.concat())
}

/// How often, and the first and the last time.
fn times(count: u64, first: Option<Timestamp>, last: Option<Timestamp>, now: Timestamp) -> String {
    match (count, first, last) {
        (1, _, Some(last)) => format!("once, {}", short_time(last, now)),
        (count, Some(first), Some(last)) => {
            format!("{count} times, {} to {}", short_time(first, now), short_time(last, now))
        }
        (count, ..) => format!("{count} times"),
    }
}

/// `03:12:45` of today, else with the day.
fn short_time(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let form = if day(at) == day(now) { "%H:%M:%S" } else { "%m-%d %H:%M" };
    at.strftime(form).to_string()
}

fn more(all: usize, shown: usize, what: &str) -> Option<Section> {
    let rest = all.saturating_sub(shown);
    (rest > 0).then(|| Section::Text(format!("… and {rest} more {what}, in the file.")))
}

fn over(since: Period, now: Timestamp, mut card: Card) -> Card {
    card.footer = Some(format!("over the last {since}, as of {}", clock_time(now)));
    card
}
