//! The group `incident`.

use clap::value_parser;

use super::acting::{Words, typed_words};
use super::{push_both, push_option};
use crate::escalation::Duty;
use crate::ids::ServiceName;
use crate::incident::{IncidentNumber, Severity};
use crate::oncall::{Rung, Who};
use crate::period::Period;
use crate::verb::Verb;

/// How long an incident may be snoozed.
pub const SNOOZE: (Period, Period) = (Period::minutes(1), Period::hours(4));

/// Which incident is meant; without it that of the channel or thread, or the only open one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Which {
    /// Its number.
    #[arg(long, value_name = "N", help = "Which one", value_parser = number)]
    pub number: Option<IncidentNumber>,
}

/// Incidents, from "something is wrong" to "this is what happened".
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum IncidentAsk {
    /// Opens one.
    #[command(
        about = "Open an incident",
        long_about = "Opens an incident here: P0 critical, P1 high, P2 medium. The on-call is paged at once, the next rungs by the \
                      severity's schedule until it is resolved. Inside an open incident a change of one service needs your \
                      confirmation alone; inside an open P0 the glass can be broken. --service says what it is about, \
                      --security tells the security team, --drill marks an exercise.",
        after_help = "incident open P1 'logins fail'\nincident open P0 'database is gone' --service auth_service\nincident open P0 'token leaked' --security"
    )]
    Open {
        /// How bad it is.
        #[arg(value_name = "SEVERITY", help = "P0, P1 or P2", value_parser = value_parser!(Severity))]
        severity: Severity,
        /// In a few words.
        #[arg(value_name = "TITLE", help = "In a few words", value_parser = typed_words)]
        title: Words,
        /// What it is about.
        #[arg(long, value_name = "SERVICE", help = "What it is about")]
        service: Option<ServiceName>,
        /// Whether it is an attack.
        #[arg(long, help = "An attack or a leak")]
        security: bool,
        /// Whether it is an exercise.
        #[arg(long, help = "An exercise")]
        drill: bool,
    },
    /// Somebody has it.
    #[command(
        about = "Say that you have it",
        long_about = "Acknowledges the incident: the on-call is not paged again. The next rungs are still called at their minutes, \
                      since only resolving ends that. Without a command, a click or a status post of a person the \
                      acknowledgement decays (P0 after 15 minutes, P1 after 60) and paging begins anew.",
        after_help = "incident ack\nincident ack --number 7"
    )]
    Ack {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// What is going on.
    #[command(
        about = "Say what is going on",
        long_about = "Puts a few words on the timeline and on the incident's card for everybody who works on it. It is not published; \
                      incident status-page is.",
        after_help = "incident update 'the disk is full, making room'"
    )]
    Update {
        /// The words.
        #[arg(value_name = "TEXT", help = "In a few words", value_parser = typed_words)]
        text: Words,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// It is worse, or less bad.
    #[command(
        about = "Raise or lower the severity",
        long_about = "Changes the severity. Every minute still counts from the opening: rungs whose minute is past and who were not \
                      told yet are told at once, told ones are not told again. Lowering needs a reason.",
        after_help = "incident severity P0\nincident severity P2 'logins work again, mails are late'"
    )]
    Severity {
        /// The new one.
        #[arg(value_name = "SEVERITY", help = "P0, P1 or P2", value_parser = value_parser!(Severity))]
        severity: Severity,
        /// Why.
        #[arg(value_name = "WHY", help = "Why; needed to lower", value_parser = typed_words)]
        why: Option<Words>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Who does what.
    #[command(
        about = "Give somebody a duty",
        long_about = "Gives a duty to somebody: the commander decides, ops mends, comms tells everybody outside, the scribe writes \
                      down. Duties that nobody has are named five times.",
        after_help = "incident assign commander bo\nincident assign comms Cy"
    )]
    Assign {
        /// What.
        #[arg(value_name = "DUTY", help = "commander, ops, ...", value_parser = value_parser!(Duty))]
        duty: Duty,
        /// Who.
        #[arg(value_name = "WHO", help = "@somebody, or a name", value_parser = value_parser!(Who))]
        who: Who,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// From one person to another.
    #[command(
        about = "Hand it over, or accept it",
        long_about = "Asks somebody to take the incident over. It is theirs, with every duty that was yours, once they accept: by the \
                      button, or by incident handoff without a name.",
        after_help = "incident handoff ada\nincident handoff"
    )]
    Handoff {
        /// To whom; nobody: accepts what was handed over.
        #[arg(value_name = "WHO", help = "@somebody, or accept", value_parser = value_parser!(Who))]
        who: Option<Who>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// The next rung, now.
    #[command(
        about = "Page the next rung now",
        long_about = "Pages a rung of escalation now, without waiting for its minute: on_call, devops_lead, engineering_manager, cto or \
                      security. Without one it is the next that has not been paged.",
        after_help = "incident escalate\nincident escalate cto"
    )]
    Escalate {
        /// Which rung.
        #[arg(value_name = "RUNG", help = "devops_lead, cto, ...", value_parser = value_parser!(Rung))]
        rung: Option<Rung>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Quiet for a while.
    #[command(
        about = "Acknowledge for a while",
        long_about = "Acknowledges the incident for so long, whether somebody says a word meanwhile or not. The ladder and the status \
                      updates go on.",
        after_help = "incident snooze 15m"
    )]
    Snooze {
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 15m", value_parser = Period::within(SNOOZE.0, SNOOZE.1))]
        length: Period,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// For the timeline.
    #[command(
        about = "Note something on the timeline",
        long_about = "Puts a note on the timeline: what was seen, tried, or decided, such as the runbook's checks of query caching and of \
                      rate limits that people make by hand.",
        after_help = "incident note 'query cache: hit ratio 0.2, was 0.9'"
    )]
    Note {
        /// The words.
        #[arg(value_name = "TEXT", help = "In a few words", value_parser = typed_words)]
        text: Words,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// For everybody outside.
    #[command(
        about = "Publish a status update",
        long_about = "Publishes the words on the public status page, and to the webhook where one is configured. It stands for the \
                      status update that is due. --no-change says the same as before instead, twice in a row at most.",
        after_help = "incident status-page 'Logins fail for some users. We work on it.'\nincident status-page --no-change"
    )]
    StatusPage {
        /// The words.
        #[arg(value_name = "TEXT", help = "For everybody outside", value_parser = typed_words, required_unless_present = "no_change")]
        text: Option<Words>,
        /// The same as before.
        #[arg(long, help = "The same as before", conflicts_with = "text")]
        no_change: bool,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Ends one.
    #[command(
        about = "Resolve an incident",
        long_about = "Ends the incident with what mended it: nobody is called any more. Refused while the checks of its services fail; \
                      --anyway says why it is over all the same.",
        after_help = "incident resolve 'restarted auth_service'\nincident resolve 'a false alarm' --number 7"
    )]
    Resolve {
        /// What mended it.
        #[arg(value_name = "HOW", help = "What mended it", value_parser = typed_words)]
        how: Words,
        /// Although its services are not well.
        #[arg(long, value_name = "WHY", help = "Though checks fail", value_parser = typed_words)]
        anyway: Option<Words>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// It was not over.
    #[command(
        about = "Open it again",
        long_about = "Opens a resolved incident again, with its old minute 0: somebody has to acknowledge it anew.",
        after_help = "incident reopen --number 7"
    )]
    Reopen {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// How it stands.
    #[command(
        about = "How it stands",
        long_about = "Shows an incident: severity, age, who has it, duties, what was told to whom and what comes next.",
        after_help = "incident show\nincident show --number 7"
    )]
    Show {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Which there are.
    #[command(
        about = "Open incidents, then the last ones",
        long_about = "Lists the open incidents, the worst first, and then the last ten that ended.",
        after_help = "incident list"
    )]
    List,
    /// What happened.
    #[command(
        about = "What happened, in order",
        long_about = "Shows the timeline: every change, command, vote, page, alert, note and status post with its own time.",
        after_help = "incident timeline\nincident timeline --number 7"
    )]
    Timeline {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// What is to be learnt.
    #[command(
        about = "Draft the postmortem",
        long_about = "Makes a Markdown file of the incident: summary, impact, timeline, times to acknowledge and to resolve, how the \
                      schedule was kept, and room for action items.",
        after_help = "incident postmortem --number 7"
    )]
    Postmortem {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
}

