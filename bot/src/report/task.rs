//! Cards about what somebody has to do again and again.

use std::time::Duration;

use commands::card::{Section, Tone};
use commands::layout;
use commands::message::Reply;
use commands::task::{Due, Standing, Task, TaskName};
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// Every task, the overdue ones first.
#[must_use]
pub fn tasks(standings: &[Standing<'_>], now: Timestamp) -> Reply {
    if standings.is_empty() {
        let text = "No [[task]] is in the bot's configuration: add name, every and what of each.".to_owned();
        return public(card("No task is configured", Tone::Neutral, vec![Section::Text(text)]));
    }
    let overdue: Vec<&Standing<'_>> = standings.iter().filter(|one| one.is_overdue()).collect();
    let title = match (standings.len(), overdue.len()) {
        (1, 0) => "The task is not due yet".to_owned(),
        (all, 0) => format!("{all} tasks, none is due yet"),
        (1, _) => "The task is overdue".to_owned(),
        (all, 1) => format!("1 of {all} tasks is overdue"),
        (all, overdue) => format!("{overdue} of {all} tasks are overdue"),
    };
    let facts = standings.iter().map(|one| fact(one, now)).collect();
    let mut sections = vec![Section::Facts(facts)];
    let mut next: Vec<String> = overdue.iter().filter_map(|one| one.task.line.clone()).collect();
    next.extend(overdue.iter().map(|one| format!("security tasks --done {}", one.task.name)));
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let tone = if overdue.is_empty() { Tone::Good } else { Tone::Warning };
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}", clock_time(now)));
    public(card)
}

fn fact(one: &Standing<'_>, now: Timestamp) -> (String, String) {
    let due = match one.due {
        Due::NeverDone => "never done".to_owned(),
        Due::Overdue(since) => format!("overdue since {}", day(since)),
        Due::Later(at) => format!("due {}, in {}", day(at), layout::duration(until(at, now))),
    };
    let last = one.last.as_ref().map_or_else(String::new, |last| {
        format!("; last done {} by {}, {}", day(last.at), last.person, layout::ago(last.at, now))
    });
    (format!("{} ({})", one.task.name, one.task.every), format!("{due}{last}. {}", one.task.what))
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    at.duration_since(now).unsigned_abs()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// One is recorded as done.
#[must_use]
pub fn task_done(task: &Task, person: &str, at: Timestamp) -> Reply {
    let text = format!("{} did it. It is due again on {}.", person, day(task.every.after(at)));
    let mut card = card(format!("{} is done", task.name), Tone::Good, vec![Section::Text(text)]);
    card.footer = Some(format!("recorded at {}", clock_time(at)));
    public(card)
}

/// A name that none of them has. Nothing is recorded.
#[must_use]
pub fn unknown_task(name: &TaskName, meant: Option<&str>, tasks: &[Task]) -> Reply {
    let mut sections = vec![Section::Text(match meant {
        Some(meant) => format!("Did you mean {meant}? Nothing was recorded."),
        None if tasks.is_empty() => "No [[task]] is in the bot's configuration.".to_owned(),
        None => {
            let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            format!("Tasks: {}. Nothing was recorded.", names.join(", "))
        }
    })];
    let next = match meant {
        Some(meant) => format!("security tasks --done {meant}"),
        None => "security tasks".to_owned(),
    };
    sections.push(Section::Next(vec![next]));
    public(card(format!("There is no task \"{name}\""), Tone::Neutral, sections))
}
