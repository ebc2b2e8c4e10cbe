//! The card of a plan, from its making to its end. One message says all of it.

use commands::approval::{Ballot, Pressed, Quorum, Standing};
use commands::card::{Align, Button, ButtonStyle, Card, Section, Table, Tone};
use commands::ids::{Place, RunId};
use commands::journal::StepOutcome;
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::plan::{Difference, Plan};
use store::Closed;

use super::execution::{Ended, ended_title, outcome_words, readings};
use super::facts::{forecast, step, target};
use super::refusal::closed_text;
use crate::report::health::clock_time;
use crate::report::{card as plain, column, public};

/// What the texts of a card may have in all: Discord's embeds hold 6,000 characters and Slack's blocks more
/// (discord.com/developers/docs/resources/message), and the card grows while the plan is carried out.
const FITS: usize = 3_500;

/// How a plan stands.
#[derive(Clone, Debug)]
pub enum Shown {
    /// It waits.
    Open(Standing),
    /// It may begin and something that it acts on is taken.
    Locked {
        /// What.
        target: String,
        /// By whom.
        run: RunId,
    },
    /// It is being carried out.
    Running {
        /// Who said yes.
        by: Vec<String>,
        /// Each step.
        steps: Vec<StepShown>,
    },
    /// It was carried out, as far as it went.
    Ended(Box<Ended>),
    /// It will never begin.
    Closed(Closed),
}

/// How a step stands.
#[derive(Clone, Debug)]
pub enum StepShown {
    /// Not begun.
    Waits,
    /// Under way.
    Works,
    /// It was cut off, and is looked at.
    Looks,
    /// Ended.
    Ended(StepOutcome),
}

/// The whole card.
#[must_use]
pub fn card(plan: &Plan, quorum: Quorum, shown: &Shown) -> Reply {
    let digest = plan.digest();
    let (title, tone) = title(plan, shown);
    let mut sections = vec![Section::Text(standing_words(plan, quorum, shown))];
    let whole = describe(plan);
    let size: usize = whole.iter().map(characters).sum();
    let file = (size > FITS)
        .then(|| TextFile { name: format!("plan-{}.txt", digest.short()), content: written_out(plan) });
    if file.is_some() {
        sections.push(Section::Text(format!(
            "{} It acts on {} targets in {} steps: the attached file plan-{}.txt has all of it, and it is what you vote on.",
            plan.effect,
            plan.targets.len(),
            plan.steps.len(),
            digest.short()
        )));
    } else {
        sections.extend(whole);
    }
    sections.push(steps_section(plan, shown));
    if let Shown::Ended(ended) = shown
        && let Some(table) = readings(&ended.before, &ended.after)
    {
        sections.push(Section::Table(table));
    }
    let mut card = plain(title, tone, sections);
    card.buttons = buttons(plan, quorum, shown);
    card.footer = Some(format!("plan {}", digest.short()));
    Reply { file, ..public(card) }
}

/// The plan alone, which nobody can vote on.
#[must_use]
pub fn dry_run(plan: &Plan) -> Reply {
    let text = "Nothing waits for a vote: this shows what would be done.".to_owned();
    let mut sections = vec![Section::Text(text)];
    let whole = describe(plan);
    let size: usize = whole.iter().map(characters).sum();
    sections.extend(whole);
    sections.push(steps_section(
        plan,
        &Shown::Running { by: Vec::new(), steps: vec![StepShown::Waits; plan.steps.len()] },
    ));
    let file = (size > FITS).then(|| TextFile { name: "plan.txt".to_owned(), content: written_out(plan) });
    let mut card = plain(format!("Dry run: {}", plan.line), Tone::Neutral, sections);
    card.footer = Some(format!("plan {}", plan.digest().short()));
    Reply { file, ..public(card) }
}

/// The answer to whoever asked: the plan is a message of its own.
#[must_use]
pub fn asked(plan: &Plan, quorum: Quorum, place: &Place) -> Reply {
    let text = if plan.break_glass.is_some() {
        "The glass is broken: it begins in 30 seconds, unless somebody who may stops it.".to_owned()
    } else if quorum.confirm {
        "Press Confirm on the plan, or let somebody else approve it.".to_owned()
    } else {
        format!("It waits for {}.", needs(quorum))
    };
    let facts =
        vec![("plan".to_owned(), plan.digest().short()), ("posted in".to_owned(), place.room.to_string())];
    let title = format!("Asked for: {}", plan.line);
    public(plain(title, Tone::Neutral, vec![Section::Text(text), Section::Facts(facts)]))
}

/// Said to each of those who are passed over.
#[must_use]
pub fn glass_broken(plan: &Plan, place: &Place) -> Reply {
    let why = plan.break_glass.as_deref().unwrap_or_default();
    let text = format!(
        "{} broke the glass: {why:?}. It begins 30 seconds after it was asked for unless somebody who may vote on it puts \
         ⛔ on its message in {}.",
        plan.requester, place.room
    );
    let facts = vec![("plan".to_owned(), plan.digest().short())];
    let title = format!("Glass broken: {}", layout::short(&plan.line, 100));
    public(plain(title, Tone::Bad, vec![Section::Text(text), Section::Facts(facts)]))
}

