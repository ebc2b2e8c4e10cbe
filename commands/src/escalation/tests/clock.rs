//! Whatever the clock does. The course is compared with a reading of RUNBOOK's table minute by minute that knows
//! nothing of the code: it has a list of what was told, and a clock that it walks along.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What people do, and what happens to the clock and the process.
#[derive(Clone, Debug)]
enum Move {
    /// Minutes go by, one after another: the bot looks at each of them.
    Wait(i64),
    /// The clock jumps, forward or back, and the bot looks after it.
    Jump(i64),
    /// The process is started anew from what is stored.
    Restart,
    Acknowledge,
    Word,
    Snooze(i64),
    Severity(Severity),
    Resolve,
    Reopen,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let severity = prop::sample::select(Severity::ALL.to_vec());
    let one = prop_oneof![
        6 => (1..90_i64).prop_map(Move::Wait),
        2 => (60..600_i64).prop_map(Move::Jump),
        2 => (1..600_i64).prop_map(|minutes| Move::Jump(-minutes)),
        1 => Just(Move::Jump(-1)),
        2 => Just(Move::Restart),
        3 => Just(Move::Acknowledge),
        2 => Just(Move::Word),
        1 => (1..120_i64).prop_map(Move::Snooze),
        2 => severity.prop_map(Move::Severity),
        1 => Just(Move::Resolve),
        1 => Just(Move::Reopen),
    ];
    prop::collection::vec(one, 0..24)
}

/// One row of the table: minute, who, how, on what condition.
type Row = (i64, Rung, Way, Only);

/// The table, as it is printed: steps; the response target; re-pages; how long an acknowledgement holds.
fn table(severity: Severity) -> (Vec<Row>, i64, Option<i64>, Option<i64>) {
    use Only::{Security, Unacknowledged, Unresolved};
    use Rung::{Cto, DevopsLead, EngineeringManager, OnCall};
    use Way::{Notify, Page};
    match severity {
        Severity::P0 => (
            vec![
                (0, OnCall, Page, Unresolved),
                (0, EngineeringManager, Notify, Unresolved),
                (0, Cto, Notify, Security),
                (0, Rung::Security, Page, Security),
                (5, DevopsLead, Notify, Unacknowledged),
                (30, DevopsLead, Page, Unresolved),
                (60, EngineeringManager, Page, Unresolved),
                (120, Cto, Page, Unresolved),
            ],
            5,
            Some(5),
            Some(15),
        ),
        Severity::P1 => (
            vec![
                (0, OnCall, Page, Unresolved),
                (30, DevopsLead, Page, Unresolved),
                (30, Cto, Notify, Security),
                (30, Rung::Security, Page, Security),
                (120, DevopsLead, Page, Unresolved),
                (240, EngineeringManager, Page, Unresolved),
                (480, Cto, Notify, Unresolved),
            ],
            15,
            Some(15),
            Some(60),
        ),
        Severity::P2 => (
            vec![
                (0, OnCall, Notify, Unresolved),
                (120, OnCall, Page, Unacknowledged),
                (240, DevopsLead, Page, Unresolved),
            ],
            120,
            None,
            None,
        ),
    }
}

struct Model {
    severity: Severity,
    security: bool,
    epoch: u32,
    /// Since when it is so bad, or open again.
    since: i64,
    /// Names of what was told, for ever.
    told: BTreeSet<(u32, String)>,
    loudest: BTreeMap<Rung, Way>,
    /// The last word of a person and the end of a snooze, while somebody has it.
    answered: Option<(i64, i64)>,
    round: u32,
    round_since: i64,
    resolved: bool,
    clock: i64,
    heard: Vec<(i64, String)>,
}

impl Model {
    fn open(severity: Severity, security: bool) -> Self {
        Self {
            severity,
            security,
            epoch: 0,
            since: 0,
            told: BTreeSet::new(),
            loudest: BTreeMap::new(),
            answered: None,
            round: 0,
            round_since: 0,
            resolved: false,
            clock: 0,
            heard: Vec::new(),
        }
    }

    fn applies(&self, only: Only) -> bool {
        match only {
            Only::Unresolved => true,
            Only::Unacknowledged => self.round == 0 && self.answered.is_none(),
            Only::Security => self.security,
        }
    }

    fn tell(&mut self, minute: i64, name: String, whom: Option<(Rung, Way)>) {
        if self.told.insert((self.epoch, name.clone())) {
            self.heard.push((minute, name));
            if let Some((rung, way)) = whom {
                let loudest = self.loudest.entry(rung).or_insert(way);
                *loudest = way.max(*loudest);
            }
        }
    }

    /// One minute of the clock, whether it was lived through before or not.
    fn minute(&mut self, minute: i64) {
        if self.resolved {
            return;
        }
        let (steps, target, every, holds) = table(self.severity);
        if let (Some((word, snoozed)), Some(holds)) = (self.answered, holds)
            && minute >= (word + holds).max(snoozed).max(self.since)
        {
            self.heard.push((minute, "decay".to_owned()));
            (self.answered, self.round, self.round_since) = (None, self.round + 1, minute);
        }
        for (index, (after, rung, way, only)) in steps.iter().enumerate() {
            if minute >= (*after).max(self.since) && self.applies(*only) {
                self.tell(minute, format!("step/{index}"), Some((*rung, *way)));
            }
        }
        if let (None, Some(every)) = (self.answered, every) {
            let first = if self.round == 0 { target } else { self.round_since };
            if minute >= first && (minute - first) % every == 0 {
                let name = format!("page/{}/{}", self.round, (minute - first) / every);
                self.tell(minute, name, Some((Rung::OnCall, Way::Page)));
            }
        }
        let lasting = |row: &&Row| row.3 == Only::Unresolved || (row.3 == Only::Security && self.security);
        let last = steps.iter().rfind(lasting).expect("a last one");
        let end = last.0.max(self.since);
        if minute > end && (minute - end) % 15 == 0 {
            self.tell(minute, format!("left/{}", (minute - end) / 15 - 1), Some((last.1, Way::Page)));
        }
    }

