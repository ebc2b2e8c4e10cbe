//! The logs of all services at once, put together.

use core::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;
use crate::logs::{Counts, Kind, LineGroup, Log, LogLine, Severity};
use crate::threat::{Event, Threat};

/// One service's log, or why there is none, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLog {
    /// Whose.
    pub service: ServiceName,
    /// `None` if the service has no container.
    pub log: Result<Option<Log>, String>,
}

/// From when on a service's log is there. A log begins anew with each new container, and old lines go
/// when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// All of the time that was asked about.
    Whole,
    /// From this time on, which is later.
    From(Timestamp),
    /// There is more than is read at once: the newest lines, which go back to this time.
    Newest(Option<Timestamp>),
    /// Reading ended before the log did: the newest lines are missing.
    BrokeOff,
    /// Nothing was ever written.
    Silent,
    /// There is a log, and nobody can say from when on.
    Unknown,
    /// No container, no log.
    NoContainer,
    /// It could not be read.
    Unread,
}

impl Reach {
    /// Whether something may be in the log that was not looked at.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        match self {
            Self::Newest(_) | Self::BrokeOff | Self::NoContainer | Self::Unread => true,
            Self::Whole | Self::From(_) | Self::Silent | Self::Unknown => false,
        }
    }
}

impl ServiceLog {
    /// How far back the log goes towards `since`.
    #[must_use]
    pub fn reach(&self, since: Timestamp) -> Reach {
        let log = match &self.log {
            Err(_) => return Reach::Unread,
            Ok(None) => return Reach::NoContainer,
            Ok(Some(log)) => log,
        };
        if log.broke_off {
            return Reach::BrokeOff;
        }
        if log.newest_only.is_some() {
            return Reach::Newest(log.sieved.read_from);
        }
        match log.reaches_back_to {
            Some(from) if from <= since => Reach::Whole,
            Some(from) => Reach::From(from),
            None if log.sieved.read.all() == 0 => Reach::Silent,
            None => Reach::Unknown,
        }
    }

    fn found(&self) -> Option<&Log> {
        self.log.as_ref().ok()?.as_ref()
    }

    /// The lines that were wanted, by kind.
    #[must_use]
    pub fn wanted(&self) -> Counts {
        self.found().map(|log| log.sieved.wanted).unwrap_or_default()
    }

    fn groups(&self) -> &[LineGroup] {
        self.found().map_or(&[], |log| &log.sieved.groups)
    }

    fn lines(&self) -> &[LogLine] {
        self.found().map_or(&[], |log| &log.sieved.lines)
    }
}

/// The logs of all services from one time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// From when on.
    pub since: Timestamp,
    /// In the configuration's order.
    pub logs: Vec<ServiceLog>,
}

/// Signs of an attack of one kind from one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident<'a> {
    /// Of what kind, and from where.
    pub threat: Threat,
    /// How many lines say so.
    pub count: u64,
    /// The oldest of them.
    pub first_at: Option<Timestamp>,
    /// The newest of them.
    pub newest: &'a LogLine,
    /// Whose logs say so.
    pub services: Vec<&'a ServiceName>,
}

/// Lines of one shape in one service's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape<'a> {
    /// Whose.
    pub service: &'a ServiceName,
    /// What they say they are.
    pub kind: Kind,
    /// How many, and one of them.
    pub group: &'a LineGroup,
}

impl Survey {
    /// How many lines were wanted in all logs.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.counts().all()
    }

    /// The lines that were wanted in all logs, by kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.logs.iter().map(ServiceLog::wanted).fold(Counts::default(), |sum, one| Counts {
            security: sum.security + one.security,
            errors: sum.errors + one.errors,
            warnings: sum.warnings + one.warnings,
            notes: sum.notes + one.notes,
            unmarked: sum.unmarked + one.unmarked,
        })
    }

    /// Whether there is an error, or a line that speaks of security.
    #[must_use]
    pub fn has_severe(&self) -> bool {
        let counts = self.counts();
        counts.errors + counts.security > 0
    }

    /// Whether something may be in a log that was not looked at.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.logs.iter().any(|log| log.reach(self.since).is_partial())
    }

    /// Whether all logs together go back to where they were wanted from.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.logs.iter().all(|log| log.reach(self.since) == Reach::Whole)
    }

    /// The lines that were kept of all logs, by time, oldest first; those without a time stand where they
    /// stood in their log.
    #[must_use]
    pub fn lines(&self) -> Vec<(&ServiceName, &LogLine)> {
        let mut lines = Vec::new();
        for log in &self.logs {
            let mut at = Timestamp::MIN;
            for line in log.lines() {
                // The Engine's two outputs of a container are not quite in order.
                at = line.at.unwrap_or(at);
                lines.push((at, &log.service, line));
            }
        }
        lines.sort_by_key(|(at, ..)| *at);
        lines.into_iter().map(|(_, service, line)| (service, line)).collect()
    }

    /// Signs of an attack by kind and address, the most frequent first. For logs read for
    /// [`Subject::Threats`](crate::logs::Subject::Threats).
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident<'_>> {
        let mut incidents: Vec<Incident<'_>> = Vec::new();
        for log in &self.logs {
            for group in log.groups() {
                let Some(threat) = Threat::of(&group.newest.text) else { continue };
                // What has no kind is known by its own words alone.
                let same = |known: &&mut Incident<'_>| known.threat == threat && threat.event != Event::Other;
                match incidents.iter_mut().find(same) {
                    Some(known) => known.add(&log.service, group),
                    None => incidents.push(Incident {
                        threat,
                        count: group.count,
                        first_at: group.first_at,
                        newest: &group.newest,
                        services: vec![&log.service],
                    }),
                }
            }
        }
        incidents.sort_by(|one, other| {
            (other.count, other.newest.at, &one.threat.event).cmp(&(
                one.count,
                one.newest.at,
                &other.threat.event,
            ))
        });
        incidents
    }

    /// The addresses that signs of an attack come from, each once.
    #[must_use]
    pub fn sources(&self) -> Vec<IpAddr> {
        let mut sources: Vec<IpAddr> =
            self.incidents().iter().filter_map(|incident| incident.threat.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Lines by their shape and service, the worst first, then the most frequent. What speaks of security
    /// stands beside errors.
    #[must_use]
    pub fn shapes(&self) -> Vec<Shape<'_>> {
        let mut shapes: Vec<Shape<'_>> = self
            .logs
            .iter()
            .flat_map(|log| {
                log.groups().iter().map(|group| Shape {
                    service: &log.service,
                    kind: Kind::of(&group.newest.text),
                    group,
                })
            })
            .collect();
        shapes.sort_by(|one, other| {
            (other.rank(), other.group.count, other.group.newest.at).cmp(&(
                one.rank(),
                one.group.count,
                one.group.newest.at,
            ))
        });
        shapes
    }
}

impl Shape<'_> {
    const fn rank(&self) -> u8 {
        match (self.kind.severity, self.kind.security) {
            (Severity::Error, _) => 3,
            (_, true) => 2,
            (Severity::Warning, false) => 1,
            (Severity::Info | Severity::Unmarked, false) => 0,
        }
    }
}

impl<'a> Incident<'a> {
    fn add(&mut self, service: &'a ServiceName, group: &'a LineGroup) {
        self.count += group.count;
        self.first_at = [self.first_at, group.first_at].into_iter().flatten().min();
        if group.newest.at > self.newest.at {
            self.newest = &group.newest;
        }
        if !self.services.contains(&service) {
            self.services.push(service);
        }
    }
}

#[cfg(test)]
mod tests;
