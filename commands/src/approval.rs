//! Who has to say yes to a plan, and whether they have. Pure: votes, roles and the time are arguments.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{Platform, RunId};
use crate::plan::Digest;
use crate::risk::{Risk, Role};

/// A plan waits this long for its votes, unless the configuration says otherwise.
pub const APPROVE_WITHIN: Duration = Duration::from_secs(10 * 60);
/// And after the last vote that it needed it may begin for this long.
pub const START_WITHIN: Duration = Duration::from_secs(5 * 60);
/// After somebody broke the glass, everybody who may vote has this long to stop it.
pub const COUNTDOWN: Duration = Duration::from_secs(30);

/// What somebody says to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// Do it.
    Approve,
    /// Don't.
    Veto,
    /// The requester means it. No vote.
    Confirm,
}

impl Ballot {
    /// Every ballot.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Veto, Self::Confirm];

    /// The word in buttons' values and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Veto => "veto",
            Self::Confirm => "confirm",
        }
    }

    /// The ballot with this word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ballot| ballot.as_str() == word)
    }

    /// What a reaction says: ✅ or ⛔ exactly. Slack names them `white_check_mark` and `no_entry`, with
    /// `::skin-tone-N` behind where somebody chose one; a custom emoji of Discord is `name:id`. Neither is a
    /// vote, and no reaction confirms.
    #[must_use]
    pub fn of_emoji(platform: Platform, emoji: &str) -> Option<Self> {
        match (platform, emoji) {
            (Platform::Slack, "white_check_mark") | (Platform::Discord | Platform::Web, "✅") => {
                Some(Self::Approve)
            }
            (Platform::Slack, "no_entry") | (Platform::Discord | Platform::Web, "⛔") => Some(Self::Veto),
            (Platform::Slack | Platform::Discord | Platform::Web | Platform::Cli, _) => None,
        }
    }
}

/// What a button under a plan says: a ballot on the plan of this run with this digest and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// What.
    pub ballot: Ballot,
    /// Whose plan.
    pub run: RunId,
    /// The digest's first 16 hex digits.
    pub digest: String,
}

impl Pressed {
    /// Hex digits of the digest that a button carries: Discord takes 100 bytes in all
    /// (discord.com/developers/docs/components/reference, `custom_id`).
    const DIGITS: usize = 16;

    /// A button under the plan of `run`.
    #[must_use]
    pub fn on(ballot: Ballot, run: RunId, digest: &Digest) -> Self {
        let mut digest = digest.to_string();
        digest.truncate(Self::DIGITS);
        Self { ballot, run, digest }
    }

    /// Reads a button's value; `None` if it is no vote.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let mut words = value.strip_prefix("vote ")?.split(' ');
        let (ballot, run, digest) = (words.next()?, words.next()?, words.next()?);
        let whole = words.next().is_none()
            && run.len() == 12
            && digest.len() == Self::DIGITS
            && [run, digest].iter().all(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !whole {
            return None;
        }
        Some(Self { ballot: Ballot::find(ballot)?, run: run.parse().ok()?, digest: digest.to_owned() })
    }
}

/// The value of the button.
impl fmt::Display for Pressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vote {} {} {}", self.ballot.as_str(), self.run, self.digest)
    }
}

/// What a plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// People who have to approve, the requester not among them.
    pub votes: u32,
    /// The weakest role whose vote counts.
    pub role: Role,
    /// Whether the requester's own confirmation is enough instead.
    pub confirm: bool,
    /// Whether the configuration has approved it: it needs nobody.
    #[serde(default)]
    pub configured: bool,
}

impl Quorum {
    /// What the bot does by itself, because it is configured to.
    pub const CONFIGURED: Self = Self { votes: 0, role: Role::Operator, confirm: false, configured: true };

    const fn of_people(votes: u32, role: Role, confirm: bool) -> Self {
        Self { votes, role, confirm, configured: false }
    }

    /// What a plan of this risk takes, inside an open incident or outside any; `None` where it takes nothing.
    #[must_use]
    pub const fn of(risk: Risk, in_open_incident: bool) -> Option<Self> {
        match risk {
            Risk::Read | Risk::Coordinate => None,
            Risk::Change => Some(Self::of_people(1, Role::Operator, in_open_incident)),
            Risk::Destructive => Some(Self::of_people(1, Role::Approver, false)),
            Risk::Critical => Some(Self::of_people(2, Role::Approver, false)),
        }
    }
}

