//! Pictures beside answers: asked for while the answer is, and never in its way.

use commands::ids::ServiceName;
use commands::message::Reply;
use commands::plot::{History, Wanted};
use exec_prometheus::PrometheusError;
use jiff::Timestamp;

use crate::app::App;
use crate::health::DEADLINE;
use crate::{clock, report};

/// How the wanted number of all services went; `None` where there is no Prometheus to ask.
pub async fn history(app: &App, wanted: &Wanted) -> Option<Result<History, PrometheusError>> {
    let services: Vec<ServiceName> = app.config.services.iter().map(|service| service.name.clone()).collect();
    history_of(app, &services, wanted).await
}

/// The same of these services alone.
pub async fn history_of(
    app: &App,
    services: &[ServiceName],
    wanted: &Wanted,
) -> Option<Result<History, PrometheusError>> {
    history_until(app, services, wanted, clock::now()).await
}

/// The same up to a moment.
pub async fn history_until(
    app: &App,
    services: &[ServiceName],
    wanted: &Wanted,
    until: Timestamp,
) -> Option<Result<History, PrometheusError>> {
    let prometheus = app.executors.prometheus.as_ref()?;
    Some(prometheus.history(wanted, services, until, DEADLINE).await)
}

/// The reply with a picture of the history, with a line at `limit`. Why there is none is said in the reply, unless
/// nobody ever reported such numbers.
pub async fn beside(
    app: &App,
    mut reply: Reply,
    wanted: &Wanted,
    history: Option<Result<History, PrometheusError>>,
    limit: Option<f64>,
) -> Reply {
    let history = match history {
        None => return reply,
        Some(Ok(history)) => without_secrets(app, history),
        Some(Err(error)) => return report::without_picture(reply, &error.to_string()),
    };
    let course = wanted.course.clone();
    // Some tens of milliseconds of a core.
    let drawn = tokio::task::spawn_blocking(move || report::plot(&course, &history, limit)).await;
    match drawn {
        Ok(Ok(picture)) => {
            reply.picture = picture;
            reply
        }
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "picture not drawn");
            report::without_picture(reply, &error.to_string())
        }
        Err(panicked) => {
            tracing::error!(error = &panicked as &dyn std::error::Error, "picture not drawn");
            report::without_picture(reply, "the drawing failed")
        }
    }
}

/// What is drawn is no text any more that could be redacted.
pub fn without_secrets(app: &App, mut history: History) -> History {
    for line in &mut history.lines {
        line.name = app.redactor.text(&line.name);
    }
    for mark in &mut history.marks {
        mark.name = app.redactor.text(&mark.name);
    }
    history
}
