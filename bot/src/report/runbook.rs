//! Cards about runbooks.

use std::collections::BTreeSet;
use std::time::Duration;

use commands::card::{Align, Section, Table, Tone};
use commands::coverage::Covered;
use commands::ids::ServiceName;
use commands::layout;
use commands::message::{Picture, Reply, TextFile};
use commands::risk::Role;
use commands::runbook::{Finding, Runbook, Step};
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public, text};

/// For a terminal.
const COVERAGE_WIDTH: usize = 110;
/// More lines than this are no hint.
const MOST_NEXT: usize = 6;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not begun: its condition is not met, or not yet.
    Waiting,
    /// Under way.
    Running {
        /// As run.
        line: String,
    },
    /// It has an answer.
    Done {
        /// As run.
        line: String,
        /// Whether the answer needs somebody.
        found: Finding,
        /// The answer.
        reply: Box<Reply>,
    },
    /// It broke.
    Failed {
        /// As run.
        line: String,
    },
    /// It acts: it is part of a plan that people vote on.
    Planned {
        /// The line.
        line: String,
    },
    /// It is about a service and none was named.
    NeedsService,
    /// The asker's role does not reach.
    NotAllowed {
        /// What it would need.
        role: Role,
    },
}

impl StepState {
    /// What it has found, once it has.
    #[must_use]
    pub const fn finding(&self) -> Option<Finding> {
        match self {
            Self::Done { found, .. } => Some(*found),
            Self::Failed { .. } => Some(Finding::Bad),
            Self::Waiting
            | Self::Running { .. }
            | Self::Planned { .. }
            | Self::NeedsService
            | Self::NotAllowed { .. } => None,
        }
    }
}

/// Which runbooks there are.
#[must_use]
pub fn runbooks(all: &[Runbook]) -> Reply {
    let facts = all.iter().map(|runbook| (runbook.name.clone(), runbook.title.clone())).collect();
    let next = all.first().map(|first| vec![format!("runbook show {}", first.name), run_line(first, None)]);
    let sections = vec![Section::Facts(facts), Section::Next(next.unwrap_or_default())];
    public(card("Runbooks", Tone::Neutral, sections))
}

/// The steps of one.
#[must_use]
pub fn runbook(runbook: &Runbook) -> Reply {
    let step = |step: &Step| {
        let when = step.when.as_ref().map(|when| format!(", when {} is {}", when.step, when.found.as_str()));
        (format!("{}{}", step.id, when.unwrap_or_default()), step.line.clone())
    };
    let sections = vec![
        Section::Text(runbook.about.clone()),
        Section::Facts(runbook.steps.iter().map(step).collect()),
        Section::Next(vec![run_line(runbook, None)]),
    ];
    public(card(format!("{}: {}", runbook.name, runbook.title), Tone::Neutral, sections))
}

/// For whoever checks a file of theirs.
#[must_use]
pub fn runbook_is_good(runbook: &Runbook) -> String {
    format!("{}: {} steps, all of them good", runbook.name, runbook.steps.len())
}

/// Every step of the operations runbook, a line each, and how many there are.
#[must_use]
pub fn coverage(steps: &[Covered]) -> String {
    let cells = |step: &Covered| {
        let kind = if step.reads { "looks" } else { "acts" };
        [step.id, kind, step.what, step.line].map(str::to_owned).to_vec()
    };
    let table = Table {
        columns: vec![
            column("step", Align::Left),
            column("it", Align::Left),
            column("what", Align::Left),
            column("line", Align::Left),
        ],
        rows: steps.iter().map(cells).collect(),
    };
    let looking = steps.iter().filter(|step| step.reads).count();
    let acting = steps.len() - looking;
    format!(
        "{}\n\n{looking} steps that look and {acting} that act, each with its command\n",
        table.to_text(COVERAGE_WIDTH)
    )
}

/// There is none of that name.
#[must_use]
pub fn no_runbook(name: &str, like: Option<&str>) -> Reply {
    let meant = like.map(|like| format!(" Did you mean {like}?")).unwrap_or_default();
    let text = format!("There is no runbook {:?}.{meant}", super::quoted(name));
    let sections = vec![Section::Text(text), Section::Next(vec!["runbook list".to_owned()])];
    public(card("No such runbook", Tone::Neutral, sections))
}

/// While steps are under way.
#[must_use]
pub fn runbook_progress(
    runbook: &Runbook,
    service: Option<&ServiceName>,
    states: &[StepState],
    took: Duration,
    now: Timestamp,
) -> Reply {
    let done = states.iter().filter(|state| state.finding().is_some()).count();
    let title = format!("{}: {done} of {} steps done", heading(runbook, service), states.len());
    let mut growing = card(title, Tone::Neutral, vec![Section::Table(steps(runbook, states))]);
    growing.footer = Some(footer(took, now));
    public(growing)
}

