//! One vote: recorded, answered where it was a button, and then weighed.

use std::sync::Arc;

use commands::approval::Ballot;
use commands::ids::RunId;
use commands::message::{AnswerTo, ChatEvent, Target};
use commands::timeline::{Entry, Happened};
use store::{AuditDecision, AuditEntry, AuditOutcome, Conclusion, Lane, NewEntry, NewMessage};

use crate::app::App;
use crate::approval;
use crate::counted::{Counted, Said};
use crate::failpoint::{self, Failpoint};
use crate::incident;
use crate::outbox::answer_slot;
use crate::report::plan as say;
use crate::{clock, report};

/// Counts what `event` says and stores the answer. Errors end here, in the log: the delivery stays open and is
/// taken up again, and the same vote twice is one.
pub(super) async fn answer(
    app: &Arc<App>,
    event: &ChatEvent,
    run: RunId,
    said: Said<'_>,
    answer: Option<&AnswerTo>,
) {
    let cast = (said.ballot, said.said);
    let word =
        if said.said { said.ballot.as_str().to_owned() } else { format!("not {}", said.ballot.as_str()) };
    let counted = match approval::count(app, said).await {
        Ok(counted) => counted,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a vote can't be counted");
            return;
        }
    };
    let (plan, person, decision, reply) = match &counted {
        Counted::NoPlan => (None, None, None, say::no_such_plan()),
        Counted::Recorded { run, person, standing } => {
            (Some(*run), Some(person.clone()), Some(AuditDecision::Allowed), say::counted(standing))
        }
        Counted::Refused { run, person, why } => {
            let reason = say::not_counted_reason(why);
            (Some(*run), person.clone(), Some(AuditDecision::Refused { reason }), say::not_counted(why))
        }
    };
    let entry = decision.map(|decision| AuditEntry {
        // The vote belongs to the plan's run, where whoever looks for it looks.
        run: plan.unwrap_or(run),
        account: event.from.clone(),
        person,
        place: Some(event.place.clone()),
        verb: "vote".to_owned(),
        line: word,
        outcome: matches!(decision, AuditDecision::Allowed).then_some(AuditOutcome::Done),
        decision,
        detail: serde_json::json!({ "delivery": event.delivery.to_string() }),
    });
    let message = answer.map(|answer| NewMessage {
        slot: answer_slot(run),
        lane: Lane::Answer,
        target: Target::Answer(answer.clone()),
        reply: app.redactor.reply(report::with_run(reply, plan.unwrap_or(run))),
    });
    let conclusion = Conclusion {
        delivery: Some(&event.delivery),
        audit: entry.into_iter().collect(),
        messages: message.into_iter().collect(),
        plan: None,
    };
    if let Err(error) = app.store.conclude(conclusion, clock::now()).await {
        tracing::error!(error = &error as &dyn std::error::Error, "a vote's answer is not stored");
        return;
    }
    app.outbox.nudge();
    let counts = matches!(counted, Counted::Recorded { .. });
    metrics::counter!("acgs_votes_total", "counted" => if counts { "yes" } else { "no" }).increment(1);
    if let Counted::Recorded { run: plan, person, .. } = &counted
        && let Err(error) = note(app, *plan, person, cast, run).await
    {
        tracing::warn!(error = format!("{error:#}"), "an incident's timeline lacks this vote");
    }
    if let Counted::Recorded { run, .. } = counted {
        failpoint::hit(Failpoint::AfterVote);
        approval::begin_weighing(app, run);
    }
}

/// On the timeline of the incident that the plan belongs to.
async fn note(
    app: &App,
    plan: RunId,
    person: &str,
    (ballot, said): (Ballot, bool),
    run: RunId,
) -> anyhow::Result<()> {
    let Some(stored) = app.store.plan(plan).await? else { return Ok(()) };
    let Some(number) = stored.plan.incident else { return Ok(()) };
    let what = Happened::Voted { ballot, said, line: app.redactor.text(&stored.plan.line) };
    let entry = Entry { at: clock::now(), by: Some(person.to_owned()), what };
    app.store.add_to_timeline(number, NewEntry { entry, once: Some(format!("vote/{run}")) }).await?;
    incident::word(app, number).await?;
    Ok(())
}