/// What somebody said to a plan and has not taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who, as in the configuration: the same on every platform.
    pub person: String,
    /// What.
    pub ballot: Ballot,
    /// When they first said so.
    pub at: Timestamp,
}

/// How long a plan may wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// From the plan's making to the last vote that it needs.
    pub approve: Duration,
    /// From that vote to the begin.
    pub start: Duration,
}

impl Default for Windows {
    fn default() -> Self {
        Self { approve: APPROVE_WITHIN, start: START_WITHIN }
    }
}

/// What a plan is judged by, besides the votes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asked for it.
    pub requester: &'a str,
    /// When.
    pub created: Timestamp,
    /// What it takes.
    pub quorum: Quorum,
    /// Whether somebody broke the glass for it.
    pub break_glass: bool,
    /// How long it may wait.
    pub windows: Windows,
}

/// How a plan that has not begun stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may begin, and until when.
    Approved {
        /// Who said yes.
        by: Vec<String>,
        /// The last moment to begin.
        until: Timestamp,
    },
    /// It needs more votes, or its countdown runs.
    Waiting {
        /// Who said yes so far.
        have: Vec<String>,
        /// Until when they can be given; for a countdown, when it begins by itself.
        until: Timestamp,
    },
    /// Somebody who may said no.
    Vetoed {
        /// Who.
        by: String,
    },
    /// The requester took it back.
    Withdrawn,
    /// Too late for votes.
    NotApproved,
    /// Approved, and too late to begin.
    NotBegun,
}

/// How the plan stands at `now`. `role_of` tells the present role of a person of the configuration:
/// whoever is in it no more, or with too weak a role, does not count.
#[must_use]
pub fn standing(
    asked: &Asked<'_>,
    votes: &[Vote],
    role_of: impl Fn(&str) -> Option<Role>,
    now: Timestamp,
) -> Standing {
    let counts =
        |vote: &&Vote| vote.person != asked.requester && role_of(&vote.person) >= Some(asked.quorum.role);
    let of = |ballot| votes.iter().filter(move |vote| vote.ballot == ballot);
    if of(Ballot::Veto).any(|vote| vote.person == asked.requester) {
        return Standing::Withdrawn;
    }
    if let Some(veto) = of(Ballot::Veto).find(counts) {
        return Standing::Vetoed { by: veto.person.clone() };
    }
    let deadline = later(asked.created, asked.windows.approve);
    let mut approvals: Vec<&Vote> = Vec::new();
    for vote in of(Ballot::Approve).filter(counts).filter(|vote| vote.at <= deadline) {
        match approvals.iter_mut().find(|known| known.person == vote.person) {
            Some(known) if vote.at < known.at => *known = vote,
            Some(_) => {}
            None => approvals.push(vote),
        }
    }
    approvals.sort_by_key(|vote| vote.at);
    let people = |votes: &[&Vote]| votes.iter().map(|vote| vote.person.clone()).collect::<Vec<_>>();
    let needed = usize::try_from(asked.quorum.votes).unwrap_or(usize::MAX);
    let by_votes = needed.checked_sub(1).and_then(|last| approvals.get(last)).map(|last| last.at);
    let by_confirmation = of(Ballot::Confirm)
        .filter(|vote| asked.quorum.confirm && vote.person == asked.requester && vote.at <= deadline)
        .map(|vote| vote.at)
        .min();
    let by_countdown =
        asked.break_glass.then(|| later(asked.created, COUNTDOWN)).filter(|begins| *begins <= now);
    let by_configuration = asked.quorum.configured.then_some(asked.created);
    let mut by = people(&approvals);
    let moments = [by_votes, by_confirmation, by_countdown, by_configuration];
    let Some(last) = moments.into_iter().flatten().min() else {
        return if asked.break_glass {
            Standing::Waiting { have: by, until: later(asked.created, COUNTDOWN) }
        } else if now > deadline {
            Standing::NotApproved
        } else {
            Standing::Waiting { have: by, until: deadline }
        };
    };
    if by_confirmation.is_some() && by_votes.is_none() {
        by = vec![asked.requester.to_owned()];
    }
    let until = later(last, asked.windows.start);
    if now > until { Standing::NotBegun } else { Standing::Approved { by, until } }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
