//! Cards about what a container wrote.

use std::fmt::Write as _;

use commands::card::{Align, Section, Table, Tone};
use commands::ids::ServiceName;
use commands::layout;
use commands::logs::{Counts, LineGroup, Log, LogLine, Wanted};
use commands::message::{Reply, TextFile};
use commands::period::Period;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// Newest lines in the card; the file has all.
const LINES_IN_CARD: usize = 12;
/// Characters of a line in the card.
const LINE_IN_CARD: usize = 160;
/// Groups in the card.
const GROUPS_IN_CARD: usize = 5;

/// The service has no container, so there is no log.
#[must_use]
pub fn no_container(service: &ServiceName) -> Reply {
    let text = format!(
        "Docker has no container for {service}: it was never started, or it was removed, and its log with it."
    );
    let sections = vec![Section::Text(text), Section::Next(vec!["ps".to_owned()])];
    public(card(format!("{service} has no container"), Tone::Bad, sections))
}

/// What a service wrote, the kinds counted, the newest lines last.
#[must_use]
pub fn logs(
    service: &ServiceName,
    log: &Log,
    wanted: &Wanted,
    since: Option<Period>,
    now: Timestamp,
) -> Reply {
    let mut sections = Vec::new();
    if log.broke_off {
        sections.push(Section::Text(
            "Too much to read: reading ended before the log did, so newer lines are missing. Ask for less with \
             --since or --tail."
                .to_owned(),
        ));
    }
    let sieved = &log.sieved;
    if sieved.lines.is_empty() {
        sections.push(Section::Text(format!("No line {}.", asked(wanted, since))));
    }
    sections.push(Section::Facts(facts(log, wanted, now)));
    let alike: Vec<&LineGroup> = sieved.groups.iter().filter(|group| group.count > 1).collect();
    if !alike.is_empty() {
        sections.push(Section::Table(groups(&alike)));
    }
    let newest = sieved.lines.len().saturating_sub(LINES_IN_CARD);
    if !sieved.lines.is_empty() {
        let lines: Vec<String> = sieved.lines[newest..].iter().map(short_line).collect();
        sections.push(Section::Code(lines.join("\n")));
    }
    sections.extend(next(service, log, wanted));
    let mut card = card(title(service, log, wanted, since), tone(sieved.wanted), sections);
    card.footer = Some(format!("as of {}", clock_time(now)));
    let whole = newest == 0 && sieved.lines.iter().all(fits);
    let file =
        (!whole).then(|| TextFile { name: format!("{service}.log.txt"), content: file(&sieved.lines) });
    Reply { file, ..public(card) }
}

/// Lines that are worse than a note, by kind; kinds that there are none of are left out.
pub(super) fn complaints(counts: &Counts) -> Vec<String> {
    [
        (counts.errors, "error", "errors"),
        (counts.security, "security line", "security lines"),
        (counts.warnings, "warning", "warnings"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| if count == 1 { format!("1 {one}") } else { format!("{count} {many}") })
    .collect()
}

fn title(service: &ServiceName, log: &Log, wanted: &Wanted, since: Option<Period>) -> String {
    let counts = log.sieved.wanted;
    if counts.all() == 0 {
        return format!("{service}: no line {}", asked(wanted, since));
    }
    let found = complaints(&counts);
    let lines = if counts.all() == 1 { "1 line".to_owned() } else { format!("{} lines", counts.all()) };
    let back = since.map_or_else(String::new, |since| format!(" of the last {since}"));
    if found.is_empty() {
        format!("{service}: {lines}{back}, no error among them")
    } else {
        format!("{service}: {} in {lines}{back}", found.join(", "))
    }
}

const fn tone(counts: Counts) -> Tone {
    if counts.errors > 0 || counts.security > 0 { Tone::Warning } else { Tone::Neutral }
}

/// What was asked for, after "no line".
fn asked(wanted: &Wanted, since: Option<Period>) -> String {
    let mut words = Vec::new();
    words.extend(wanted.level.map(|level| format!("of level {level}")));
    words.extend(wanted.grep.as_ref().map(|grep| format!("with {grep:?}", grep = grep.to_string())));
    words.push(since.map_or_else(|| "in its log".to_owned(), |since| format!("in the last {since}")));
    words.join(" ")
}

fn facts(log: &Log, wanted: &Wanted, now: Timestamp) -> Vec<(String, String)> {
    let sieved = &log.sieved;
    let back = log.reaches_back_to.map_or_else(
        || "not known, or nothing was ever written".to_owned(),
        |at| format!("{}, {}", clock_time(at), layout::ago(at, now)),
    );
    let started = log
        .started_at
        .map_or_else(|| "never started".to_owned(), |at| format!("started {}", layout::ago(at, now)));
    let mut facts = vec![("lines", kinds(sieved.wanted))];
    if wanted.is_search() {
        let only = log.newest_only.map_or_else(String::new, |only| {
            format!("; only the newest {only} were searched, older ones may be missing")
        });
        facts.push(("searched", format!("{} lines: {}{only}", sieved.read.all(), kinds(sieved.read))));
    }
    facts.push(("log begins", back));
    facts.push(("container", format!("{}, {started}", log.container)));
    facts.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

fn kinds(counts: Counts) -> String {
    let kinds = [
        (counts.errors, "error"),
        (counts.security, "security"),
        (counts.warnings, "warning"),
        (counts.notes, "info"),
        (counts.unmarked, "without a level"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {kind}"))
        .collect();
    if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
}

fn groups(alike: &[&LineGroup]) -> Table {
    let row = |group: &&LineGroup| {
        vec![group.count.to_string(), time(&group.newest), layout::short(&group.newest.text, LINE_IN_CARD)]
    };
    Table {
        columns: vec![
            column("alike", Align::Right),
            column("newest", Align::Right),
            column("line", Align::Left),
        ],
        rows: alike.iter().take(GROUPS_IN_CARD).map(row).collect(),
    }
}

fn time(line: &LogLine) -> String {
    line.at.map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string())
}

fn fits(line: &LogLine) -> bool {
    line.missing == 0 && layout::short(&line.text, LINE_IN_CARD) == line.text
}

fn short_line(line: &LogLine) -> String {
    format!("{} {}", time(line), layout::short(&line.text, LINE_IN_CARD)).trim_start().to_owned()
}

/// Every line with its whole time.
fn file(lines: &[LogLine]) -> String {
    let mut file = String::new();
    for line in lines {
        let at = line.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let _ = write!(file, "{at} {}", line.text);
        if line.missing > 0 {
            let _ = write!(file, " … ({} more bytes of this line were not kept)", line.missing);
        }
        file.push('\n');
    }
    file
}

/// Where there are errors among other lines, the line that shows them alone; else how the service is.
fn next(service: &ServiceName, log: &Log, wanted: &Wanted) -> Option<Section> {
    let counts = log.sieved.wanted;
    let mut lines = Vec::new();
    if !wanted.is_search() && counts.errors > 0 {
        lines.push(format!("logs {service} --since 1h --level error"));
    }
    if !wanted.is_search() && counts.security > 0 {
        lines.push(format!("logs {service} --since 1h --level security"));
    }
    if counts.errors > 0 {
        lines.push(format!("health {service}"));
    }
    (!lines.is_empty()).then_some(Section::Next(lines))
}