impl IncidentAsk {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Open { .. } => Verb::IncidentOpen,
            Self::Ack { .. } => Verb::IncidentAck,
            Self::Update { .. } => Verb::IncidentUpdate,
            Self::Severity { .. } => Verb::IncidentSeverity,
            Self::Assign { .. } => Verb::IncidentAssign,
            Self::Handoff { .. } => Verb::IncidentHandoff,
            Self::Escalate { .. } => Verb::IncidentEscalate,
            Self::Snooze { .. } => Verb::IncidentSnooze,
            Self::Note { .. } => Verb::IncidentNote,
            Self::StatusPage { .. } => Verb::IncidentStatusPage,
            Self::Resolve { .. } => Verb::IncidentResolve,
            Self::Reopen { .. } => Verb::IncidentReopen,
            Self::Show { .. } => Verb::IncidentShow,
            Self::List => Verb::IncidentList,
            Self::Timeline { .. } => Verb::IncidentTimeline,
            Self::Postmortem { .. } => Verb::IncidentPostmortem,
        }
    }

    /// Which incident is meant; `None` where it is about none that is there.
    #[must_use]
    pub const fn which(&self) -> Option<Which> {
        match self {
            Self::Open { .. } | Self::List => None,
            Self::Ack { which }
            | Self::Update { which, .. }
            | Self::Severity { which, .. }
            | Self::Assign { which, .. }
            | Self::Handoff { which, .. }
            | Self::Escalate { which, .. }
            | Self::Snooze { which, .. }
            | Self::Note { which, .. }
            | Self::StatusPage { which, .. }
            | Self::Resolve { which, .. }
            | Self::Reopen { which }
            | Self::Show { which }
            | Self::Timeline { which }
            | Self::Postmortem { which } => Some(*which),
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        let mut options = Vec::new();
        let mut given = Vec::new();
        match self {
            Self::Open { severity, title, service, security, drill } => {
                push_option(&mut options, "service", service.as_ref());
                options.extend(security.then(|| "--security".to_owned()));
                options.extend(drill.then(|| "--drill".to_owned()));
                given.extend([severity.to_string(), title.to_string()]);
            }
            Self::Update { text, .. } | Self::Note { text, .. } => given.push(text.to_string()),
            Self::Severity { severity, why, .. } => {
                given.push(severity.to_string());
                given.extend(why.as_ref().map(ToString::to_string));
            }
            Self::Assign { duty, who, .. } => given.extend([duty.to_string(), who.to_string()]),
            Self::Handoff { who, .. } => given.extend(who.as_ref().map(ToString::to_string)),
            Self::Escalate { rung, .. } => given.extend(rung.map(|rung| rung.key().to_owned())),
            Self::Snooze { length, .. } => given.push(length.to_string()),
            Self::StatusPage { text, no_change, .. } => {
                given.extend(text.as_ref().map(ToString::to_string));
                options.extend(no_change.then(|| "--no-change".to_owned()));
            }
            Self::Resolve { how, anyway, .. } => {
                given.push(how.to_string());
                push_option(&mut options, "anyway", anyway.as_ref());
            }
            Self::Ack { .. }
            | Self::Reopen { .. }
            | Self::Show { .. }
            | Self::List
            | Self::Timeline { .. }
            | Self::Postmortem { .. } => {}
        }
        push_option(&mut options, "number", self.which().and_then(|which| which.number).as_ref());
        push_both(words, given, options);
    }
}

fn number(typed: &str) -> Result<IncidentNumber, String> {
    let digits = typed.trim_start_matches('#');
    let number = digits.parse().ok().filter(|number| *number > 0);
    number.map(IncidentNumber).ok_or_else(|| "the number of an incident, such as 7".to_owned())
}
