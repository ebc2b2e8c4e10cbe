//! Who is to be reached when something is wrong, in the order of escalation.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A rung of the ladder, the first to be paged first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Whoever is on call.
    OnCall,
    /// The DevOps team's lead.
    DevopsLead,
    /// Takes command of what lasts.
    EngineeringManager,
    /// Hears of the worst.
    Cto,
    /// Whoever deals with attacks.
    Security,
}

impl Rung {
    /// From the first to the last.
    pub const ALL: [Self; 5] =
        [Self::OnCall, Self::DevopsLead, Self::EngineeringManager, Self::Cto, Self::Security];

    /// As it is typed and configured.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::OnCall => "on_call",
            Self::DevopsLead => "devops_lead",
            Self::EngineeringManager => "engineering_manager",
            Self::Cto => "cto",
            Self::Security => "security",
        }
    }

    /// As people say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnCall => "on-call",
            Self::DevopsLead => "DevOps lead",
            Self::EngineeringManager => "engineering manager",
            Self::Cto => "CTO",
            Self::Security => "security team",
        }
    }
}

impl FromStr for Rung {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let typed = typed.to_ascii_lowercase().replace('-', "_");
        Self::ALL.into_iter().find(|rung| rung.key() == typed).ok_or_else(|| {
            let keys: Vec<&str> = Self::ALL.iter().map(|rung| rung.key()).collect();
            format!("one of {}", keys.join(", "))
        })
    }
}

/// People who take turns, whole days each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// In the order of their turns; at least one.
    pub people: Vec<String>,
    /// The first one's first turn begins.
    pub from: DateTime,
    /// Days of a turn.
    pub days: u32,
    /// On whose clock turns change.
    pub zone: TimeZone,
}

impl Rotation {
    /// Turns since the first, and negative before it.
    fn turn(&self, at: Timestamp) -> i64 {
        let local = at.to_zoned(self.zone.clone()).datetime();
        let days = local.date().duration_since(self.from.date()).as_hours() / 24;
        let days = if local.time() < self.from.time() { days - 1 } else { days };
        days.div_euclid(i64::from(self.days.max(1)))
    }

    /// Whose turn it is, and who comes after, each once.
    #[must_use]
    pub fn order(&self, at: Timestamp) -> Vec<&str> {
        let count = self.people.len();
        let first = self.turn(at).rem_euclid(i64::try_from(count.max(1)).unwrap_or(1));
        let first = usize::try_from(first).unwrap_or_default();
        (0..count).map(|next| self.people[(first + next) % count].as_str()).collect()
    }

    /// When the turn at `at` ends.
    #[must_use]
    pub fn ends(&self, at: Timestamp) -> Timestamp {
        let turns = self.turn(at).saturating_add(1).saturating_mul(i64::from(self.days.max(1)));
        let end = self.from.saturating_add(Span::new().days(turns.clamp(-3_000_000, 3_000_000)));
        // A time that a change of clocks leaves out is the moment after it.
        end.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |end| end.timestamp())
    }
}

/// Somebody in somebody else's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Who.
    pub person: String,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Who is on call for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who; `None` where nobody is.
    pub person: Option<String>,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Who stands on a rung at `at`, the first to be reached first: who took the place, whose turn it is, then the others.
#[must_use]
pub fn standing<'a>(
    listed: &'a [String],
    rotation: Option<&'a Rotation>,
    covers: &'a [Cover],
    at: Timestamp,
) -> Vec<&'a str> {
    let covering = covers.iter().find(|cover| cover.from <= at && at < cover.until);
    let turning = rotation.map(|rotation| rotation.order(at)).unwrap_or_default();
    let mut standing: Vec<&str> = Vec::new();
    let all = covering.map(|cover| cover.person.as_str()).into_iter().chain(turning);
    for person in all.chain(listed.iter().map(String::as_str)) {
        if !standing.contains(&person) {
            standing.push(person);
        }
    }
    standing
}

/// Who is the first of a rung from one time to another.
#[must_use]
pub fn turns(
    listed: &[String],
    rotation: Option<&Rotation>,
    covers: &[Cover],
    (from, until): (Timestamp, Timestamp),
) -> Vec<Turn> {
    let mut changes: Vec<Timestamp> = covers.iter().flat_map(|cover| [cover.from, cover.until]).collect();
    if let Some(rotation) = rotation {
        let mut end = rotation.ends(from);
        while end < until {
            changes.push(end);
            end = rotation.ends(end);
        }
    }
    changes.retain(|change| (from..until).contains(change));
    changes.push(from);
    changes.sort_unstable();
    changes.dedup();
    let ends = changes.iter().skip(1).copied().chain([until]);
    let mut turns: Vec<Turn> = Vec::new();
    for (begin, end) in changes.iter().copied().zip(ends) {
        let person = standing(listed, rotation, covers, begin).first().map(|person| (*person).to_owned());
        match turns.last_mut().filter(|turn| turn.person == person) {
            Some(turn) => turn.until = end,
            None => turns.push(Turn { person, from: begin, until: end }),
        }
    }
    turns
}

