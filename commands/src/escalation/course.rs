//! How one incident goes: what was told to whom, and what is owed next.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::escalation::{
    Due, Ladder, MISSED_AFTER, NOBODY_LEFT_EVERY, NUDGED_EVERY, NUDGES, Only, Phase, Policy, Quiet, Step,
    UNCHANGED_IN_A_ROW, WARNED_BEFORE, Way, What,
};
use crate::incident::Severity;
use crate::oncall::Rung;
use crate::period::Period;

/// What somebody does in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duty {
    /// Decides.
    Commander,
    /// Mends.
    Ops,
    /// Tells everybody outside.
    Comms,
    /// Writes down.
    Scribe,
}

impl Duty {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Commander, Self::Ops, Self::Comms, Self::Scribe];

    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Ops => "ops",
            Self::Comms => "comms",
            Self::Scribe => "scribe",
        }
    }
}

impl std::fmt::Display for Duty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Duty {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|duty| duty.as_str().eq_ignore_ascii_case(typed))
            .ok_or_else(|| "commander, ops, comms or scribe".to_owned())
    }
}

/// Whether somebody has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alertness {
    /// Nobody has.
    Waiting {
        /// Grows each time that an acknowledgement decays.
        round: u32,
        /// Since when.
        since: Timestamp,
        /// Pages of this round.
        pages: u32,
    },
    /// Somebody has.
    Acknowledged {
        /// Of the waiting before it.
        round: u32,
        /// Who, as in the configuration.
        by: String,
        /// When.
        at: Timestamp,
        /// When a person last did something in it.
        word: Timestamp,
        /// It holds at least until then.
        snoozed: Option<Timestamp>,
    },
}

/// "No change" was said too often in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"no change\" was said {UNCHANGED_IN_A_ROW} times in a row: say something")]
pub struct TooQuiet;

/// One incident's way along the schedule. Facts alone: what is owed is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// As it was configured at the opening: a change of the configuration changes no incident that is open.
    pub schedule: Policy,
    /// Minute 0, for ever.
    pub opened: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Since when it is so bad, or open again.
    pub since: Timestamp,
    /// Grows with each change of severity and each reopening.
    pub epoch: u32,
    /// Whether it is about security.
    pub security: bool,
    /// Whether somebody has it.
    pub alertness: Alertness,
    /// Who answered first, and when.
    pub answered: Option<(String, Timestamp)>,
    /// Steps of the present ladder that were taken, or passed over.
    pub taken: BTreeSet<usize>,
    /// How loudly each rung has been told.
    pub told: BTreeMap<Rung, Way>,
    /// How often nobody was left.
    pub left: u32,
    /// Who has which duty.
    pub duties: BTreeMap<Duty, String>,
    /// How often open duties were named.
    pub nudges: u32,
    /// The last moment of the status grid that was looked at.
    pub reminded: Option<Timestamp>,
    /// The last slot of the status grid that an update stands for.
    pub updated: Option<Timestamp>,
    /// "No change" in a row.
    pub unchanged: u8,
    /// When it ended.
    pub resolved: Option<Timestamp>,
}

fn later(at: Timestamp, by: Period) -> Timestamp {
    at.saturating_add(Duration::from(by)).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: Period) -> Timestamp {
    at.saturating_sub(Duration::from(by)).unwrap_or(Timestamp::MIN)
}

fn times(period: Period, number: u32) -> Period {
    Period::seconds(period.as_secs().saturating_mul(number))
}

impl Course {
    /// A new one.
    #[must_use]
    pub const fn open(schedule: Policy, severity: Severity, security: bool, opened: Timestamp) -> Self {
        Self {
            schedule,
            opened,
            severity,
            since: opened,
            epoch: 0,
            security,
            alertness: Alertness::Waiting { round: 0, since: opened, pages: 0 },
            answered: None,
            taken: BTreeSet::new(),
            told: BTreeMap::new(),
            left: 0,
            duties: BTreeMap::new(),
            nudges: 0,
            reminded: None,
            updated: None,
            unchanged: 0,
            resolved: None,
        }
    }

