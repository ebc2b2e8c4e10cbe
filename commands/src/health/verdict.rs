//! The judgement on what a health check found: which services are sick, how bad it is together, and
//! which other parts need a look. Pure; the words are chosen elsewhere.

use crate::card::Tone;
use crate::health::{
    AlertmanagerHealth, Container, ContainerHealth, ContainerState, DatabaseHealth, DatabasePing,
    HealthReport, PrometheusHealth, Reading, Seats, ServiceHealth,
};

/// So many sick services are a P0, critical or not: the runbook's "three or more of six".
const MANY: usize = 3;

/// The judgement on one look at the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The worst of everything. Whatever has a severity is [`Tone::Bad`], since it pages somebody.
    pub tone: Tone,
    /// What an incident would be opened with; `None` when nothing is down.
    pub severity: Option<Severity>,
    /// Sick services.
    pub sick: usize,
    /// All services.
    pub services: usize,
    /// Parts beside the services that are not well or could not be read, in the order of [`Part`].
    pub concerns: Vec<Part>,
}

/// How urgent it is by the runbook's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A critical service or the database is down, or three services or more.
    P0,
    /// A service is down.
    P1,
}

impl Severity {
    /// As people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
        }
    }
}

/// What is looked at beside the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The database is down, nearly full or could not be read.
    Database,
    /// The Docker Engine could not be read, for one service at least.
    Docker,
    /// Prometheus is not ready, can't scrape a target or could not be read.
    Prometheus,
    /// Alertmanager is not ready, has firing alerts or could not be read.
    Alertmanager,
}

impl ServiceHealth {
    /// Whether it needs somebody: it does not answer that it is well, or its container is in a state
    /// that will not last, even if the answer was still good. A container that Docker does not have
    /// or that can't be read says nothing: services also run outside of Docker.
    #[must_use]
    pub fn is_sick(&self) -> bool {
        let container_sick = match &self.container {
            Reading::Read(Some(container)) => container.is_sick(),
            Reading::Read(None) | Reading::NotConfigured | Reading::Unavailable(_) => false,
        };
        container_sick || !self.probe.outcome.is_healthy()
    }
}

impl Container {
    /// Whether it does anything but run, or its own health check fails.
    #[must_use]
    pub fn is_sick(&self) -> bool {
        self.state != ContainerState::Running || self.health == Some(ContainerHealth::Unhealthy)
    }
}

impl DatabaseHealth {
    /// Whether the platform's services can't use it. Where only the bot's own account is refused, the
    /// database itself answered.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        match self.ping {
            DatabasePing::Answered(_) | DatabasePing::Denied(_) => false,
            DatabasePing::Full
            | DatabasePing::NotAccepting(_)
            | DatabasePing::Refused
            | DatabasePing::TimedOut
            | DatabasePing::Failed(_) => true,
        }
    }

    /// Whether it needs a look: down, refusing the bot, or nearly full.
    #[must_use]
    pub fn is_concern(&self) -> bool {
        !matches!(self.ping, DatabasePing::Answered(_)) || self.seats.is_some_and(Seats::are_scarce)
    }
}

impl Seats {
    /// Whether nine tenths of the connections that ordinary roles may have are taken.
    #[must_use]
    pub const fn are_scarce(self) -> bool {
        let usable = self.max.saturating_sub(self.reserved) as u64;
        self.used as u64 * 10 >= usable * 9
    }
}

impl PrometheusHealth {
    /// Whether it is not ready or can't scrape a target.
    #[must_use]
    pub const fn is_concern(&self) -> bool {
        !self.ready || !self.targets_down.is_empty()
    }
}

impl AlertmanagerHealth {
    /// Whether it is not ready or something fires.
    #[must_use]
    pub const fn is_concern(&self) -> bool {
        !self.ready || !self.firing.is_empty()
    }
}

impl HealthReport {
    /// Puts sick services first. The order is kept otherwise, so services that came in the order of
    /// the configuration stay in it.
    pub fn sort(&mut self) {
        self.services.sort_by_key(|service| !service.is_sick());
    }

    /// The judgement by the runbook's table.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let sick: Vec<_> = self.services.iter().filter(|service| service.is_sick()).collect();
        let database_down = matches!(&self.database, Reading::Read(database) if database.is_down());
        let severity = if database_down || sick.len() >= MANY || sick.iter().any(|service| service.critical) {
            Some(Severity::P0)
        } else {
            (!sick.is_empty()).then_some(Severity::P1)
        };
        let concerns = self.concerns();
        let tone = match (severity, concerns.as_slice()) {
            (Some(_), _) => Tone::Bad,
            (None, [_, ..]) => Tone::Warning,
            (None, []) => Tone::Good,
        };
        Verdict { tone, severity, sick: sick.len(), services: self.services.len(), concerns }
    }

    fn concerns(&self) -> Vec<Part> {
        let docker = self.services.iter().any(|service| is_concern(&service.container, |_| false));
        [
            (Part::Database, is_concern(&self.database, DatabaseHealth::is_concern)),
            (Part::Docker, docker),
            (Part::Prometheus, is_concern(&self.prometheus, PrometheusHealth::is_concern)),
            (Part::Alertmanager, is_concern(&self.alertmanager, AlertmanagerHealth::is_concern)),
        ]
        .into_iter()
        .filter_map(|(part, concern)| concern.then_some(part))
        .collect()
    }
}

/// What is not configured is no concern; what is and can't be read always is.
fn is_concern<T>(reading: &Reading<T>, judge: impl Fn(&T) -> bool) -> bool {
    match reading {
        Reading::NotConfigured => false,
        Reading::Unavailable(_) => true,
        Reading::Read(facts) => judge(facts),
    }
}

#[cfg(test)]
mod tests;
