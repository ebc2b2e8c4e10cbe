//! An incident: what it is about, where it is told, who has it, and whether it is over.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::escalation::{Alertness, Course, Duty};
use crate::ids::{Place, Platform, ServiceName};

/// Counts from 1 over all incidents of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentNumber(pub u32);

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Critical: the platform or its data.
    P0,
    /// High: a service, or all of them slowly.
    P1,
    /// Medium: something that has to be mended and hurts few.
    P2,
}

impl Severity {
    /// The worst first.
    pub const ALL: [Self; 3] = [Self::P0, Self::P1, Self::P2];

    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str().eq_ignore_ascii_case(typed))
            .ok_or_else(|| "P0 (critical), P1 (high) or P2 (medium)".to_owned())
    }
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub number: IncidentNumber,
    /// In a few words, as typed.
    pub title: String,
    /// Where it was opened.
    pub place: Option<Place>,
    /// What it is about; empty for everything.
    pub services: Vec<ServiceName>,
    /// When, and by whom of the configuration.
    pub opened: (Timestamp, String),
    /// When, by whom, and what mended it; `None` while it is open.
    pub resolved: Option<Resolved>,
    /// How it goes.
    pub state: State,
}

/// What changes while an incident goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whom it calls and when.
    pub course: Course,
    /// The incident channels that it is told in, one a platform.
    pub homes: Vec<Place>,
    /// What became of the wish for a channel or thread of its own, by the number of the home that it is beside.
    #[serde(default)]
    pub rooms: BTreeMap<usize, OwnRoom>,
    /// Whether it is an exercise.
    pub drill: bool,
    /// Who opened it, or changed its severity last: nobody is pinged about their own act.
    pub moved_by: String,
    /// Somebody was asked to take it over and has not said yes.
    pub handoff: Option<Handoff>,
    /// The newest word on it for those who work on it.
    pub update: Option<Said>,
    /// The newest word on it for everybody outside.
    pub published: Option<Said>,
    /// Messages of the schedule that were stored for it.
    pub messages: u32,
}

/// What an incident may have of its own beside a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// A channel.
    Channel,
    /// A thread of its card.
    Thread,
}

impl RoomKind {
    /// What an incident of this severity gets beside a home; `None` where there is no such thing, or the home is a thread
    /// itself.
    #[must_use]
    pub const fn of(home: &Place, severity: Severity) -> Option<Self> {
        match (home.room.platform, severity) {
            _ if home.thread.is_some() => None,
            (Platform::Slack, Severity::P0 | Severity::P1) => Some(Self::Channel),
            (Platform::Slack, Severity::P2) | (Platform::Discord, _) => Some(Self::Thread),
            (Platform::Web | Platform::Cli, _) => None,
        }
    }

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Thread => "thread",
        }
    }
}

impl FromStr for RoomKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Channel, Self::Thread]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("{text:?} is neither a channel nor a thread"))
    }
}

/// What became of an incident's wish for a channel or thread of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnRoom {
    /// It is there.
    At(Place),
    /// The platform does not let the bot make one, and why.
    Refused(String),
}

/// Somebody's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// Who, as in the configuration.
    pub by: String,
    /// As typed.
    pub text: String,
}

/// From one person to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// Who asks, as in the configuration.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// When.
    pub at: Timestamp,
}

impl State {
    /// As an incident begins.
    #[must_use]
    pub const fn new(course: Course, homes: Vec<Place>, drill: bool, by: String) -> Self {
        Self {
            course,
            homes,
            rooms: BTreeMap::new(),
            drill,
            moved_by: by,
            handoff: None,
            update: None,
            published: None,
            messages: 0,
        }
    }

    /// Its own channel or thread beside a home.
    #[must_use]
    pub fn room(&self, home: usize) -> Option<&Place> {
        match self.rooms.get(&home)? {
            OwnRoom::At(place) => Some(place),
            OwnRoom::Refused(_) => None,
        }
    }

    /// Where people talk about it, one place a platform: its own, else the incident channel.
    pub fn talked_at(&self) -> impl Iterator<Item = &Place> {
        self.homes.iter().enumerate().map(|(number, home)| self.room(number).unwrap_or(home))
    }

