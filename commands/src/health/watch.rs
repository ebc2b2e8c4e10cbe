//! A service watched for a while: what changed from one look to the next, and what that comes to.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Container, Reading, ServiceHealth};
use crate::containers::{ContainerEvent, Happened};
use crate::traffic::TrafficChange;

/// Something that is told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When it was seen.
    pub at: Timestamp,
    /// What the service became, if that is another thing than it was.
    pub became: Option<Became>,
    /// Whether its container was started anew.
    pub restarted: bool,
    /// What the Engine says of the time since the look before, the oldest first.
    pub events: Vec<ContainerEvent>,
    /// As it was then.
    pub health: ServiceHealth,
}

/// What a service became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was well.
    Sick,
    /// It was sick for so long, as far as it was watched.
    Well {
        /// From the first bad look to the first good one.
        after: Duration,
    },
}

/// The looks so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    looks: u32,
    last: ServiceHealth,
    /// Docker may fail to answer in between, which is no restart.
    container: Option<(String, Option<Timestamp>)>,
    sick_since: Option<Timestamp>,
    changes: Vec<Change>,
}

impl Watch {
    /// The first look is nothing new, whatever it found.
    #[must_use]
    pub fn begin(health: ServiceHealth, at: Timestamp) -> Self {
        Self {
            looks: 1,
            container: run_of(&health),
            sick_since: health.is_sick().then_some(at),
            last: health,
            changes: Vec::new(),
        }
    }

    /// One more look, with what the Engine says of the time since the one before, and what has changed. A process
    /// that was killed for memory is news even where its container goes on.
    pub fn look(
        &mut self,
        health: ServiceHealth,
        events: Vec<ContainerEvent>,
        at: Timestamp,
    ) -> Option<&Change> {
        self.looks += 1;
        let became = match (self.sick_since, health.is_sick()) {
            (None, true) => {
                self.sick_since = Some(at);
                Some(Became::Sick)
            }
            (Some(since), false) => {
                self.sick_since = None;
                let after = Duration::try_from(at.duration_since(since)).unwrap_or_default();
                Some(Became::Well { after })
            }
            (None, false) | (Some(_), true) => None,
        };
        let run = run_of(&health);
        let restarted = matches!((&self.container, &run), (Some(before), Some(now)) if before != now);
        self.container = run.or_else(|| self.container.take());
        self.last = health.clone();
        let starved = events.iter().any(|event| event.what == Happened::OutOfMemory);
        if became.is_none() && !restarted && !starved {
            return None;
        }
        self.changes.push(Change { at, became, restarted, events, health });
        self.changes.last()
    }

    /// How often it was looked at.
    #[must_use]
    pub const fn looks(&self) -> u32 {
        self.looks
    }

    /// What the newest look found.
    #[must_use]
    pub const fn last(&self) -> &ServiceHealth {
        &self.last
    }

    /// Everything that changed, the oldest first.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// The container and the start of its present run.
fn run_of(health: &ServiceHealth) -> Option<(String, Option<Timestamp>)> {
    match &health.container {
        Reading::Read(Some(Container { id, started_at, .. })) => Some((id.clone(), *started_at)),
        Reading::Read(None) | Reading::NotConfigured | Reading::Unavailable(_) => None,
    }
}

/// The end of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Every look and change.
    pub watch: Watch,
    /// When it was asked for.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The bot was restarted meanwhile: what changed before is in messages of its own.
    pub interrupted: bool,
    /// The service's answers before and meanwhile.
    pub traffic: Reading<TrafficChange>,
}

impl Watched {
    /// How often it became sick, and how often it was restarted.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let changes = self.watch.changes();
        let sick = changes.iter().filter(|change| change.became == Some(Became::Sick)).count();
        (sick, changes.iter().filter(|change| change.restarted).count())
    }

    /// Whether nothing happened and its answers are no worse than before.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let worse = matches!(&self.traffic, Reading::Read(traffic) if traffic.is_worse());
        !self.watch.last().is_sick() && self.counts() == (0, 0) && !worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{ContainerState, Probe, ProbeOutcome};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn health(well: bool, container: Reading<Option<Container>>) -> ServiceHealth {
        let outcome =
            if well { ProbeOutcome::Healthy { status: "ok".to_owned() } } else { ProbeOutcome::Refused };
        let probe = Probe { took: Duration::from_millis(1), outcome };
        ServiceHealth { name: "a".parse().expect("a name"), critical: false, probe, container }
    }

    fn running(started: i64) -> Reading<Option<Container>> {
        Reading::Read(Some(Container {
            id: "c".to_owned(),
            name: "a".to_owned(),
            state: ContainerState::Running,
            health: None,
            started_at: Some(at(started)),
            restart_count: 0,
            exit_code: None,
            oom_killed: false,
        }))
    }

    #[test]
    fn only_what_changes_is_told() {
        let mut watch = Watch::begin(health(true, running(1)), at(10));
        assert_eq!(watch.look(health(true, running(1)), Vec::new(), at(15)), None);
        let told = |change: Option<&Change>| change.map(|change| (change.became, change.restarted));
        let sick = watch.look(health(false, running(1)), Vec::new(), at(20));
        assert_eq!(told(sick), Some((Some(Became::Sick), false)));
        assert_eq!(watch.look(health(false, running(1)), Vec::new(), at(25)), None);
        let well = watch.look(health(true, running(24)), Vec::new(), at(30));
        let after = Duration::from_secs(10);
        assert_eq!(told(well), Some((Some(Became::Well { after }), true)));
        // Between two looks.
        assert_eq!(told(watch.look(health(true, running(33)), Vec::new(), at(35))), Some((None, true)));
        // Docker that does not answer has restarted nothing.
        assert_eq!(watch.look(health(true, Reading::Unavailable("x".to_owned())), Vec::new(), at(40)), None);
        assert_eq!(watch.look(health(true, running(33)), Vec::new(), at(45)), None);
        let killed = ContainerEvent { at: at(48), what: Happened::OutOfMemory };
        let starved = watch.look(health(true, running(33)), vec![killed], at(50));
        assert_eq!(starved.map(|change| change.events.clone()), Some(vec![killed]));
        let healthy = ContainerEvent { at: at(52), what: Happened::Healthy };
        assert_eq!(watch.look(health(true, running(33)), vec![healthy], at(55)), None);
        assert_eq!((watch.looks(), watch.changes().len()), (10, 4));
    }

    #[test]
    fn one_that_is_sick_from_the_start_is_no_change_and_not_well() {
        let mut watch = Watch::begin(health(false, Reading::NotConfigured), at(10));
        assert_eq!(watch.look(health(false, Reading::NotConfigured), Vec::new(), at(15)), None);
        let watched = |watch| Watched {
            watch,
            began: at(10),
            ended: at(20),
            interrupted: false,
            traffic: Reading::NotConfigured,
        };
        assert!(!watched(watch.clone()).is_well());
        let well = watch.look(health(true, Reading::NotConfigured), Vec::new(), at(20)).cloned();
        assert_eq!(
            well.and_then(|change| change.became),
            Some(Became::Well { after: Duration::from_secs(10) })
        );
        assert!(watched(watch).is_well());
    }
}
