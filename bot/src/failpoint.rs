//! Points at which a test may let the process die, to see that nothing is lost or done twice.
//!
//! Only a build with the feature `failpoints` has them; in any other [`hit`] is nothing.

/// Where it may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A vote is stored and nothing was made of it.
    AfterVote,
    /// Everything was read again, and nothing is written.
    BeforeBegin,
    /// The run is begun and no step is.
    AfterBegin,
    /// A step is written down and not done.
    AfterStepBegun,
    /// A step is done and its outcome is not written down.
    AfterStepActed,
    /// A step's outcome is written down.
    AfterStepEnded,
    /// Every step is done and nothing is proved.
    BeforeProof,
    /// The proof is there and the end is not written down.
    BeforeEnd,
    /// The end is written down.
    AfterEnd,
    /// What an incident owes is decided and nothing of it is stored.
    BeforeTelling,
    /// What an incident owes is stored and nothing of it is sent.
    AfterTelling,
    /// A page is claimed and not posted.
    BeforePage,
    /// A page is posted and nobody has written that down.
    AfterPage,
}

impl Failpoint {
    /// In the order in which an execution meets them.
    pub const EXECUTION: [Self; 9] = [
        Self::AfterVote,
        Self::BeforeBegin,
        Self::AfterBegin,
        Self::AfterStepBegun,
        Self::AfterStepActed,
        Self::AfterStepEnded,
        Self::BeforeProof,
        Self::BeforeEnd,
        Self::AfterEnd,
    ];

    /// In the order in which the schedule meets them.
    pub const SCHEDULE: [Self; 2] = [Self::BeforeTelling, Self::AfterTelling];

    /// In the order in which a page meets them.
    pub const PAGE: [Self; 2] = [Self::BeforePage, Self::AfterPage];

    /// The word by which a test names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AfterVote => "after-vote",
            Self::BeforeBegin => "before-begin",
            Self::AfterBegin => "after-begin",
            Self::AfterStepBegun => "after-step-begun",
            Self::AfterStepActed => "after-step-acted",
            Self::AfterStepEnded => "after-step-ended",
            Self::BeforeProof => "before-proof",
            Self::BeforeEnd => "before-end",
            Self::AfterEnd => "after-end",
            Self::BeforeTelling => "before-telling",
            Self::AfterTelling => "after-telling",
            Self::BeforePage => "before-page",
            Self::AfterPage => "after-page",
        }
    }
}

/// Dies here, without any goodbye, if this is the point that was set; or stands still, the first time, if it was set with
/// the word `stop` before it.
#[cfg(feature = "failpoints")]
pub fn hit(point: Failpoint) {
    use nix::sys::signal::{Signal, raise};
    static STOOD: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let Some(set) = crate::config::failpoint() else { return };
    if set == point.as_str() {
        std::process::abort();
    }
    let stands = set.strip_prefix("stop ") == Some(point.as_str());
    if stands && !STOOD.swap(true, std::sync::atomic::Ordering::SeqCst) {
        // The process goes on when somebody continues it; nothing else can come of it.
        let _ = raise(Signal::SIGSTOP);
    }
}

/// Dies here, if this is the point that was set: in this build none ever is.
#[cfg(not(feature = "failpoints"))]
pub const fn hit(_point: Failpoint) {}
