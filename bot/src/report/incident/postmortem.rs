//! What is to be learnt of an incident, as Markdown.

use std::fmt::Write as _;

use commands::card::{Section, Tone};
use commands::escalation::Way;
use commands::incident::Incident;
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;

use super::super::health::clock_time;
use super::super::{card as plain, public};
use super::standing::line;
use super::{age, title};

/// The whole document.
#[must_use]
pub fn postmortem(incident: &Incident, entries: &[Entry], now: Timestamp) -> String {
    let mut text = String::new();
    let course = &incident.state.course;
    let _ = writeln!(text, "# {}\n", title(incident));
    if incident.state.drill {
        let _ = writeln!(text, "This was an exercise.\n");
    }
    let _ = writeln!(text, "## Summary\n");
    let _ = writeln!(text, "- Opened {} by {}", clock_time(incident.opened.0), incident.opened.1);
    let services: Vec<String> = incident.services.iter().map(ToString::to_string).collect();
    let about = if services.is_empty() { "the platform".to_owned() } else { services.join(", ") };
    let _ = writeln!(text, "- About: {about}");
    match &incident.resolved {
        Some(resolved) => {
            let _ =
                writeln!(text, "- Resolved {} by {}: {}", clock_time(resolved.at), resolved.by, resolved.how);
        }
        None => {
            let _ = writeln!(text, "- Not resolved yet");
        }
    }
    let _ = writeln!(text, "\n## Impact\n\n_What could users not do, how many, and for how long?_\n");
    let _ = writeln!(text, "## Times\n");
    let _ = writeln!(text, "| | |\n| --- | --- |");
    let since = |at: Timestamp| layout::duration(at.duration_since(incident.opened.0).unsigned_abs());
    let answered = course.answered.as_ref();
    let acknowledged =
        answered.map_or_else(|| "never".to_owned(), |(by, at)| format!("{} ({by})", since(*at)));
    let _ = writeln!(text, "| to acknowledge | {acknowledged} |");
    let target = layout::duration(std::time::Duration::from(course.ladder().respond_within));
    let kept = answered.is_some_and(|(_, at)| {
        at.duration_since(incident.opened.0).as_secs() <= i64::from(course.ladder().respond_within.as_secs())
    });
    let _ = writeln!(text, "| target | {target}, {} |", if kept { "kept" } else { "missed" });
    let mitigated = entries.iter().rev().find(
        |entry| matches!(&entry.what, Happened::Command { plan: Some(_), outcome, .. } if outcome == "done"),
    );
    let mitigated = mitigated.map_or_else(|| "no act from here".to_owned(), |entry| since(entry.at));
    let _ = writeln!(text, "| to mitigate (last act) | {mitigated} |");
    let word = if incident.resolved.is_some() { "to resolve" } else { "open for" };
    let _ = writeln!(text, "| {word} | {} |", age(incident, now));
    let _ = writeln!(text, "\n## Schedule\n");
    schedule(&mut text, entries);
    let _ = writeln!(text, "\n## Timeline\n");
    for entry in entries {
        let _ = writeln!(text, "- {}", line(entry));
    }
    let _ = writeln!(text, "\n## Action items\n\n- [ ] _What keeps this from happening again?_");
    text
}

/// Each call beside the moment at which it was owed.
fn schedule(text: &mut String, entries: &[Entry]) {
    let _ =
        writeln!(text, "| owed | told | late | how | whom | why |\n| --- | --- | --- | --- | --- | --- |");
    for entry in entries {
        let Happened::Told { whom, why, way, people, owed } = &entry.what else { continue };
        let late = layout::duration(entry.at.duration_since(*owed).unsigned_abs());
        let how = match way {
            Way::Page => "page",
            Way::Notify => "notify",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {late} | {how} | {whom}: {} | {why} |",
            owed.strftime("%H:%M:%S"),
            entry.at.strftime("%H:%M:%S"),
            people.join(", ")
        );
    }
}

/// The answer that brings it.
#[must_use]
pub fn postmortem_made(incident: &Incident, file: TextFile) -> Reply {
    let text = "A draft from the timeline: impact and action items are yours to write.".to_owned();
    let card = plain(format!("Postmortem: {}", title(incident)), Tone::Neutral, vec![Section::Text(text)]);
    Reply { file: Some(file), ..public(card) }
}