/// What was found, what is suspicious, and what to type next; the file has every step's whole answer.
#[must_use]
pub fn runbook_result(
    runbook: &Runbook,
    service: Option<&ServiceName>,
    states: &[StepState],
    took: Duration,
    now: Timestamp,
) -> Reply {
    let suspicious: Vec<String> =
        runbook.steps.iter().zip(states).filter_map(|(step, state)| suspicion(&step.id, state)).collect();
    let heading = heading(runbook, service);
    let (title, tone) = match suspicious.len() {
        0 => (format!("{heading}: nothing suspicious"), Tone::Good),
        1 => (format!("{heading}: 1 thing is suspicious"), Tone::Bad),
        many => (format!("{heading}: {many} things are suspicious"), Tone::Bad),
    };
    let mut sections = Vec::new();
    if !suspicious.is_empty() {
        sections.push(Section::Text(suspicious.join("\n")));
    }
    sections.push(Section::Table(steps(runbook, states)));
    let next = next(runbook, states);
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let mut result = card(title, tone, sections);
    result.footer = Some(footer(took, now));
    let content = states.iter().filter_map(whole).collect::<Vec<_>>().join("\n");
    let file = (!content.is_empty()).then(|| TextFile { name: format!("{}.txt", runbook.name), content });
    Reply { file, picture: picture(states).cloned(), ..public(result) }
}

/// Of the first step that found something, for one card shows one picture.
fn picture(states: &[StepState]) -> Option<&Picture> {
    states.iter().filter(|state| state.finding() == Some(Finding::Bad)).find_map(|state| match state {
        StepState::Done { reply, .. } => reply.picture.as_ref(),
        _ => None,
    })
}

fn heading(runbook: &Runbook, service: Option<&ServiceName>) -> String {
    match service.or(runbook.service.as_ref()) {
        Some(service) => format!("{} {service}", runbook.name),
        None => runbook.name.clone(),
    }
}

fn footer(took: Duration, now: Timestamp) -> String {
    format!("as of {}, took {}", clock_time(now), layout::duration(took))
}

fn steps(runbook: &Runbook, states: &[StepState]) -> Table {
    let row = |(step, state): (&Step, &StepState)| {
        let (sign, words) = match state {
            StepState::Waiting => ("", "not needed so far".to_owned()),
            StepState::Running { .. } => ("…", "under way".to_owned()),
            StepState::Done { found: Finding::Good, reply, .. } => ("ok", reply.card.title.clone()),
            StepState::Done { found: Finding::Bad, reply, .. } => ("!!", reply.card.title.clone()),
            StepState::Failed { .. } => ("!!", "failed; the bot's log says why".to_owned()),
            StepState::Planned { line } => ("", format!("acts, takes votes: {line}")),
            StepState::NeedsService => ("", "not asked: it needs a SERVICE".to_owned()),
            StepState::NotAllowed { role } => ("", format!("not asked: it needs the role {role}")),
        };
        vec![sign.to_owned(), step.id.clone(), words]
    };
    Table {
        columns: vec![column("", Align::Left), column("step", Align::Left), column("found", Align::Left)],
        rows: runbook.steps.iter().zip(states).map(row).collect(),
    }
}

/// What a step that found something bad says in its first words.
fn suspicion(id: &str, state: &StepState) -> Option<String> {
    match state {
        StepState::Done { found: Finding::Bad, reply, .. } => {
            let detail = reply.card.sections.iter().find_map(|section| match section {
                Section::Text(text) => text.lines().next(),
                Section::Facts(_) | Section::Table(_) | Section::Code(_) | Section::Next(_) => None,
            });
            let detail = detail.map(|detail| format!(" ({})", layout::short(detail, 160)));
            Some(format!("{id}: {}{}", reply.card.title, detail.unwrap_or_default()))
        }
        StepState::Failed { line } => Some(format!("{id}: {line:?} failed")),
        StepState::Done { .. }
        | StepState::Waiting
        | StepState::Running { .. }
        | StepState::Planned { .. }
        | StepState::NeedsService
        | StepState::NotAllowed { .. } => None,
    }
}

/// The bad steps' own lines and what they say to type next, then the runbook again for the service
/// that it lacked.
fn next(runbook: &Runbook, states: &[StepState]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for state in states {
        let StepState::Done { found: Finding::Bad, reply, line } = state else { continue };
        lines.push(line.clone());
        lines.extend(reply.card.sections.iter().flat_map(|section| match section {
            Section::Next(lines) => lines.clone(),
            Section::Text(_) | Section::Facts(_) | Section::Table(_) | Section::Code(_) => Vec::new(),
        }));
    }
    if states.contains(&StepState::NeedsService) {
        lines.push(run_line(runbook, Some("SERVICE")));
    }
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines.truncate(MOST_NEXT);
    lines
}

fn run_line(runbook: &Runbook, service: Option<&str>) -> String {
    let service = service.map(|service| format!(" {service}")).unwrap_or_default();
    format!("runbook run {}{service}", runbook.name)
}

fn whole(state: &StepState) -> Option<String> {
    let StepState::Done { line, reply, .. } = state else { return None };
    Some(format!("== {line}\n{}", text(reply, None, false)))
}
