//! One message for a timeline: added, and answered where somebody waits for an answer.

use std::sync::Arc;
use std::time::Duration;

use commands::ids::RunId;
use commands::message::{AnswerTo, ChatEvent, Target};
use store::{AuditDecision, AuditEntry, AuditOutcome, Conclusion, Lane, NewMessage};

use crate::app::App;
use crate::incident::{Outcome, WhichMessage, add};
use crate::outbox::answer_slot;
use crate::{clock, report};

/// A message that its platform has not shown for so long is not asked for any more.
const GIVE_UP: Duration = Duration::from_secs(3600);

/// Adds what `event` asks for and stores the answer. Errors end here, in the log: the delivery stays open and is taken
/// up again, and the same message twice is one.
pub(super) async fn answer(
    app: &Arc<App>,
    event: &ChatEvent,
    run: RunId,
    which: WhichMessage<'_>,
    answer: Option<&AnswerTo>,
) {
    let outcome = match add(app, event, run, which).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "a message is not on a timeline yet");
            if clock::now() < event.at + GIVE_UP {
                return;
            }
            Outcome::Nothing
        }
    };
    let reply = report::incident::quoted(run, &outcome);
    let message = answer.zip(reply).map(|(answer, reply)| NewMessage {
        slot: answer_slot(run),
        lane: Lane::Answer,
        target: Target::Answer(answer.clone()),
        reply: app.redactor.reply(report::with_run(reply, run)),
    });
    let conclusion = Conclusion {
        delivery: Some(&event.delivery),
        audit: audited(event, run, &outcome).into_iter().collect(),
        messages: message.into_iter().collect(),
        plan: None,
    };
    match app.store.conclude(conclusion, clock::now()).await {
        Ok(_) => app.outbox.nudge(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer is not stored");
        }
    }
}

fn audited(event: &ChatEvent, run: RunId, outcome: &Outcome) -> Option<AuditEntry> {
    let (person, decision, outcome, link) = match outcome {
        Outcome::Nothing => return None,
        Outcome::Refused { person, why, link } => {
            let reason = report::refusal_reason(why);
            (person.clone(), AuditDecision::Refused { reason }, None, link.as_str())
        }
        Outcome::Stands { person, link, .. } => {
            (Some(person.clone()), AuditDecision::Allowed, Some(AuditOutcome::Done), link.as_str())
        }
        Outcome::Which { person, link, .. } => {
            (Some(person.clone()), AuditDecision::Allowed, Some(AuditOutcome::Failed), link.as_str())
        }
        Outcome::Gone { person } => {
            (Some(person.clone()), AuditDecision::Allowed, Some(AuditOutcome::Failed), "")
        }
    };
    Some(AuditEntry {
        run,
        account: event.from.clone(),
        person,
        place: Some(event.place.clone()),
        verb: "incident add".to_owned(),
        line: format!("add {link}").trim_end().to_owned(),
        decision,
        outcome,
        detail: serde_json::json!({ "delivery": event.delivery.to_string() }),
    })
}