/// Somebody as people write them: a mention, which carries the platform's id, or a name of the configuration. Who it is
/// the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(String);

impl Who {
    /// Characters of a name at most.
    const LONGEST: usize = 100;

    /// The id in the mention, or the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Who {
    type Err = String;

    /// `<@U0BO>` and `<@U0BO|bo>` of Slack, `<@12>` and `<@!12>` of Discord, `@bo` and `bo`.
    fn from_str(typed: &str) -> Result<Self, String> {
        let mention = typed.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
        let id = mention.map(|rest| rest.trim_start_matches('!').split('|').next().unwrap_or_default());
        let named = id.unwrap_or_else(|| typed.trim_start_matches('@'));
        let text = crate::escape::clean(named).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.chars().count() > Self::LONGEST || text.contains(['<', '>']) {
            return Err("somebody: @mention them, or write their name".to_owned());
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rotation() -> Rotation {
        Rotation {
            people: ["Ada", "Bo", "Cy"].map(str::to_owned).to_vec(),
            from: "2026-03-23T09:00".parse().unwrap(),
            days: 7,
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    #[test]
    fn turns_change_at_the_hour_of_the_clock_on_the_wall() {
        let rotation = rotation();
        // Clocks go forward on 29 March: nine o'clock is an hour earlier in UTC from then on.
        assert_eq!(rotation.order(at("2026-03-30T06:59:59Z")), ["Ada", "Bo", "Cy"]);
        assert_eq!(rotation.order(at("2026-03-30T07:00:00Z")), ["Bo", "Cy", "Ada"]);
        assert_eq!(rotation.order(at("2026-03-23T07:59:59Z")), ["Cy", "Ada", "Bo"], "before the first turn");
        assert_eq!(rotation.ends(at("2026-03-25T00:00:00Z")), at("2026-03-30T07:00:00Z"));
        assert_eq!(rotation.ends(at("2026-03-30T07:00:00Z")), at("2026-04-06T07:00:00Z"));
    }

    #[test]
    fn whoever_takes_a_shift_stands_first() {
        let rotation = rotation();
        let listed = ["Ada", "Dee"].map(str::to_owned);
        let cover =
            |person: &str, from, until| Cover { person: person.to_owned(), from: at(from), until: at(until) };
        let covers = [
            cover("Bo", "2026-03-24T12:00:00Z", "2026-03-24T14:00:00Z"),
            cover("Dee", "2026-03-24T10:00:00Z", "2026-03-24T18:00:00Z"),
        ];
        let now = at("2026-03-24T13:00:00Z");
        assert_eq!(standing(&listed, Some(&rotation), &covers, now), ["Bo", "Ada", "Cy", "Dee"]);
        assert_eq!(standing(&listed, None, &[], now), ["Ada", "Dee"]);
        assert_eq!(standing(&[], None, &[], now), [] as [&str; 0]);
        let week = (at("2026-03-24T00:00:00Z"), at("2026-04-07T00:00:00Z"));
        let turns = turns(&listed, Some(&rotation), &covers, week);
        let turns: Vec<_> =
            turns.iter().map(|turn| (turn.person.as_deref().unwrap(), turn.from.to_string())).collect();
        let expected = [
            ("Ada", "2026-03-24T00:00:00Z"),
            ("Dee", "2026-03-24T10:00:00Z"),
            ("Bo", "2026-03-24T12:00:00Z"),
            ("Dee", "2026-03-24T14:00:00Z"),
            ("Ada", "2026-03-24T18:00:00Z"),
            ("Bo", "2026-03-30T07:00:00Z"),
            ("Cy", "2026-04-06T07:00:00Z"),
        ];
        assert_eq!(turns, expected.map(|(person, from)| (person, from.to_owned())));
    }

    #[test]
    fn somebody_is_read_as_each_platform_writes_them() {
        for (typed, read) in [
            ("<@U0BO>", "U0BO"),
            ("<@U0BO|bo>", "U0BO"),
            ("<@!12>", "12"),
            ("<@12>", "12"),
            ("@bo", "bo"),
            ("Bo", "Bo"),
        ] {
            assert_eq!(typed.parse::<Who>().unwrap().as_str(), read, "{typed}");
        }
        for typed in ["", "@", "<@>", "<!channel>", "<@U0BO"] {
            assert!(typed.parse::<Who>().is_err(), "{typed}");
        }
    }
}
