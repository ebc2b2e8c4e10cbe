//! The words of what the bot does by itself.

use commands::backup::Archive;
use commands::card::{Section, Tone};
use commands::layout;
use commands::message::Reply;
use commands::schedule::Schedule;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// What one that did not go well came to.
#[must_use]
pub fn scheduled(schedule: &Schedule, due: Timestamp, mut reply: Reply) -> Reply {
    let was = std::mem::replace(&mut reply.card.title, format!("Not done by itself: {}", schedule.intent()));
    let text = format!("{}, due at {}: {was}.", schedule.requester(), clock_time(due));
    reply.card.sections.insert(0, Section::Text(text));
    let next = Section::Next(vec![schedule.intent().to_string(), "backup list".to_owned()]);
    reply.card.sections.push(next);
    reply.card.tone = Tone::Bad;
    reply
}

/// The newest good backup is too old, or there is none.
#[must_use]
pub fn backups_too_old(newest: Option<&Archive>, unread: Option<String>, now: Timestamp) -> Reply {
    let limit = commands::backup::OLDEST_GOOD.as_secs() / 3_600;
    let (title, text) = match (newest, unread) {
        (_, Some(why)) => {
            ("The backups can't be looked at".to_owned(), layout::short(&commands::escape::clean(&why), 300))
        }
        (Some(newest), None) => (
            format!("The newest good backup is older than {limit} h"),
            format!("{} was made {}.", newest.name, layout::ago(newest.made(), now)),
        ),
        (None, None) => ("There is no good backup".to_owned(), format!("None was made for {limit} h.")),
    };
    let next = Section::Next(vec!["backup list".to_owned(), "backup create".to_owned()]);
    public(card(title, Tone::Bad, vec![Section::Text(text), next]))
}
