//! Cards about containers.

use commands::card::{Align, Section, Table, Tone};
use commands::containers::Listed;
use commands::health::ContainerState;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::{clock_time, container_words};
use super::{card, column, public};

/// Whether something that should run does not; a one-off job that has ended does what it should.
#[must_use]
pub fn is_out_of_service(listed: &Listed) -> bool {
    if listed.one_off {
        return !matches!(listed.container.exit_code, None | Some(0));
    }
    listed.container.is_sick()
}

/// Every container, the ones that need somebody first.
#[must_use]
pub fn ps(listed: &[Listed], now: Timestamp) -> Reply {
    let (sick, well): (Vec<&Listed>, Vec<&Listed>) = listed.iter().partition(|one| is_out_of_service(one));
    let title = match (listed.len(), sick.len()) {
        (0, _) => "Docker has no container of this project".to_owned(),
        (all, 0) => format!("{all} containers, all as they should be"),
        (all, 1) => format!("1 of {all} containers is not as it should be"),
        (all, sick) => format!("{sick} of {all} containers are not as they should be"),
    };
    let tone = if listed.is_empty() {
        Tone::Warning
    } else if sick.is_empty() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let rows = sick.into_iter().chain(well).map(|one| cells(one, now)).collect();
    let table = Table {
        columns: vec![
            column("service", Align::Left),
            column("state", Align::Left),
            column("container", Align::Left),
        ],
        rows,
    };
    let sections = if listed.is_empty() { Vec::new() } else { vec![Section::Table(table)] };
    let mut ps = card(title, tone, sections);
    ps.footer = Some(format!("as of {}", clock_time(now)));
    public(ps)
}

fn cells(listed: &Listed, now: Timestamp) -> Vec<String> {
    let service = listed.service.clone().unwrap_or_default();
    let service = if listed.one_off { format!("{service} (job)") } else { service };
    let container = &listed.container;
    let mut state = container_words(container, now);
    if let (ContainerState::Exited | ContainerState::Dead | ContainerState::Restarting, Some(code)) =
        (container.state, container.exit_code)
    {
        state.push_str(&format!(", code {code}"));
    }
    if container.oom_killed {
        state.push_str(", out of memory");
    }
    vec![service, state, container.name.clone()]
}