/// What a plan still needs, in words.
pub(super) fn needs(quorum: Quorum) -> String {
    let votes = if quorum.votes == 1 { "the vote of 1 other" } else { "the votes of 2 other" };
    let role = if quorum.votes == 1 { quorum.role.to_string() } else { format!("{}s", quorum.role) };
    format!("{votes} {role}")
}

fn title(plan: &Plan, shown: &Shown) -> (String, Tone) {
    let line = layout::short(&plan.line, 100);
    match shown {
        Shown::Open(Standing::Waiting { .. }) if plan.break_glass.is_some() => {
            (format!("Glass broken: {line}"), Tone::Bad)
        }
        Shown::Open(Standing::Approved { .. }) => (format!("Approved: {line}"), Tone::Warning),
        Shown::Open(_) => (format!("Approve? {line}"), Tone::Warning),
        Shown::Locked { .. } => (format!("Waits its turn: {line}"), Tone::Warning),
        Shown::Running { .. } => (format!("Under way: {line}"), Tone::Warning),
        Shown::Ended(ended) => ended_title(&line, ended),
        Shown::Closed(_) => (format!("Not done: {line}"), Tone::Neutral),
    }
}

fn standing_words(plan: &Plan, quorum: Quorum, shown: &Shown) -> String {
    match shown {
        Shown::Open(Standing::Waiting { until, .. }) if plan.break_glass.is_some() => format!(
            "{} broke the glass: {:?}. It begins at {} without a vote. React with ⛔ or press Veto to stop it.",
            plan.requester,
            plan.break_glass.as_deref().unwrap_or_default(),
            clock_time(*until)
        ),
        Shown::Open(Standing::Waiting { have, until }) => {
            let mut text = format!("{} asks for this. It needs {}", plan.requester, needs(quorum));
            if quorum.confirm {
                text.push_str(", or the confirmation of who asked,");
            }
            text.push_str(&format!(" by {}: ✅ approves, ⛔ vetoes.", clock_time(*until)));
            if !have.is_empty() {
                text.push_str(&format!(" So far: {}.", have.join(", ")));
            }
            text
        }
        Shown::Open(Standing::Approved { by, .. }) => {
            format!("Approved by {}. Facts are read again before it begins.", names(by, quorum))
        }
        Shown::Open(Standing::Vetoed { by }) => format!("Vetoed by {by}."),
        Shown::Open(Standing::Withdrawn) => format!("{} took it back.", plan.requester),
        Shown::Open(Standing::NotApproved | Standing::NotBegun) => "Its time is over.".to_owned(),
        Shown::Locked { target, run } => {
            format!(
                "Approved. {target} is being worked on by run {run}: it begins after that, if that is in time."
            )
        }
        Shown::Running { by, .. } => {
            format!("Asked by {}, approved by {}.", plan.requester, names(by, quorum))
        }
        Shown::Ended(ended) => {
            format!(
                "Asked by {}, approved by {}. {}",
                plan.requester,
                names(&ended.by, quorum),
                outcome_words(ended)
            )
        }
        Shown::Closed(why) => closed_text(why),
    }
}

fn names(by: &[String], quorum: Quorum) -> String {
    if quorum.configured {
        return "the configuration".to_owned();
    }
    if by.is_empty() { "nobody: the glass was broken".to_owned() } else { by.join(", ") }
}

/// Everything that a plan holds but for its steps.
fn describe(plan: &Plan) -> Vec<Section> {
    let mut facts = vec![("risk".to_owned(), plan.risk.to_string())];
    facts.extend(plan.incident.map(|number| ("incident".to_owned(), number.to_string())));
    facts.extend(plan.targets.iter().map(target));
    facts.extend(plan.forecast.iter().map(forecast));
    if !plan.proves.is_empty() {
        let services: Vec<_> = plan.proves.iter().map(ToString::to_string).collect();
        facts.push(("proved afterwards".to_owned(), services.join(", ")));
    }
    facts.push(("undo".to_owned(), plan.undo.clone()));
    vec![Section::Text(plan.effect.clone()), Section::Facts(facts)]
}

fn steps_section(plan: &Plan, shown: &Shown) -> Section {
    let states: Vec<String> = match shown {
        Shown::Running { steps, .. } => steps.iter().map(step_words).collect(),
        Shown::Ended(ended) => ended.steps.iter().map(step_words).collect(),
        Shown::Open(_) | Shown::Locked { .. } | Shown::Closed(_) => vec![String::new(); plan.steps.len()],
    };
    let rows = (1..)
        .zip(&plan.steps)
        .zip(states)
        .map(|((number, planned), state): ((u32, _), _)| vec![number.to_string(), step(planned), state]);
    Section::Table(Table {
        columns: vec![column("", Align::Right), column("step", Align::Left), column("", Align::Left)],
        rows: rows.collect(),
    })
}

