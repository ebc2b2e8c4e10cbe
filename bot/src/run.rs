//! One command's work: perform, word the answer, conclude in one transaction.
//!
//! Every command ends in exactly one final reply: result, refusal or failure. A panic in one is
//! caught here and becomes a failure with the run's id.

mod quote;
mod vote;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use commands::ids::RunId;
use commands::intent::Intent;
use commands::message::{AnswerTo, ChatEvent, Reply, Target};
use commands::risk::Risk;
use commands::timeline::Happened;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use store::{AuditDecision, AuditEntry, AuditOutcome, Conclusion, Lane, NewMessage, NewPlan};

use crate::acting;
use crate::app::App;
use crate::asked::{Asked, Asker};
use crate::clock;
use crate::counted::Said;
use crate::incident;
use crate::outbox::answer_slot;
use crate::performed::Performed;
use crate::progress::Progress;
use crate::report;

/// What one delivery came to: the audit row's facts and the reply.
struct Concluded {
    verb: &'static str,
    line: String,
    person: Option<String>,
    decision: AuditDecision,
    outcome: Option<AuditOutcome>,
    reply: Reply,
    /// A plan that waits now, and its messages.
    plan: Option<(NewPlan, Vec<NewMessage>)>,
}

/// Does what `event` asks and stores the answer. `received` is when the event was stored, `now` when the
/// work on it begins: much later, where the bot was started anew meanwhile. Errors end here, in the log and in the chat.
#[tracing::instrument(name = "run", skip_all, fields(run.id = %run, platform = %event.from.platform))]
pub async fn answer(app: &Arc<App>, event: &ChatEvent, run: RunId, received: Timestamp, now: Timestamp) {
    let started = Instant::now();
    let asked = app.understand(event, now);
    if let Asked::Vote { ballot, on, said, answer } = asked {
        let said = Said { on, account: &event.from, place: &event.place, ballot, said, at: event.at };
        return vote::answer(app, event, run, said, answer).await;
    }
    if let Asked::Quote { which, answer } = asked {
        return quote::answer(app, event, run, which, answer).await;
    }
    let target = answer_of(&asked).cloned();
    let progress = target.as_ref().map(|answer| Progress::stored(app, run, answer.clone(), received, now));
    let mut concluded = conclude(app, asked, event, run, progress.as_ref()).await;
    let plan = concluded.as_mut().and_then(|concluded| concluded.plan.take());
    let verb = concluded.as_ref().map_or("none", |concluded| concluded.verb);
    let outcome = concluded.as_ref().map_or("noted", outcome_word);
    let noted = concluded.as_ref().and_then(|concluded| on_timeline(app, concluded, plan.as_ref()));
    let (audit, mut messages) = match (concluded, target) {
        (Some(concluded), Some(answer)) => rows(app, event, run, concluded, answer),
        _ => (Vec::new(), Vec::new()),
    };
    let (plan, more) = plan.unzip();
    messages.extend(more.into_iter().flatten());
    let conclusion = Conclusion { delivery: Some(&event.delivery), audit, messages, plan };
    match app.store.conclude(conclusion, clock::now()).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("this delivery was taken up and answered meanwhile");
            return;
        }
        Err(error) => {
            // The delivery stays open and is taken up again.
            tracing::error!(error = &error as &dyn std::error::Error, "answer not stored");
            return;
        }
    }
    let platform = event.from.platform.as_str();
    metrics::counter!("acgs_commands_total", "verb" => verb, "outcome" => outcome, "platform" => platform)
        .increment(1);
    metrics::histogram!("acgs_answer_seconds", "verb" => verb).record(started.elapsed());
    app.outbox.nudge();
    if let Some((by, what)) = noted
        && let Err(error) = incident::note_command(app, &event.place, run, &by, &what).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "an incident's timeline lacks this command");
    }
    tracing::info!(verb, outcome, duration_ms = started.elapsed().as_millis(), "answered");
}

/// The same with no store to write to: reading commands are answered and say so, the rest refused.
pub async fn answer_unrecorded(app: &Arc<App>, event: &ChatEvent, run: RunId, now: Timestamp) {
    let asked = app.understand(event, now);
    let Some(answer) = answer_of(&asked).cloned() else { return };
    let reply = match &asked {
        Asked::Command { intent, .. } if intent.needs().risk != Risk::Read => report::refused_unrecorded(run),
        // A vote that is not stored is none; it can be given again. So can a message.
        Asked::Vote { .. } | Asked::Quote { .. } => report::refused_unrecorded(run),
        _ => match conclude(app, asked, event, run, None).await {
            Some(concluded) => report::unrecorded(concluded.reply),
            None => return,
        },
    };
    app.send_unrecorded(run, &answer, reply).await;
}

/// A command as an incident's timeline has it. What is done to incidents stands there by its own name.
fn on_timeline(
    app: &App,
    concluded: &Concluded,
    plan: Option<&(NewPlan, Vec<NewMessage>)>,
) -> Option<(String, Happened)> {
    let by = concluded.person.clone().filter(|_| matches!(concluded.decision, AuditDecision::Allowed))?;
    if concluded.verb.starts_with("incident ") {
        return None;
    }
    let what = Happened::Command {
        line: app.redactor.text(&concluded.line),
        outcome: if plan.is_some() { "asked for" } else { outcome_word(concluded) }.to_owned(),
        plan: plan.map(|(plan, _)| plan.plan.digest().short()),
    };
    Some((by, what))
}

