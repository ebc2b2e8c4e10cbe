//! How an execution went and what it came to.

use std::time::Duration;

use commands::backend::Signalled;
use commands::card::{Align, Section, Table, Tone};
use commands::database::Connections;
use commands::health::Container;
use commands::journal::{Reading, RunOutcome, StepOutcome, Verdict};
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::plan::{Act, Plan};
use commands::workload::{ContainerId, FlightRecord};
use store::Evidence;

use super::card::StepShown;
use super::facts::step;
use super::refusal::protection_words;
use crate::report::{card, column, public};

/// Everything known at the end of an execution.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Who said yes.
    pub by: Vec<String>,
    /// Each step.
    pub steps: Vec<StepShown>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How the services did before.
    pub before: Vec<Reading>,
    /// How they do now.
    pub after: Vec<Reading>,
    /// From the begin to the end.
    pub took: Duration,
    /// Whether the bot was started anew meanwhile.
    pub resumed: bool,
}

pub(super) fn ended_title(line: &str, ended: &Ended) -> (String, Tone) {
    match &ended.outcome {
        RunOutcome::Done { verdict: Some(Verdict::Improved) } => (format!("Improved: {line}"), Tone::Good),
        RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: true }) } => {
            (format!("Done, well as before: {line}"), Tone::Good)
        }
        RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: false }) } => {
            (format!("Unchanged: {line}"), Tone::Bad)
        }
        RunOutcome::Done { verdict: Some(Verdict::Worse) } => (format!("Worse: {line}"), Tone::Bad),
        RunOutcome::Done { verdict: None } => (format!("Done: {line}"), Tone::Good),
        RunOutcome::Failed { .. } => (format!("Failed: {line}"), Tone::Bad),
        RunOutcome::Unknown { .. } => (format!("Outcome unknown: {line}"), Tone::Bad),
    }
}

pub(super) fn outcome_words(ended: &Ended) -> String {
    let took = layout::duration(ended.took);
    let mut text = match &ended.outcome {
        RunOutcome::Done { verdict: Some(Verdict::Improved) } => format!("It helped, in {took}."),
        RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: true }) } => {
            format!("Done in {took}; all was well before and is well now.")
        }
        RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: false }) } => {
            format!("Done in {took}, and it did not help.")
        }
        RunOutcome::Done { verdict: Some(Verdict::Worse) } => {
            format!("Done in {took}, and it is worse than before.")
        }
        RunOutcome::Done { verdict: None } => format!("Done in {took}."),
        RunOutcome::Failed { step } => {
            format!("Step {} failed; what comes after it did not begin.", step + 1)
        }
        RunOutcome::Unknown { step } => format!(
            "What became of step {} is not known, and it is not done again; what comes after it did not begin.",
            step + 1
        ),
    };
    if ended.resumed {
        text.push_str(" I was started anew meanwhile and went on from the journal.");
    }
    text
}

