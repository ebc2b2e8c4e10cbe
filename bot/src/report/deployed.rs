//! The card about what each service runs.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::card::{Align, Section, Table, Tone};
use commands::containers::Deployed;
use commands::escape::clean;
use commands::host::Commit;
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// What is checked out, for `acgs check`.
pub fn checked_out(head: &exec_host::Head) -> String {
    let branch = head.branch.as_deref().unwrap_or("no branch");
    let changed = if head.is_changed { ", with local changes: deploy run refuses" } else { "" };
    format!("{branch} at {}{changed}", head.commit)
}

/// Commits that are shown.
const COMMITS: usize = 5;

/// What each service runs, the newest deployment first.
#[must_use]
pub fn deployed(
    deployed: &[Deployed],
    commits: Option<&Result<Vec<Commit>, String>>,
    now: Timestamp,
) -> Reply {
    let title = match deployed.first() {
        None => "Docker has no container of this project".to_owned(),
        Some(newest) => format!("Newest deployment: {}, {}", newest.service, ago(newest.created_at, now)),
    };
    let moved: Vec<String> = deployed
        .iter()
        .filter(|one| one.name_moved)
        .map(|one| {
            format!(
                "{} does not run what {} means now: a newer image was not deployed.",
                one.service, one.image
            )
        })
        .collect();
    let mut sections = Vec::new();
    if !moved.is_empty() {
        sections.push(Section::Text(moved.join("\n")));
    }
    if !deployed.is_empty() {
        sections.push(Section::Table(Table {
            columns: vec![
                column("service", Align::Left),
                column("changed", Align::Right),
                column("started", Align::Right),
                column("restarts", Align::Right),
            ],
            rows: deployed.iter().map(|one| times(one, now)).collect(),
        }));
        sections.push(Section::Table(Table {
            columns: vec![
                column("service", Align::Left),
                column("image id", Align::Right),
                column("built", Align::Right),
            ],
            rows: deployed.iter().map(|one| images(one, now)).collect(),
        }));
        let names: BTreeMap<&str, &str> =
            deployed.iter().map(|one| (one.image_id.as_str(), one.image.as_str())).collect();
        let fact = |(id, name): (&str, &str)| (id.to_owned(), name.to_owned());
        sections.push(Section::Facts(names.into_iter().map(fact).collect()));
    }
    match commits {
        None => {}
        Some(Ok(commits)) => sections.extend(committed(deployed, commits, now)),
        Some(Err(why)) => sections.push(Section::Text(format!("The commits can't be read: {why}"))),
    }
    let tone = if deployed.is_empty() || !moved.is_empty() { Tone::Warning } else { Tone::Neutral };
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}; changed: since its container was made", clock_time(now)));
    public(card)
}

/// The newest commits, and from which of them the images say that they were built. A commit is no deployment.
fn committed(deployed: &[Deployed], commits: &[Commit], now: Timestamp) -> Vec<Section> {
    let newest = commits.iter().take(COMMITS);
    let row = |commit: &Commit| {
        vec![short(&commit.id), age(Some(commit.at), now), layout::short(&clean(&commit.subject), 60)]
    };
    let newest = Table {
        columns: vec![
            column("commit", Align::Left),
            column("age", Align::Right),
            column("subject", Align::Left),
        ],
        rows: newest.map(row).collect(),
    };
    let built = |one: &Deployed| {
        let revision = one.revision.as_deref()?;
        let behind = match one.behind(commits) {
            None => format!("not among the last {}", commits.len()),
            Some(0) => "the newest".to_owned(),
            Some(1) => "1 behind".to_owned(),
            Some(behind) => format!("{behind} behind"),
        };
        Some(vec![one.service.clone(), short(revision), behind])
    };
    let built = Table {
        columns: vec![
            column("service", Align::Left),
            column("built from", Align::Left),
            column("commits", Align::Right),
        ],
        rows: deployed.iter().filter_map(built).collect(),
    };
    let mut sections = vec![Section::Table(newest)];
    if built.rows.is_empty() {
        let text = "No image says from which commit it was built (label org.opencontainers.image.revision).";
        sections.push(Section::Text(text.to_owned()));
    } else {
        sections.push(Section::Table(built));
    }
    sections
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

fn times(one: &Deployed, now: Timestamp) -> Vec<String> {
    vec![
        one.service.clone(),
        age(one.created_at, now),
        one.container.started_at.map_or_else(|| "never".to_owned(), |at| age(Some(at), now)),
        one.container.restart_count.to_string(),
    ]
}

fn images(one: &Deployed, now: Timestamp) -> Vec<String> {
    vec![one.service.clone(), one.image_id.clone(), age(one.image_built_at, now)]
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "not known when".to_owned(), |at| format!("changed {}", layout::ago(at, now)))
}

/// How long ago, in a column of such.
fn age(at: Option<Timestamp>, now: Timestamp) -> String {
    let age =
        |at: Timestamp| layout::duration(Duration::try_from(now.duration_since(at)).unwrap_or_default());
    at.map_or_else(|| "not known".to_owned(), age)
}
