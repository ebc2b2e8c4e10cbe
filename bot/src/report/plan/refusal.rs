//! Why there is no plan, or why one will never begin.

use commands::backend::{Backend, Protection};
use commands::card::Tone;
use commands::ids::ServiceName;
use commands::incident::Incident;
use commands::message::Reply;
use store::{Closed, Freeze};

use super::card::short_card;
use crate::report::health::clock_time;
use crate::report::public;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// Everything is frozen.
#[must_use]
pub fn frozen(freeze: &Freeze) -> Reply {
    let until = freeze.until.map_or_else(String::new, |until| format!(" It ends at {}.", clock_time(until)));
    let text = format!(
        "{} froze everything at {}: {:?}.{until} An approver thaws with stack unfreeze.",
        freeze.person,
        clock_time(freeze.at),
        freeze.why
    );
    refusal("Frozen: nothing acts", text)
}

/// The glass can't be broken here.
#[must_use]
pub fn no_glass(incident: Option<&Incident>) -> Reply {
    let text = match incident {
        None => "No incident is open here. The glass is broken inside an open P0 alone: \
                 incident open P0 'what is wrong'."
            .to_owned(),
        Some(incident) => format!(
            "Incident {} is {}, and the glass is broken inside an open P0 alone.",
            incident.number,
            incident.severity()
        ),
    };
    refusal("The glass stays whole", text)
}

/// A plan has to be posted where people vote.
#[must_use]
pub fn nowhere_to_post() -> Reply {
    refusal(
        "No place to vote",
        "A plan is voted on in an incident channel, and none of a connected platform is configured: add one to \
         [bot] incident_channels."
            .to_owned(),
    )
}

/// A service without a container.
#[must_use]
pub fn no_container(name: &ServiceName) -> Reply {
    let text = format!(
        "Docker knows no container of {name}: neither by its compose label nor by the name in the configuration. \
         ps shows what there is."
    );
    refusal("No container", text)
}

/// A service with more than one container.
#[must_use]
pub fn two_containers(name: &ServiceName, one: &str, other: &str) -> Reply {
    let text = format!(
        "{name} has more than one container, {one} and {other} among them. Name one in the configuration: \
         [[service]] container."
    );
    refusal("Which container?", text)
}

/// There is no role that may signal.
#[must_use]
pub fn no_signal_url() -> Reply {
    let text = "[postgres] signal_url is not in the bot's configuration: add a role with pg_signal_backend and \
                pg_read_all_stats, as deploy/postgres/roles.sql makes it.";
    refusal("Sessions can't be ended", text.to_owned())
}

/// There is no session of that number.
#[must_use]
pub fn no_session(pid: u32) -> Reply {
    refusal(
        "No such session",
        format!("The database has no session {pid}, or not any more. db long-queries shows them."),
    )
}

/// There is nothing to cancel.
#[must_use]
pub fn no_statement(backend: &Backend) -> Reply {
    let pid = backend.target.backend.pid;
    let text =
        format!("Session {pid} is {} and runs no statement. db kill {pid} ends the session.", backend.state);
    refusal("Nothing to cancel", text)
}

/// A session that is left alone.
#[must_use]
pub fn protected(backend: &Backend, protection: &Protection) -> Reply {
    let pid = backend.target.backend.pid;
    refusal("Left alone", format!("Session {pid} {}.", protection_words(protection)))
}

pub(super) fn protection_words(protection: &Protection) -> String {
    match protection {
        Protection::Precious(kind) => format!("is {}, whose work must not be cut off", kind.as_str()),
        Protection::NotAClient => "is a process of the server itself and no client's".to_owned(),
        Protection::OtherDatabase => "works in another database than the bot looks after".to_owned(),
        Protection::Superuser => "is a superuser's, whom the bot's role can't signal".to_owned(),
        Protection::OwnRun => "works for the bot itself".to_owned(),
        Protection::Hidden => {
            "is hidden from the bot's role: grant pg_read_all_stats to it, as deploy/postgres/roles.sql does"
                .to_owned()
        }
    }
}

/// The ids in the plan are another daemon's.
#[must_use]
pub fn other_engine(planned: &str, here: &str) -> String {
    format!("the plan is of the Docker daemon {planned}, and this bot is connected to {here}")
}

/// One word for the metrics.
#[must_use]
pub const fn closed_word(why: &Closed) -> &'static str {
    match why {
        Closed::Vetoed { .. } => "vetoed",
        Closed::Withdrawn => "withdrawn",
        Closed::NotApproved => "not_approved",
        Closed::NotBegun => "not_begun",
        Closed::Changed { .. } => "changed",
        Closed::Impossible { .. } => "impossible",
        Closed::MessageChanged => "message_changed",
        Closed::RequesterGone => "requester_gone",
        Closed::Frozen { .. } => "frozen",
    }
}

/// For the audit trail.
#[must_use]
pub fn closed_reason(why: &Closed) -> String {
    closed_text(why)
}

/// Why it will never begin, and what to do instead.
pub(super) fn closed_text(why: &Closed) -> String {
    match why {
        Closed::Vetoed { by } => format!("Vetoed by {by}. Nothing was done."),
        Closed::Withdrawn => "Taken back by who asked. Nothing was done.".to_owned(),
        Closed::NotApproved => "Its votes did not come in time. Nothing was done; ask again if it is still wanted.".to_owned(),
        Closed::NotBegun => {
            "It was approved and could not begin in time. Nothing was done; ask again if it is still wanted.".to_owned()
        }
        Closed::Changed { differences } => format!(
            "What it acts on is not what was voted on, so nothing was done. {}. Ask again for a plan of what is there now.",
            differences.join("; ")
        ),
        Closed::Impossible { why } => format!("It can't be done any more: {why}. Nothing was done."),
        Closed::MessageChanged => {
            "Its message was edited or deleted by somebody, so what was voted on is not certain. Nothing was done.".to_owned()
        }
        Closed::RequesterGone => "Who asked may not ask for it any more. Nothing was done.".to_owned(),
        Closed::Frozen { why } => format!("Everything is frozen: {why:?}. Nothing was done; ask again after the thaw."),
    }
}