/// Before beside after, a row for each service; `None` without any.
pub(super) fn readings(before: &[Reading], after: &[Reading]) -> Option<Table> {
    let rows: Vec<Vec<String>> = before
        .iter()
        .flat_map(|one| {
            let other = after.iter().find(|other| other.service == one.service);
            let row = |when: &str, reading: &Reading| {
                vec![
                    reading.service.to_string(),
                    when.to_owned(),
                    layout::short(&reading.health, 40),
                    reading.errors_milli_percent.map_or_else(|| "-".to_owned(), percent),
                    reading.p95_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
                    reading.restarts.map_or_else(|| "-".to_owned(), |count| count.to_string()),
                ]
            };
            std::iter::once(row("before", one)).chain(other.map(|other| row("after", other)))
        })
        .collect();
    let headings = ["service", "", "health", "errors", "p95", "restarts"];
    let align = |at: usize| if at < 3 { Align::Left } else { Align::Right };
    let columns = headings.iter().enumerate().map(|(at, heading)| column(heading, align(at))).collect();
    (!rows.is_empty()).then_some(Table { columns, rows })
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn percent(milli_percent: u64) -> String {
    format!("{:.2} %", milli_percent as f64 / 1_000.0)
}

/// The result, in a message of its own: an edit notifies nobody.
#[must_use]
pub fn result(plan: &Plan, ended: &Ended, evidence: &[Evidence]) -> Reply {
    let (title, tone) = ended_title(&layout::short(&plan.line, 100), ended);
    let mut sections = vec![Section::Text(outcome_words(ended))];
    let failed = ended.steps.iter().zip(&plan.steps).find_map(|(shown, planned)| match shown {
        StepShown::Ended(StepOutcome::Failed { why }) => Some((planned, why)),
        StepShown::Ended(StepOutcome::Unknown { found }) => Some((planned, found)),
        StepShown::Ended(StepOutcome::Done { .. })
        | StepShown::Waits
        | StepShown::Works
        | StepShown::Looks => None,
    });
    if let Some((planned, why)) = failed {
        sections.push(Section::Facts(vec![(step(planned), layout::short(why, 600))]));
    }
    let notes: Vec<(String, String)> = (1..)
        .zip(&ended.steps)
        .filter_map(|(number, shown): (u32, _)| match shown {
            StepShown::Ended(StepOutcome::Done { note }) if !note.is_empty() => {
                Some((format!("step {number}"), layout::short(note, 300)))
            }
            _ => None,
        })
        .collect();
    if !notes.is_empty() {
        sections.push(Section::Facts(notes));
    }
    sections.extend(readings(&ended.before, &ended.after).map(Section::Table));
    let next = next_lines(plan, ended);
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let file = (!evidence.is_empty()).then(|| TextFile {
        name: format!("flight-record-{}.txt", plan.run),
        content: evidence.iter().map(|one| format!("{}\n", one.content)).collect(),
    });
    if file.is_some() {
        sections.push(Section::Text("What was before is kept: the attached flight record.".to_owned()));
    }
    let mut result = card(title, tone, sections);
    result.footer = Some(format!("plan {}", plan.digest().short()));
    Reply { file, ..public(result) }
}

/// What the runbook does next.
fn next_lines(plan: &Plan, ended: &Ended) -> Vec<String> {
    let restarts = plan.steps.iter().any(|step| matches!(step.act, Act::RestartContainer { .. }));
    let service = plan.proves.first();
    let deploys = plan.steps.iter().any(|step| matches!(step.act, Act::Recreate { .. }));
    let well = matches!(
        ended.outcome,
        RunOutcome::Done { verdict: None | Some(Verdict::Improved | Verdict::Unchanged { well: true }) }
    );
    if deploys
        && !well
        && let Some(service) = service
    {
        return vec![
            format!("deploy rollback {service}"),
            format!("logs {service} --level error --since 15m"),
            format!("health {service}"),
        ];
    }
    // What a part of the platform is stopped for: the rest of the plan did not begin.
    let stops = plan.steps.iter().any(|step| matches!(step.act, Act::StopContainer { .. }));
    if stops && matches!(ended.outcome, RunOutcome::Failed { .. } | RunOutcome::Unknown { .. }) {
        return ["ps", "stack start", "health"].map(str::to_owned).to_vec();
    }
    match (&ended.outcome, service) {
        (
            RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: false } | Verdict::Worse) },
            Some(service),
        ) => {
            let mut next =
                vec![format!("logs {service} --level error --since 15m"), format!("health {service}")];
            if restarts {
                // The runbook's S1.5 to S1.7.
                next.extend(["stats", "disk", "db ping"].map(str::to_owned));
            }
            next
        }
        (RunOutcome::Failed { .. } | RunOutcome::Unknown { .. }, Some(service)) => {
            vec![format!("health {service}"), "ps".to_owned()]
        }
        (RunOutcome::Failed { .. } | RunOutcome::Unknown { .. }, None) => vec!["health".to_owned()],
        (RunOutcome::Done { .. }, _) => Vec::new(),
    }
}

/// A step number that a plan has not.
#[must_use]
pub fn no_such_step(number: u32) -> String {
    format!("the plan has no step {}", number + 1)
}

/// A part of the platform that the configuration has no more.
#[must_use]
pub fn part_missing(section: &str) -> String {
    format!("[{section}] is not in the bot's configuration")
}

/// Nothing was to be done.
#[must_use]
pub fn already_so() -> String {
    "it was so already".to_owned()
}

/// A session that is not there.
#[must_use]
pub fn session_gone() -> String {
    "it is gone".to_owned()
}

