//! The words of a database beside its migrations.

use commands::card::{Section, Tone};
use commands::message::Reply;
use commands::migration::{Revision, shown};

use super::{card, public};

/// Which revisions there are.
#[must_use]
pub fn revisions(current: &[Revision], heads: &[Revision]) -> Reply {
    let facts = vec![("database".to_owned(), shown(current)), ("newest".to_owned(), shown(heads))];
    if current == heads {
        return public(card(
            "The database is at the newest revision",
            Tone::Good,
            vec![Section::Facts(facts)],
        ));
    }
    let next = vec!["backup create".to_owned(), "db migrate --dry-run".to_owned()];
    let sections = vec![Section::Facts(facts), Section::Next(next)];
    public(card("The database is not at the newest revision", Tone::Warning, sections))
}
