//! The card about what each service runs.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::card::{Align, Section, Table, Tone};
use commands::containers::Deployed;
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// What each service runs, the newest deployment first.
#[must_use]
pub fn deployed(deployed: &[Deployed], now: Timestamp) -> Reply {
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
    let tone = if deployed.is_empty() || !moved.is_empty() { Tone::Warning } else { Tone::Neutral };
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}; changed: since its container was made", clock_time(now)));
    public(card)
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