    /// The clock shows `minute` now: what it goes through on the way is lived through, what it goes back over is not.
    fn look(&mut self, minute: i64) {
        for minute in self.clock..=minute {
            self.minute(minute);
        }
        self.clock = minute;
    }

    /// The ladder is another one from now on: of what is past in it, each role hears the loudest, if it is louder than
    /// all that it has heard.
    fn begin_anew(&mut self) {
        self.epoch += 1;
        self.since = self.clock;
        let (steps, target, every, _) = table(self.severity);
        let past: Vec<(usize, Row)> =
            steps.into_iter().enumerate().filter(|(_, step)| step.0 <= self.clock).collect();
        for (index, (_, rung, way, _)) in &past {
            let rivals = past.iter().filter(|(_, other)| other.1 == *rung && self.applies(other.3));
            let loudest = rivals.map(|(other, row)| (row.2, *other)).max();
            let is_news = self.loudest.get(rung).is_none_or(|heard| heard < way);
            if loudest != Some((*way, *index)) || !is_news {
                self.told.insert((self.epoch, format!("step/{index}")));
            }
        }
        self.round_since = self.clock;
        if let Some(every) = every
            && self.round == 0
            && self.clock >= target
        {
            // The page that this severity begins with stands for the ones before it.
            for number in 0..=(self.clock - target) / every {
                self.told.insert((self.epoch, format!("page/0/{number}")));
            }
        }
    }

    fn apply(&mut self, act: &Move) {
        let now = self.clock;
        match act {
            Move::Acknowledge => match &mut self.answered {
                Some((word, _)) => *word = now.max(*word),
                None => self.answered = Some((now, i64::MIN)),
            },
            Move::Word => {
                if let Some((word, _)) = &mut self.answered {
                    *word = now.max(*word);
                }
            }
            Move::Snooze(minutes) => {
                let word = self.answered.map_or(now, |(word, _)| now.max(word));
                self.answered = Some((word, now + minutes));
            }
            Move::Severity(severity) => {
                self.severity = *severity;
                self.begin_anew();
            }
            Move::Resolve => self.resolved = true,
            Move::Reopen => {
                (self.resolved, self.answered, self.round) = (false, None, self.round + 1);
                self.begin_anew();
            }
            Move::Wait(_) | Move::Jump(_) | Move::Restart => {}
        }
    }
}

fn moment(minute: i64) -> Timestamp {
    at(0.0) + SignedDuration::from_mins(minute)
}

fn act(course: &mut Course, act: &Move, now: Timestamp) {
    match act {
        Move::Acknowledge => {
            course.acknowledge("Bo", now);
        }
        Move::Word => course.word(now),
        Move::Snooze(minutes) => course.snooze("Bo", now, now + SignedDuration::from_mins(*minutes)),
        Move::Severity(severity) => course.set_severity(*severity, now),
        Move::Resolve => course.resolve(now),
        Move::Reopen => course.reopen(now),
        Move::Wait(_) | Move::Jump(_) | Move::Restart => {}
    }
}

/// What happened in both, and whether anything of it was told twice.
struct Both {
    course: Course,
    model: Model,
    heard: Vec<(i64, String)>,
    names: BTreeSet<(u32, String)>,
}

impl Both {
    fn look(&mut self, minute: i64) -> Result<(), TestCaseError> {
        let behind = minute < self.model.clock;
        self.model.look(minute);
        let owed = self.course.owed(moment(minute), None);
        prop_assert!(!behind || owed.is_empty(), "the clock went back, and {owed:?} is owed");
        for due in owed {
            let key = due.what.key();
            let first = self.names.insert((self.course.epoch, key.clone()));
            prop_assert!(first || due.what == What::Decay, "{due:?} again");
            prop_assert!(due.at <= moment(minute), "{due:?} before its time");
            if calls(&due.what) {
                self.heard.push((due.at.duration_since(at(0.0)).as_mins(), key));
            }
        }
        let (mut found, mut expected) = (self.heard.clone(), self.model.heard.clone());
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected, "at {}, epoch {}", minute, self.course.epoch);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Forward, back, and started anew: each rung is told once, at its minute or after a jump over it, and what the
    /// clock goes back over is not told again.
    #[test]
    fn whatever_the_clock_does_each_rung_is_told_once(
        severity in prop::sample::select(Severity::ALL.to_vec()),
        security: bool,
        moves in moves(),
    ) {
        let (course, model) = (opened(severity, security), Model::open(severity, security));
        let mut both = Both { course, model, heard: Vec::new(), names: BTreeSet::new() };
        both.look(0)?;
        for one in moves {
            let clock = both.model.clock;
            match &one {
                Move::Wait(minutes) => {
                    for minute in clock + 1..=clock + minutes {
                        both.look(minute)?;
                    }
                }
                Move::Jump(minutes) => both.look((clock + minutes).max(0))?,
                Move::Restart => {
                    let stored = serde_json::to_string(&both.course).unwrap();
                    both.course = serde_json::from_str(&stored).unwrap();
                }
                Move::Severity(to) if both.model.resolved || *to == both.model.severity => {}
                Move::Reopen if !both.model.resolved => {}
                Move::Acknowledge | Move::Word | Move::Snooze(_) | Move::Resolve
                    if both.model.resolved => {}
                people => {
                    act(&mut both.course, people, moment(clock));
                    both.model.apply(people);
                }
            }
            both.look(both.model.clock)?;
        }
    }
}
