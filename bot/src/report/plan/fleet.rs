//! The words of plans about how many there are.

use commands::card::Tone;
use commands::ids::ServiceName;
use commands::message::Reply;
use commands::workload::{PublishedPort, Reclaimable};

use super::card::short_card;
use crate::report::public;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// What a cleanup does.
#[must_use]
pub fn cleanup_effect(found: &Reclaimable, count: usize, left: usize) -> String {
    let rest = if left == 0 { String::new() } else { format!(" {left} more are for another time.") };
    format!(
        "Removes {count} containers and images that are listed here, and nothing else.{rest} {} images for the way back, the \
         newest ended container of each service and every volume stay. Images may share layers, so it may free less.",
        found.kept.len()
    )
}

/// How it is taken back.
#[must_use]
pub fn cleanup_undo() -> String {
    "Can't be taken back. The last 500 lines and the state of each container are kept first.".to_owned()
}

/// There is nothing.
#[must_use]
pub fn nothing_to_remove(found: &Reclaimable) -> Reply {
    refusal(
        "Nothing to remove",
        format!(
            "No ended container is done with, and no image is without a use; {} are kept for the way back. disk shows what \
             takes the room: logs, volumes and backups mostly.",
            found.kept.len()
        ),
    )
}

/// Something that is used by now.
#[must_use]
pub fn left_alone(why: &str) -> String {
    format!("left alone: {why}")
}

/// What scaling does.
#[must_use]
pub fn scale_effect(name: &ServiceName, now: u32, count: u32) -> String {
    let what = if count > now { "Adds" } else { "Removes" };
    format!(
        "{what} containers of {name}: there are {now}, and there will be {count}. Whoever asks for it has to find all of them, \
         and each takes connections of the database."
    )
}

/// There are so many.
#[must_use]
pub fn so_many_already(name: &ServiceName, count: u32) -> Reply {
    refusal("Nothing to do", format!("{name} has {count} containers already. ps shows them."))
}

/// A name that only one can have.
#[must_use]
pub fn fixed_name(name: &ServiceName, container: &str) -> Reply {
    refusal(
        "There can be one only",
        format!(
            "The compose file fixes the name of {name}'s container: {container} (container_name). Take that line out first."
        ),
    )
}

/// A port that only one can have.
#[must_use]
pub fn fixed_port(name: &ServiceName, port: &PublishedPort) -> Reply {
    refusal(
        "There can be one only",
        format!(
            "Port {} of the machine leads to the container of {name}, and a second one can't have it too. Put a proxy in front, \
             or leave the machine's port out of the compose file.",
            port.port
        ),
    )
}

/// Not as many as there should be.
#[must_use]
pub fn not_so_many(all: u32, well: u32, count: u32) -> String {
    format!("there are {all} containers, {well} of them well, and there should be {count}: ps shows them")
}