    /// Who has it: the commander, else whoever acknowledged.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        let acknowledged = match &self.course.alertness {
            Alertness::Acknowledged { by, .. } => Some(by.as_str()),
            Alertness::Waiting { .. } => None,
        };
        self.course.duties.get(&Duty::Commander).map(String::as_str).or(acknowledged)
    }

    /// Somebody takes over what another one had. The duties that were theirs are the new one's.
    pub fn accept(&mut self, handoff: &Handoff, now: Timestamp) {
        for holder in self.course.duties.values_mut().filter(|holder| **holder == handoff.from) {
            holder.clone_from(&handoff.to);
        }
        self.course.duties.entry(Duty::Commander).or_insert_with(|| handoff.to.clone());
        self.course.acknowledge(&handoff.to, now);
        if let Alertness::Acknowledged { by, .. } = &mut self.course.alertness {
            by.clone_from(&handoff.to);
        }
        self.course.word(now);
        self.handoff = None;
    }
}

impl Incident {
    /// What a channel of its own is called (docs.slack.dev/reference/methods/conversations.create: at most 80 of
    /// a-z, 0-9, `-` and `_`), or a thread.
    #[must_use]
    pub fn room_name(&self) -> String {
        const LONGEST: usize = 60;
        let drill = if self.state.drill { "drill" } else { "inc" };
        let mut name = format!("{drill}-{}", self.number);
        let words = self.title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        for word in words.map(str::to_ascii_lowercase) {
            if name.len() + 1 + word.len() > LONGEST {
                break;
            }
            name = name + "-" + &word;
        }
        name
    }

    /// How bad it is now.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.state.course.severity
    }

    /// Whether it is told in this channel, or in one that this thread is of.
    #[must_use]
    pub fn is_at(&self, place: &Place) -> bool {
        // A thread of its channel is its channel's.
        let is_home = |home: &Place| home == place || (home.thread.is_none() && home.room == place.room);
        self.place.as_ref() == Some(place) || self.state.homes.iter().any(is_home)
    }
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When.
    pub at: Timestamp,
    /// By whom of the configuration.
    pub by: String,
    /// What mended it, as typed.
    pub how: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escalation::Policy;
    use crate::ids::Room;

    fn incident(title: &str) -> Incident {
        let course = Course::open(Policy::silent(), Severity::P0, false, Timestamp::UNIX_EPOCH);
        let home = |platform, id: &str| Place::channel(Room::new(platform, id));
        let homes = vec![home(Platform::Slack, "C1"), home(Platform::Discord, "100")];
        Incident {
            number: IncidentNumber(7),
            title: title.to_owned(),
            place: None,
            services: Vec::new(),
            opened: (Timestamp::UNIX_EPOCH, "Ada".to_owned()),
            resolved: None,
            state: State::new(course, homes, false, "Ada".to_owned()),
        }
    }

    #[test]
    fn a_room_is_named_by_number_and_title_as_slack_takes_it() {
        assert_eq!(incident("Auth is DOWN!").room_name(), "inc-7-auth-is-down");
        assert_eq!(incident("Überlast — 5xx").room_name(), "inc-7-berlast-5xx");
        assert_eq!(incident("🔥🔥").room_name(), "inc-7");
        let long = incident(&"word ".repeat(40)).room_name();
        assert!(long.len() <= 60 && long.ends_with("-word"), "{long}");
        assert_eq!(incident(&"x".repeat(200)).room_name(), "inc-7");
    }

    #[test]
    fn what_is_bad_has_a_channel_where_there_are_channels_to_be_had() {
        let home = |platform, thread: Option<&str>| Place {
            room: Room::new(platform, "1"),
            thread: thread.map(str::to_owned),
        };
        let of = |platform, thread, severity| RoomKind::of(&home(platform, thread), severity);
        for severity in [Severity::P0, Severity::P1] {
            assert_eq!(of(Platform::Slack, None, severity), Some(RoomKind::Channel));
            assert_eq!(of(Platform::Discord, None, severity), Some(RoomKind::Thread));
            assert_eq!(of(Platform::Discord, Some("2"), severity), None);
            assert_eq!(of(Platform::Web, None, severity), None);
        }
        assert_eq!(of(Platform::Slack, None, Severity::P2), Some(RoomKind::Thread));
        assert_eq!("thread".parse(), Ok(RoomKind::Thread));
    }

    #[test]
    fn people_talk_in_its_own_room_where_there_is_one() {
        let mut incident = incident("x");
        let own = Place::channel(Room::new(Platform::Slack, "C2"));
        incident.state.rooms.insert(0, OwnRoom::At(own.clone()));
        incident.state.rooms.insert(1, OwnRoom::Refused("no".to_owned()));
        let talked: Vec<&Place> = incident.state.talked_at().collect();
        assert_eq!(talked, [&own, &incident.state.homes[1]]);
    }
}
