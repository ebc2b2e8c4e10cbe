//! Runs a runbook: its steps side by side, one card that grows as they finish.

use commands::ids::ServiceName;
use commands::intent::Intent;
use commands::message::Reply;
use commands::runbook::{self, Finding, Ready, Runbook, Step};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use store::AuditOutcome;
use tokio::time::Instant;

use crate::app::App;
use crate::authorize::may_read;
use crate::clock;
use crate::config::Person;
use crate::performed::{News, Performed, news};
use crate::report::{self, StepState};

/// Does what a step says.
type Do<'a> = &'a (dyn Fn(Intent) -> BoxFuture<'a, anyhow::Result<Performed>> + Sync);
/// Shows how it goes on.
type Show<'a> = &'a (dyn Fn(Reply) -> BoxFuture<'a, ()> + Sync);

/// Which there are.
pub fn list(app: &App) -> Performed {
    Performed::done(report::runbooks(&app.config.runbooks), News::Good)
}

/// The steps of one.
pub fn show(app: &App, name: &str) -> Performed {
    match runbook::find(&app.config.runbooks, name) {
        Ok(found) => Performed::done(report::runbook(found), News::Good),
        Err(like) => Performed::failed(report::no_runbook(name, like)),
    }
}

/// Runs one for `person`; a step that their role does not allow is left out and says so.
pub async fn run<'a>(
    app: &'a App,
    person: &'a Person,
    (name, service): (&'a str, Option<&'a ServiceName>),
    perform: Do<'a>,
    progress: Show<'a>,
) -> anyhow::Result<Performed> {
    let found = match runbook::find(&app.config.runbooks, name) {
        Ok(found) => found,
        Err(like) => return Ok(Performed::failed(report::no_runbook(name, like))),
    };
    let started = Instant::now();
    let mut states = vec![StepState::Waiting; found.steps.len()];
    let mut under_way = FuturesUnordered::new();
    let mut acts = Vec::new();
    loop {
        for place in due(found, &states) {
            // A fault can't be: the runbook was checked at load.
            states[place] = match found.ready(&found.steps[place], service, &app.grammar)? {
                Ready::NeedsService => StepState::NeedsService,
                Ready::Intent(intent) if intent.needs().risk.acts() => {
                    let line = intent.to_string();
                    acts.push((place, intent));
                    StepState::Planned { line }
                }
                Ready::Intent(intent) if !may_read(person, intent.needs()) => {
                    StepState::NotAllowed { role: intent.needs().role }
                }
                Ready::Intent(intent) => {
                    let line = intent.to_string();
                    let running = StepState::Running { line: line.clone() };
                    under_way.push(async move { (place, line, perform(intent).await) });
                    running
                }
            };
        }
        let Some((place, line, performed)) = under_way.next().await else { break };
        states[place] = finished(line, performed);
        if !under_way.is_empty() {
            let card = report::runbook_progress(found, service, &states, started.elapsed(), clock::now());
            progress(card).await;
        }
    }
    let bad = states.iter().any(|state| state.finding() == Some(Finding::Bad));
    let card = report::runbook_result(found, service, &states, started.elapsed(), clock::now());
    // As the runbook has them, whichever was due first.
    acts.sort_by_key(|(place, _)| *place);
    let acts = acts.into_iter().map(|(_, intent)| intent).collect();
    Ok(Performed { acts, ..Performed::done(card, news(!bad)) })
}

fn finished(line: String, performed: anyhow::Result<Performed>) -> StepState {
    match performed {
        Ok(performed) => {
            let bad = performed.news == News::Bad || performed.outcome == AuditOutcome::Failed;
            let found = if bad { Finding::Bad } else { Finding::Good };
            StepState::Done { line, found, reply: Box::new(performed.reply) }
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), line, "a runbook's step failed");
            StepState::Failed { line }
        }
    }
}

/// Steps that wait and whose condition is met by now. One whose condition can't be met any more is
/// never due and stays as it is.
fn due(runbook: &Runbook, states: &[StepState]) -> Vec<usize> {
    let met = |step: &Step| match &step.when {
        None => true,
        Some(when) => runbook
            .steps
            .iter()
            .position(|other| other.id == when.step)
            .is_some_and(|other| states[other].finding() == Some(when.found)),
    };
    let waiting = |place: &usize| states[*place] == StepState::Waiting && met(&runbook.steps[*place]);
    (0..runbook.steps.len()).filter(waiting).collect()
}

#[cfg(test)]
mod tests {
    use commands::message::Visibility;
    use commands::runbook::When;

    use super::*;

    fn done(found: Finding) -> StepState {
        let card = commands::card::Card {
            title: String::new(),
            tone: commands::card::Tone::Neutral,
            sections: Vec::new(),
            buttons: Vec::new(),
            footer: None,
        };
        let reply = Box::new(Reply {
            visibility: Visibility::Public,
            card,
            file: None,
            picture: None,
            mentions: Vec::new(),
        });
        StepState::Done { line: String::new(), found, reply }
    }

    #[test]
    fn a_step_is_due_once_its_condition_is_met_and_never_twice() {
        let step = |id: &str, when: Option<Finding>| Step {
            id: id.to_owned(),
            line: "ps".to_owned(),
            when: when.map(|found| When { step: "first".to_owned(), found }),
        };
        let runbook = Runbook {
            name: "a".to_owned(),
            title: String::new(),
            about: String::new(),
            service: None,
            steps: vec![
                step("first", None),
                step("if-bad", Some(Finding::Bad)),
                step("if-good", Some(Finding::Good)),
            ],
        };
        let (waiting, running) = (StepState::Waiting, StepState::Running { line: String::new() });
        assert_eq!(due(&runbook, &[waiting.clone(), waiting.clone(), waiting.clone()]), [0]);
        assert_eq!(due(&runbook, &[running.clone(), waiting.clone(), waiting.clone()]), [] as [usize; 0]);
        assert_eq!(due(&runbook, &[done(Finding::Bad), waiting.clone(), waiting.clone()]), [1]);
        assert_eq!(due(&runbook, &[done(Finding::Good), waiting.clone(), waiting.clone()]), [2]);
        assert_eq!(due(&runbook, &[done(Finding::Bad), running, waiting.clone()]), [] as [usize; 0]);
        let failed = StepState::Failed { line: String::new() };
        assert_eq!(due(&runbook, &[failed, waiting.clone(), waiting]), [1], "a failure is no good news");
    }
}