fn step_words(shown: &StepShown) -> String {
    match shown {
        StepShown::Waits => String::new(),
        StepShown::Works => "under way".to_owned(),
        StepShown::Looks => "was cut off; looking".to_owned(),
        StepShown::Ended(StepOutcome::Done { note }) if note.is_empty() => "done".to_owned(),
        StepShown::Ended(StepOutcome::Done { note }) => format!("done: {}", layout::short(note, 200)),
        StepShown::Ended(StepOutcome::Failed { why }) => format!("failed: {}", layout::short(why, 300)),
        StepShown::Ended(StepOutcome::Unknown { found }) => {
            format!("outcome unknown: {}", layout::short(found, 300))
        }
    }
}

fn buttons(plan: &Plan, quorum: Quorum, shown: &Shown) -> Vec<Button> {
    let Shown::Open(Standing::Waiting { .. }) = shown else { return Vec::new() };
    let button = |label: &str, ballot, style| Button {
        label: label.to_owned(),
        value: Pressed::on(ballot, plan.run, &plan.digest()).to_string(),
        style,
    };
    let mut buttons = Vec::new();
    if plan.break_glass.is_none() {
        if quorum.confirm {
            buttons.push(button("Confirm", Ballot::Confirm, ButtonStyle::Primary));
        }
        buttons.push(button("Approve", Ballot::Approve, ButtonStyle::Primary));
    }
    buttons.push(button("Veto", Ballot::Veto, ButtonStyle::Danger));
    buttons
}

/// Every field, for a file.
fn written_out(plan: &Plan) -> String {
    let value = serde_json::to_string_pretty(plan).unwrap_or_default();
    format!("plan {}\nSHA-256 of the JSON without spaces: {}\n\n{value}\n", plan.run, plan.digest())
}

fn characters(section: &Section) -> usize {
    match section {
        Section::Text(text) | Section::Code(text) => text.len(),
        Section::Facts(facts) => facts.iter().map(|(label, value)| label.len() + value.len() + 4).sum(),
        Section::Table(table) => table.rows.iter().flatten().map(|cell| cell.len() + 2).sum(),
        Section::Next(lines) => lines.iter().map(String::len).sum(),
    }
}

/// What is not what it was, one a line.
#[must_use]
pub fn differences(found: &[Difference]) -> Vec<String> {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let line = |one: &Difference| {
        format!(
            "{}: was {}, is {}",
            one.path,
            layout::short(&word(&one.before), 120),
            layout::short(&word(&one.now), 120)
        )
    };
    found.iter().map(line).collect()
}

/// Only for this module's neighbours: a card without anything that a plan needs.
pub(super) fn short_card(title: String, tone: Tone, text: String) -> Card {
    plain(title, tone, vec![Section::Text(text)])
}

#[cfg(test)]
mod tests {
    use commands::ids::RunId;
    use commands::plan::{Act, Step, Target};
    use commands::risk::Risk;
    use jiff::Timestamp;

    use super::*;

    fn plan(containers: usize) -> Plan {
        let name = |number: usize| format!("acgs_a_service_with_a_long_name_{number}");
        let start =
            |number| Act::StartContainer { name: name(number), id: "a".repeat(64).parse().expect("an id") };
        Plan {
            run: RunId::from_random(7),
            nonce: "00112233445566778899aabbccddeeff".to_owned(),
            line: "stack start".to_owned(),
            commands: vec!["stack start".to_owned()],
            risk: Risk::Change,
            requester: "Dee".to_owned(),
            incident: None,
            break_glass: None,
            created: Timestamp::UNIX_EPOCH,
            engine: None,
            targets: (0..containers).map(|number| Target::Named { name: name(number) }).collect(),
            steps: (0..containers).map(|number| Step { act: start(number), timeout_seconds: 9 }).collect(),
            proves: Vec::new(),
            effect: "Starts what is stopped.".to_owned(),
            forecast: Vec::new(),
            undo: "stack stop".to_owned(),
        }
    }

    fn shown(plan: &Plan) -> Reply {
        let steps = vec![StepShown::Waits; plan.steps.len()];
        card(
            plan,
            Quorum::of(Risk::Change, false).expect("it acts"),
            &Shown::Running { by: Vec::new(), steps },
        )
    }

    #[test]
    fn what_does_not_fit_a_message_is_in_a_file_that_says_all_of_what_is_voted_on() {
        let small = plan(3);
        let reply = shown(&small);
        assert_eq!(reply.file, None);
        assert!(format!("{:?}", reply.card).contains("acgs_a_service_with_a_long_name_2"));

        let large = plan(100);
        let reply = shown(&large);
        let file = reply.file.expect("a file");
        assert_eq!(file.name, format!("plan-{}.txt", large.digest().short()));
        assert!(file.content.contains(&large.digest().to_string()));
        let (_, json) = file.content.split_once("\n\n").expect("the plan after its names");
        assert_eq!(serde_json::from_str::<Plan>(json).expect("the plan"), large, "all of it");
        let words = format!("{:?}", reply.card);
        assert!(words.contains("100 targets in 100 steps") && words.contains(&file.name), "{words}");
        assert!(reply.card.footer.is_some_and(|footer| footer.contains(large.digest().short().as_str())));
    }
}
