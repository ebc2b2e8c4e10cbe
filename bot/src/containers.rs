//! Look-ups of the platform's containers.

use std::time::Duration;

use commands::containers::UsageOrder;
use commands::ids::ServiceName;
use commands::logs::Wanted;
use commands::period::Period;

use crate::app::App;
use crate::config::Service;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// A log may be long; the answer waits for no more than this.
const LOG_DEADLINE: Duration = Duration::from_secs(15);

/// The Engine itself takes two seconds to tell of a container's CPU; on a busy machine more.
const USAGE_DEADLINE: Duration = Duration::from_secs(10);

/// All containers of the platform.
pub async fn ps(app: &App) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    match docker.list(DEADLINE).await {
        Ok(listed) => {
            let well = !listed.iter().any(report::is_out_of_service);
            Performed::done(report::ps(&listed, clock::now()), news(well))
        }
        Err(error) => Performed::failed(report::unavailable("Docker", &error.to_string())),
    }
}

/// What a service's container wrote. Lines are no verdict, so errors among them are no bad news.
pub async fn logs(app: &App, service: &Service, since: Option<Period>, mut wanted: Wanted) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    wanted.since = since.map(|since| clock::now() - Duration::from(since));
    let of = (service.name.clone(), service.container.clone());
    match docker.log(&of, &wanted, &app.redactor, LOG_DEADLINE).await {
        Ok(Some(log)) => {
            Performed::done(report::logs(&service.name, &log, &wanted, since, clock::now()), News::Good)
        }
        Ok(None) => Performed::done(report::no_container(&service.name), News::Bad),
        Err(error) => Performed::failed(report::unavailable("Docker", &error.to_string())),
    }
}

/// What the containers use: all that run, or those of one service.
pub async fn stats(app: &App, service: Option<&ServiceName>, order: UsageOrder) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let named = service.and_then(|name| app.service(name)?.container.as_deref());
    match docker.usage(USAGE_DEADLINE).await {
        Ok(mut measured) => {
            measured.retain(|one| {
                service.is_none_or(|service| match named {
                    Some(name) => one.container == name,
                    None => one.service.as_deref() == Some(service.as_str()),
                })
            });
            let well = !measured.is_empty() && !measured.iter().any(report::is_starved);
            Performed::done(report::stats(service, measured, order, clock::now()), news(well))
        }
        Err(error) => Performed::failed(report::unavailable("Docker", &error.to_string())),
    }
}

/// What each service runs.
pub async fn deployed(app: &App) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let commits = async {
        let repository = app.config.repository.as_deref()?;
        Some(exec_host::commits(repository, DEADLINE).await.map_err(|error| error.to_string()))
    };
    let (deployed, commits) = tokio::join!(docker.deployed(DEADLINE), commits);
    match deployed {
        Ok(deployed) => {
            let news = news(!deployed.is_empty());
            Performed::done(report::deployed(&deployed, commits.as_ref(), clock::now()), news)
        }
        Err(error) => Performed::failed(report::unavailable("Docker", &error.to_string())),
    }
}