fn answer_of<'a>(asked: &Asked<'a>) -> Option<&'a AnswerTo> {
    match asked {
        Asked::Command { answer, .. }
        | Asked::Stale { answer, .. }
        | Asked::Unparsed { answer, .. }
        | Asked::Refused { answer, .. }
        | Asked::Vote { answer: Some(answer), .. }
        | Asked::Quote { answer: Some(answer), .. } => Some(answer),
        Asked::Vote { answer: None, .. } | Asked::Quote { answer: None, .. } | Asked::Nothing => None,
    }
}

async fn conclude(
    app: &Arc<App>,
    asked: Asked<'_>,
    event: &ChatEvent,
    run: RunId,
    progress: Option<&Progress>,
) -> Option<Concluded> {
    Some(match asked {
        Asked::Command { person, intent, .. } => {
            let asker = Asker { person, account: &event.from, place: Some(&event.place) };
            performed(app, asker, &intent, run, progress).await
        }
        Asked::Stale { person, intent, .. } => Concluded {
            verb: intent.verb(),
            line: intent.to_string(),
            person: Some(person.name.clone()),
            decision: AuditDecision::Refused {
                reason: "typed more than a minute before it was read".to_owned(),
            },
            outcome: None,
            plan: None,
            reply: report::stale(&intent),
        },
        Asked::Unparsed { person, line, error, .. } => Concluded {
            verb: "none",
            line: report::quoted(&app.redactor.text(line)),
            person: Some(person.name.clone()),
            decision: AuditDecision::Unparsed { reason: report::parse_error(&error) },
            outcome: None,
            plan: None,
            reply: report::unparsed(&error),
        },
        Asked::Refused { line, refusal, .. } => Concluded {
            verb: "none",
            line: report::quoted(&app.redactor.text(line)),
            person: None,
            decision: AuditDecision::Refused { reason: report::refusal_reason(&refusal) },
            outcome: None,
            plan: None,
            reply: report::refused(&refusal),
        },
        Asked::Vote { .. } | Asked::Quote { .. } | Asked::Nothing => return None,
    })
}

async fn performed(
    app: &Arc<App>,
    asker: Asker<'_>,
    intent: &Intent,
    run: RunId,
    progress: Option<&Progress>,
) -> Concluded {
    let mut proposed = None;
    let work = async {
        let made = acting::answer(app, asker, intent, run, progress).await?;
        proposed = made.plan.map(|plan| (plan, made.messages));
        Ok(made.performed)
    };
    let mut work = guarded(work, run).await;
    // As the platform was told, whatever came of it.
    work.reply.visibility = intent.visibility();
    Concluded {
        verb: intent.verb(),
        line: intent.to_string(),
        person: Some(asker.person.name.clone()),
        decision: AuditDecision::Allowed,
        // What waits for votes has not ended.
        outcome: proposed.is_none().then_some(work.outcome),
        plan: proposed,
        reply: report::with_run(work.reply, run),
    }
}

/// Runs `work`; a panic or an error in it becomes a short failure that names the run.
pub(crate) async fn guarded(work: impl Future<Output = anyhow::Result<Performed>>, run: RunId) -> Performed {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(performed)) => performed,
        Ok(Err(error)) => {
            tracing::error!(error = format!("{error:#}"), "command failed");
            Performed::failed(report::failed(run))
        }
        Err(panic) => {
            let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(panic = message, "command panicked");
            metrics::counter!("acgs_panics_total").increment(1);
            Performed::failed(report::failed(run))
        }
    }
}

fn rows(
    app: &App,
    event: &ChatEvent,
    run: RunId,
    concluded: Concluded,
    answer: AnswerTo,
) -> (Vec<AuditEntry>, Vec<NewMessage>) {
    let entry = AuditEntry {
        run,
        account: event.from.clone(),
        person: concluded.person,
        place: Some(event.place.clone()),
        verb: concluded.verb.to_owned(),
        line: app.redactor.text(&concluded.line),
        decision: without_secrets(app, concluded.decision),
        outcome: concluded.outcome,
        detail: serde_json::json!({ "delivery": event.delivery.to_string() }),
    };
    let message = NewMessage {
        slot: answer_slot(run),
        lane: Lane::Answer,
        target: Target::Answer(answer),
        reply: app.redactor.reply(concluded.reply),
    };
    (vec![entry], vec![message])
}

/// A reason may quote what was typed.
pub(crate) fn without_secrets(app: &App, decision: AuditDecision) -> AuditDecision {
    match decision {
        AuditDecision::Allowed => AuditDecision::Allowed,
        AuditDecision::Refused { reason } => AuditDecision::Refused { reason: app.redactor.text(&reason) },
        AuditDecision::Unparsed { reason } => AuditDecision::Unparsed { reason: app.redactor.text(&reason) },
    }
}

const fn outcome_word(concluded: &Concluded) -> &'static str {
    match (&concluded.decision, concluded.outcome) {
        (AuditDecision::Allowed, Some(AuditOutcome::Failed)) => "failed",
        (AuditDecision::Allowed, _) => "done",
        (AuditDecision::Refused { .. }, _) => "refused",
        (AuditDecision::Unparsed { .. }, _) => "unparsed",
    }
}

#[cfg(test)]
mod tests;
