//! Look-ups of the platform's security that are made of what services wrote.

use std::time::Duration;

use commands::logs::{Subject, Wanted};
use commands::period::Period;
use commands::survey::{ServiceLog, Survey};
use exec_docker::Docker;
use futures_util::future::join_all;

use crate::app::App;
use crate::config::Service;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// All logs are read side by side, and the answer waits for no more than this.
const LOGS_DEADLINE: Duration = Duration::from_secs(15);

/// The newest lines kept of each service's log.
const LINES: u16 = 10_000;

/// Signs of an attack in the logs of all services.
pub async fn events(app: &App, since: Period) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let survey = survey(app, docker, Subject::Threats, since).await;
    let peace = survey.wanted() == 0 && !survey.is_partial();
    Performed::done(report::security_events(&survey, since, clock::now()), news(peace))
}

/// What the services complained of. Warnings alone wait for the week's review and are no bad news.
pub async fn review(app: &App, since: Period) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let survey = survey(app, docker, Subject::Troubles, since).await;
    let well = !survey.has_severe() && !survey.is_partial();
    Performed::done(report::security_review(&survey, since, clock::now()), news(well))
}

/// The logs of all configured services. One that hangs or can't be read hides no other.
async fn survey(app: &App, docker: &Docker, subject: Subject, since: Period) -> Survey {
    let since = clock::now() - Duration::from(since);
    let wanted = Wanted { tail: LINES, since: Some(since), grep: None, level: None, subject: Some(subject) };
    let read = async |service: &Service| {
        let of = (service.name.clone(), service.container.clone());
        let log = docker.log(&of, &wanted, &app.redactor, LOGS_DEADLINE).await;
        ServiceLog { service: service.name.clone(), log: log.map_err(|error| error.to_string()) }
    };
    Survey { since, logs: join_all(app.config.services.iter().map(read)).await }
}