/// A session that is there.
#[must_use]
pub fn session_there() -> String {
    "the session is still there, and runs what it ran".to_owned()
}

/// A session that did not end.
#[must_use]
pub fn still_there(limit: Duration) -> String {
    format!(
        "it was told to end and is still there after {}: look at it with db long-queries",
        layout::duration(limit)
    )
}

/// A signal that was not sent.
#[must_use]
pub fn not_signalled(signalled: &Signalled) -> String {
    match signalled {
        Signalled::Sent => "it was sent".to_owned(),
        Signalled::Gone => session_gone(),
        Signalled::Changed => "it runs another statement by now, so nothing was sent: look again".to_owned(),
        Signalled::NotRunning => "it runs no statement by now, so nothing was sent".to_owned(),
        Signalled::Refused(protection) => format!("it {}, so nothing was sent", protection_words(protection)),
        Signalled::NotAllowed(said) => format!("the server refuses it to the bot's role: {said}"),
    }
}

/// A container as it was found after a crash.
#[must_use]
pub fn container_found(container: &Container) -> String {
    let since =
        container.started_at.map_or_else(String::new, |at| format!(" since {}", at.strftime("%H:%M:%SZ")));
    format!("{} is {}{since}", container.name, container.state.as_str())
}

/// A container that is gone.
#[must_use]
pub fn container_gone(id: &ContainerId) -> String {
    format!("the container {} is gone", id.short())
}

/// A step found done.
#[must_use]
pub fn found_done(note: &str) -> String {
    format!("found done after I was started anew: {note}")
}

/// A step found not done.
#[must_use]
pub fn found_not_done(found: &str) -> String {
    format!(
        "I was cut off before it was done, and it is not done again by itself: {found}. Ask anew if it is still wanted"
    )
}

/// A flight record that could not be had.
#[must_use]
pub fn nothing_kept(limit: Duration) -> String {
    format!("Nothing could be kept within {}.", layout::duration(limit))
}

/// The file of a flight record.
#[must_use]
pub fn flight_record(
    service: &str,
    record: Result<Option<FlightRecord>, String>,
    connections: Result<Connections, String>,
    numbers: &[Reading],
) -> String {
    let mut text = format!("== {service}, before anything was done\n");
    match record {
        Ok(Some(record)) => text.push_str(&container_record(&record)),
        Ok(None) => text.push_str("container: not there\n"),
        Err(why) => text.push_str(&format!("container: could not be asked: {why}\n")),
    }
    for reading in numbers {
        text.push_str(&format!(
            "health: {}\nerrors (5m): {}\np95 (5m): {}\n",
            reading.health,
            reading.errors_milli_percent.map_or_else(|| "unknown".to_owned(), percent),
            reading.p95_ms.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms} ms")),
        ));
    }
    match connections {
        Ok(connections) => {
            text.push_str("connections to the database:\n");
            for group in &connections.groups {
                text.push_str(&format!(
                    "  {} x {} ({}) {}\n",
                    group.count,
                    group.application,
                    group.user,
                    group.state.as_deref().unwrap_or("hidden")
                ));
            }
        }
        Err(why) => text.push_str(&format!("connections: could not be asked: {why}\n")),
    }
    text
}

fn container_record(record: &FlightRecord) -> String {
    let container = &record.container;
    let mut text = format!(
        "container: {} {}\nstate: {}\nexit code: {}\nout of memory: {}\nrestarts: {}\nstarted: {}\nended: {}\n",
        container.name,
        container.id,
        container.state.as_str(),
        container.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
        container.oom_killed,
        container.restart_count,
        container.started_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        record.finished_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
    );
    if let Some(error) = &record.error {
        text.push_str(&format!("the Engine says: {error}\n"));
    }
    for check in &record.checks {
        text.push_str(&format!("its own check: {} {}\n", check.exit_code, check.output));
    }
    match &record.log {
        Some(log) => {
            text.push_str(&format!("last {} lines:\n", log.sieved.lines.len()));
            for line in &log.sieved.lines {
                let at = line.at.map_or_else(String::new, |at| format!("{at} "));
                text.push_str(&format!("  {at}{}\n", line.text));
            }
        }
        None => text.push_str("its log could not be read in time\n"),
    }
    text
}
