//! What is to be learnt of an incident, as Markdown.

use std::fmt::Write as _;

use commands::card::{Section, Tone};
use commands::escalation::Way;
use commands::incident::Incident;
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::plot::{History, Line, Wanted};
use commands::timeline::{Entry, Happened};
use exec_prometheus::PrometheusError;
use jiff::Timestamp;

use super::super::health::clock_time;
use super::super::{card as plain, plot, public};
use super::standing::line;
use super::{age, title};

/// The whole document.
#[must_use]
pub fn postmortem(
    incident: &Incident,
    entries: &[Entry],
    numbers: &[(Wanted, Result<History, PrometheusError>)],
    now: Timestamp,
) -> String {
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
    let _ = writeln!(text, "\n## Plots\n");
    plots(&mut text, numbers);
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

/// Each number over the time of the incident, in characters: they are read wherever the document is.
fn plots(text: &mut String, numbers: &[(Wanted, Result<History, PrometheusError>)]) {
    if numbers.is_empty() {
        let _ = writeln!(text, "No Prometheus is configured.");
    }
    for (wanted, history) in numbers {
        let name = plot::name_of(&wanted.course);
        let history = match history {
            Ok(history) if history.is_empty() => {
                let _ = writeln!(text, "{name}: nothing was reported.\n");
                continue;
            }
            Ok(history) => history,
            Err(error) => {
                let _ = writeln!(text, "{name}: not to be had ({error}).\n");
                continue;
            }
        };
        let (from, until) = (clock_time(history.from), clock_time(history.until));
        let _ = writeln!(text, "{name}, {from} to {until}:\n\n```text");
        let lines = history.foremost();
        let width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        let number = plot::number(&wanted.course);
        let said = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), number);
        for line in lines {
            let (bars, greatest, last) = (bars(line), said(line.greatest()), said(line.last()));
            let _ = writeln!(text, "{:width$}  {bars}  at most {greatest}, last {last}", line.name);
        }
        let _ = writeln!(text, "```\n");
    }
}

/// Eight heights of the line's own greatest number, and a dot where there is none.
fn bars(line: &Line) -> String {
    const WIDTH: usize = 40;
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let greatest = line.greatest().unwrap_or(0.0);
    let part = line.points.len().div_ceil(WIDTH).max(1);
    let bar = |points: &[(Timestamp, Option<f64>)]| {
        let here = points.iter().filter_map(|(_, value)| *value).max_by(f64::total_cmp);
        here.map_or('·', |here| {
            let limits = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
            let height = limits.iter().filter(|limit| here > greatest * **limit).count();
            HEIGHTS[height]
        })
    };
    line.points.chunks(part).map(bar).collect()
}

/// The answer that brings it.
#[must_use]
pub fn postmortem_made(incident: &Incident, file: TextFile) -> Reply {
    let text = "A draft from the timeline: impact and action items are yours to write.".to_owned();
    let card = plain(format!("Postmortem: {}", title(incident)), Tone::Neutral, vec![Section::Text(text)]);
    Reply { file: Some(file), ..public(card) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_drawn_in_characters_by_its_own_greatest_number() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let values = [Some(0.0), Some(1.0), None, Some(4.0), Some(8.0), Some(0.1)];
        let points = (0..).zip(values).map(|(second, value)| (at(second), value)).collect();
        assert_eq!(bars(&Line { name: "a".to_owned(), points }), "▁▁·▄█▁");
        let long = (0..121).map(|second| (at(second), Some(0.0))).collect();
        assert_eq!(bars(&Line { name: "a".to_owned(), points: long }), "▁".repeat(31));
    }
}
