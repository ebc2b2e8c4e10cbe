//! Whether the connection to the gateway still gets anywhere, judged by the few signs that serenity gives.
//!
//! serenity limits neither the time that a connection's handshakes take nor the wait for RESUMED, and while
//! it connects anew to resume a session it goes on saying that it is connected. So a connection is watched
//! from the moment at which serenity dials. READY or RESUMED tell that it got there; events and the
//! acknowledgements of heartbeats tell that it is still there.

use std::time::{Duration, Instant};

use serenity::gateway::ConnectionStage;

/// From dialling to READY or RESUMED, or from one event to the next while missed ones are replayed. serenity
/// itself allows this much for HELLO alone, on a first connection.
const DIAL: Duration = Duration::from_secs(15);
/// Between two sessions serenity pauses for five to ten seconds.
const AWAY: Duration = Duration::from_secs(30);
/// Two and a half of Discord's heartbeats of 41.25 s: serenity should have missed an acknowledgement after two.
const SILENCE: Duration = Duration::from_millis(41_250 * 5 / 2);

/// What became of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is what serenity says it is.
    AsTold,
    /// It is being made anew, for this long without a word from Discord.
    Dials(Duration),
    /// It is made and nothing comes of it: give it up. An IDENTIFY may have been sent.
    Unanswered(&'static str),
    /// It got nowhere: give it up.
    Lost(&'static str),
}

/// The signs so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vigil {
    /// `None` once READY or RESUMED came.
    dialled: Option<Instant>,
    event: Instant,
    acknowledged: Instant,
    /// What the newest acknowledgement took, to the nanosecond: another value is another acknowledgement.
    latency: Option<Duration>,
    /// Since when serenity says that it is not connected.
    away: Option<Instant>,
}

impl Vigil {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { dialled: None, event: now, acknowledged: now, latency: None, away: None }
    }

    /// serenity begins to connect.
    pub(crate) const fn dials(&mut self, now: Instant) {
        self.dialled = Some(now);
    }

    /// An event came. `is_first`: READY or RESUMED.
    pub(crate) const fn hears(&mut self, is_first: bool, now: Instant) {
        self.event = now;
        if is_first {
            self.dialled = None;
        }
    }

    /// Judges by what serenity tells of its connection now.
    pub(crate) fn look(
        &mut self,
        stage: ConnectionStage,
        latency: Option<Duration>,
        now: Instant,
    ) -> Verdict {
        if latency.is_some() && latency != self.latency {
            self.latency = latency;
            self.acknowledged = now;
        }
        let is_connected = stage == ConnectionStage::Connected;
        self.away = if is_connected { None } else { self.away.or(Some(now)) };
        let past = |since: Instant| now.saturating_duration_since(since);
        let dials = self.dialled.map(|dialled| past(dialled.max(self.event)));
        if dials.is_some_and(|waited| waited >= DIAL) {
            let resumes = matches!(stage, ConnectionStage::Connected | ConnectionStage::Resuming);
            let why = "Discord's gateway did not answer a new connection for 15 s";
            return if resumes { Verdict::Lost(why) } else { Verdict::Unanswered(why) };
        }
        if self.away.is_some_and(|away| past(away) >= AWAY) {
            return Verdict::Lost("Discord's gateway was not reached for 30 s");
        }
        if past(self.event.max(self.acknowledged)) >= SILENCE {
            return Verdict::Lost("Discord's gateway said nothing for 100 s, not even to heartbeats");
        }
        dials.map_or(Verdict::AsTold, Verdict::Dials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Option<Duration> = Some(Duration::from_millis(30));

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_first_connection_has_15_seconds_to_its_first_event() {
        let start = Instant::now();
        let mut vigil = Vigil::new(start);
        let look = |vigil: &mut Vigil, after| {
            vigil.look(ConnectionStage::Disconnected, None, start + seconds(after))
        };
        assert_eq!(look(&mut vigil, 0), Verdict::AsTold);
        vigil.dials(start + seconds(1));
        assert_eq!(look(&mut vigil, 15), Verdict::Dials(seconds(14)));
        assert!(matches!(look(&mut vigil, 16), Verdict::Unanswered(_)));
    }

    #[test]
    fn a_resume_that_stalls_is_noticed_although_serenity_says_that_it_is_connected() {
        let start = Instant::now();
        let mut vigil = Vigil::new(start);
        let look = |vigil: &mut Vigil, after| {
            vigil.look(ConnectionStage::Connected, LATENCY, start + seconds(after))
        };
        vigil.dials(start + seconds(20));
        assert_eq!(look(&mut vigil, 23), Verdict::Dials(seconds(3)));
        vigil.hears(false, start + seconds(30));
        assert_eq!(look(&mut vigil, 44), Verdict::Dials(seconds(14)), "missed events are replayed");
        assert!(matches!(look(&mut vigil, 45), Verdict::Lost(_)));
        vigil.hears(true, start + seconds(45));
        assert_eq!(look(&mut vigil, 61), Verdict::AsTold, "resumed at last");
    }

    #[test]
    fn thirty_seconds_without_a_connection_are_enough() {
        let start = Instant::now();
        let mut vigil = Vigil::new(start);
        for second in (0..30).step_by(6) {
            vigil.dials(start + seconds(second));
            let verdict = vigil.look(ConnectionStage::Disconnected, None, start + seconds(second));
            assert_eq!(verdict, Verdict::Dials(Duration::ZERO), "refused connections are made again");
        }
        let verdict = vigil.look(ConnectionStage::Identifying, None, start + seconds(30));
        assert!(matches!(verdict, Verdict::Lost(_)), "{verdict:?}");
        let verdict = vigil.look(ConnectionStage::Connected, None, start + seconds(31));
        assert_eq!(verdict, Verdict::Dials(seconds(7)));
    }

    #[test]
    fn a_connection_lives_by_its_acknowledgements_alone() {
        let start = Instant::now();
        let mut vigil = Vigil::new(start);
        let mut look = |latency, after| {
            let latency = Some(Duration::from_nanos(latency));
            vigil.look(ConnectionStage::Connected, latency, start + seconds(after))
        };
        assert_eq!(look(1, 41), Verdict::AsTold);
        assert_eq!(look(2, 82), Verdict::AsTold);
        assert_eq!(look(2, 185), Verdict::AsTold);
        assert!(matches!(look(2, 186), Verdict::Lost(_)));
        assert_eq!(look(3, 187), Verdict::AsTold);
    }
}