    /// That of the present severity.
    #[must_use]
    pub const fn ladder(&self) -> &Ladder {
        self.schedule.ladder(self.severity)
    }

    /// Whether somebody has it.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        matches!(self.alertness, Alertness::Acknowledged { .. })
    }

    /// What is owed next, now or later; `None` once it is resolved or nothing is owed ever again.
    #[must_use]
    pub fn next(&self, quiet: Option<&Quiet>) -> Option<Due> {
        if self.resolved.is_some() {
            return None;
        }
        // What is medium waits for the morning.
        let held = |at: Timestamp| match (self.severity, quiet) {
            (Severity::P2, Some(quiet)) => quiet.after(at),
            (Severity::P0 | Severity::P1 | Severity::P2, _) => at,
        };
        let called = [self.next_step(), self.next_page(), self.next_left(held)];
        let called = called.into_iter().flatten().map(|due| Due { at: held(due.at), ..due });
        let others = [self.decay(), self.next_status(), self.next_nudge()];
        called
            .chain(others.into_iter().flatten())
            .min_by(|a, b| a.at.cmp(&b.at).then_with(|| a.what.cmp(&b.what)))
    }

    /// Everything that is owed at `now`, in the order of time, and taken note of.
    pub fn owed(&mut self, now: Timestamp, quiet: Option<&Quiet>) -> Vec<Due> {
        let mut owed = Vec::new();
        while let Some(due) = self.next(quiet).filter(|due| due.at <= now) {
            self.take(&due);
            owed.push(due);
        }
        owed
    }

    /// It is done.
    fn take(&mut self, due: &Due) {
        if let Some((super::Recipient::Rung(rung), way)) = due.what.tells() {
            let told = self.told.entry(rung).or_insert(way);
            *told = way.max(*told);
        }
        match &due.what {
            What::Decay => {
                let (Alertness::Acknowledged { round, .. } | Alertness::Waiting { round, .. }) =
                    &self.alertness;
                self.alertness = Alertness::Waiting { round: round + 1, since: due.at, pages: 0 };
            }
            What::Step { index, .. } => {
                self.taken.insert(*index);
            }
            What::Repage { number, .. } => {
                if let Alertness::Waiting { pages, .. } = &mut self.alertness {
                    *pages = number + 1;
                }
            }
            What::NobodyLeft { number, .. } => self.left = number + 1,
            What::Status { slot, phase } => self.reminded = Some(moment(*slot, *phase)),
            What::Unclaimed { number, .. } => self.nudges = number + 1,
        }
    }

    fn applies(&self, step: &Step) -> bool {
        match step.only {
            Only::Unresolved => true,
            // Of the ladder, and so not again when an acknowledgement decays.
            Only::Unacknowledged => matches!(self.alertness, Alertness::Waiting { round: 0, .. }),
            Only::Security => self.security,
        }
    }

    fn next_step(&self) -> Option<Due> {
        let open = self.ladder().steps.iter().enumerate();
        let open = open.filter(|(index, step)| !self.taken.contains(index) && self.applies(step));
        open.map(|(index, step)| Due {
            at: later(self.opened, Period::seconds(step.after)).max(self.since),
            what: What::Step { index, tell: step.tell, how: step.how },
        })
        .min_by(|a, b| a.at.cmp(&b.at).then_with(|| a.what.cmp(&b.what)))
    }

    fn next_page(&self) -> Option<Due> {
        let Alertness::Waiting { round, since, pages } = self.alertness else { return None };
        let every = self.ladder().repage_every?;
        let first = if round == 0 { later(self.opened, self.ladder().respond_within) } else { since };
        Some(Due { at: later(first, times(every, pages)), what: What::Repage { round, number: pages } })
    }

    /// Counted from when the last step is taken, which may wait for the morning.
    fn next_left(&self, held: impl Fn(Timestamp) -> Timestamp) -> Option<Due> {
        let last = self.ladder().last(self.security)?;
        let end = held(later(self.opened, Period::seconds(last.after)).max(self.since));
        let at = later(end, times(NOBODY_LEFT_EVERY, self.left + 1));
        Some(Due { at, what: What::NobodyLeft { tell: last.tell, number: self.left } })
    }

    fn decay(&self) -> Option<Due> {
        let Alertness::Acknowledged { word, snoozed, .. } = &self.alertness else { return None };
        let at = later(*word, self.ladder().acknowledgement_holds?);
        // A ladder on which it would have been worth nothing for long begins now, and owes no pages of before.
        let at = snoozed.map_or(at, |until| at.max(until)).max(self.since);
        Some(Due { at, what: What::Decay })
    }

    /// The next moment of the grid after the last one looked at whose slot no update stands for.
    fn next_status(&self) -> Option<Due> {
        let every = self.ladder().status_every?;
        let number = |at: Timestamp| slots(self.opened, at, every);
        let first = self.updated.map_or(0, |slot| number(slot) + 1);
        // A slot's last moment is five minutes after it, before the next one's first.
        let from = self.reminded.map_or(0, |at| number(at).saturating_sub(1)).max(first);
        (from..=from + 3).find_map(|slot| {
            let slot = later(self.opened, times(every, slot));
            let phases = [Phase::Soon, Phase::Now, Phase::Missed].into_iter();
            let open = phases.map(|phase| (moment(slot, phase), phase)).find(|(at, phase)| {
                let is_told = match phase {
                    // Nobody could be warned before the opening.
                    Phase::Soon => slot > self.opened,
                    Phase::Now => true,
                    // It was not asked for then.
                    Phase::Missed => slot >= self.since,
                };
                self.reminded.is_none_or(|reminded| *at > reminded) && is_told
            });
            open.map(|(at, phase)| Due { at: at.max(self.since), what: What::Status { slot, phase } })
        })
    }

    fn next_nudge(&self) -> Option<Due> {
        self.ladder().status_every?;
        let open =
            || Duty::ALL.into_iter().filter(|duty| !self.duties.contains_key(duty)).collect::<Vec<_>>();
        if self.nudges >= NUDGES || open().is_empty() {
            return None;
        }
        let at = later(self.opened, times(NUDGED_EVERY, self.nudges + 1)).max(self.since);
        Some(Due { at, what: What::Unclaimed { duties: open(), number: self.nudges } })
    }

    /// Somebody has it. `false` if somebody had.
    pub fn acknowledge(&mut self, by: &str, now: Timestamp) -> bool {
        match &mut self.alertness {
            Alertness::Acknowledged { word, .. } => {
                *word = now.max(*word);
                false
            }
            Alertness::Waiting { round, .. } => {
                self.answered.get_or_insert_with(|| (by.to_owned(), now));
                let (by, snoozed) = (by.to_owned(), None);
                self.alertness = Alertness::Acknowledged { round: *round, by, at: now, word: now, snoozed };
                true
            }
        }
    }

    /// A person did something in it: what was acknowledged stays so.
    pub fn word(&mut self, now: Timestamp) {
        if let Alertness::Acknowledged { word, .. } = &mut self.alertness {
            *word = now.max(*word);
        }
    }

    /// Somebody has it, and says nothing before `until`. The ladder goes on.
    pub fn snooze(&mut self, by: &str, now: Timestamp, until: Timestamp) {
        self.acknowledge(by, now);
        if let Alertness::Acknowledged { snoozed, .. } = &mut self.alertness {
            *snoozed = Some(until);
        }
    }

    /// It is worse, or less bad, than it was. Every minute counts from the first opening. What is past and was never
    /// told a rung is told it once, now; what was told is not told again.
    pub fn set_severity(&mut self, severity: Severity, now: Timestamp) {
        self.severity = severity;
        self.begin_anew(now);
    }

    /// It was not over. Somebody has to say again that they have it.
    pub fn reopen(&mut self, now: Timestamp) {
        self.resolved = None;
        let (Alertness::Acknowledged { round, .. } | Alertness::Waiting { round, .. }) = &self.alertness;
        self.alertness = Alertness::Waiting { round: round + 1, since: now, pages: 0 };
        self.begin_anew(now);
    }

    fn begin_anew(&mut self, now: Timestamp) {
        self.epoch += 1;
        self.since = now;
        self.left = 0;
        let elapsed = |step: &Step| later(self.opened, Period::seconds(step.after)) <= now;
        let steps = &self.schedule.ladder(self.severity).steps;
        let mut loudest: BTreeMap<Rung, (Way, usize)> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate().filter(|(_, step)| elapsed(step) && self.applies(step))
        {
            let best = loudest.entry(step.tell).or_insert((step.how, index));
            *best = (step.how, index).max(*best);
        }
        let owed =
            loudest.iter().filter(|(rung, (way, _))| self.told.get(rung).is_none_or(|told| told < way));
        let owed: BTreeSet<usize> = owed.map(|(_, (_, index))| *index).collect();
        let past = steps.iter().enumerate().filter(|(_, step)| elapsed(step)).map(|(index, _)| index);
        self.taken = past.filter(|index| !owed.contains(index)).collect();
        let ladder = self.schedule.ladder(self.severity);
        if let Alertness::Waiting { round: 1.., since, pages } = &mut self.alertness {
            (*since, *pages) = (now, 0);
        }
        if let (Alertness::Waiting { round: 0, pages, .. }, Some(every)) =
            (&mut self.alertness, ladder.repage_every)
        {
            // The page that this severity begins with is owed already; the next one comes by its grid.
            let first = later(self.opened, ladder.respond_within);
            *pages = if first > now { 0 } else { slots(first, now, every) + 1 };
        }
        if let Some(every) = ladder.status_every {
            let slot = later(self.opened, times(every, slots(self.opened, now, every)));
            // One update for what was missed, however much that is.
            self.reminded = (slot > self.opened).then(|| earlier(slot, Period::seconds(1)));
        }
    }

    /// Everybody outside was told. An update that comes early stands for the slot before it, not for later ones.
    pub fn status_posted(&mut self, now: Timestamp) {
        self.unchanged = 0;
        self.stand(now);
        self.word(now);
    }

    /// The same as before: told by one tap.
    ///
    /// # Errors
    /// When it was said too often in a row; nothing is changed.
    pub fn status_unchanged(&mut self, now: Timestamp) -> Result<(), TooQuiet> {
        if self.unchanged >= UNCHANGED_IN_A_ROW {
            return Err(TooQuiet);
        }
        self.unchanged += 1;
        self.stand(now);
        self.word(now);
        Ok(())
    }

    fn stand(&mut self, now: Timestamp) {
        let Some(every) = self.ladder().status_every else { return };
        let reached = slots(self.opened, now, every);
        let next = self.updated.map_or(0, |slot| slots(self.opened, slot, every) + 1);
        // Overdue: one update stands for all that were missed. Else it stands for the slot to come, and only once.
        let stands_for = if next <= reached { reached } else { next.min(reached + 1) };
        self.updated = Some(later(self.opened, times(every, stands_for)));
    }

    /// Somebody takes a duty; who had it before.
    pub fn assign(&mut self, duty: Duty, person: &str) -> Option<String> {
        self.duties.insert(duty, person.to_owned())
    }

    /// It is over.
    pub fn resolve(&mut self, now: Timestamp) {
        self.resolved = Some(now);
    }
}

/// Whole periods from `from` to `at`; 0 before `from`.
fn slots(from: Timestamp, at: Timestamp, every: Period) -> u32 {
    let elapsed = at.duration_since(from).as_secs().max(0);
    u32::try_from(elapsed / i64::from(every.as_secs().max(1))).unwrap_or(u32::MAX)
}

fn moment(slot: Timestamp, phase: Phase) -> Timestamp {
    match phase {
        Phase::Soon => earlier(slot, WARNED_BEFORE),
        Phase::Now => slot,
        Phase::Missed => later(slot, MISSED_AFTER),
    }
}
