//! The operators' own look-ups. What is asked stands in the configuration; of a chat comes a name alone.

use commands::lookup::QueryName;
use commands::suggestion::nearest;

use crate::app::App;
use crate::config::Question;
use crate::health::DEADLINE;
use crate::performed::{News, Performed};
use crate::{clock, report};

/// All of them.
#[must_use]
pub fn list(app: &App) -> Performed {
    Performed::done(report::queries(&app.config.queries), News::Good)
}

/// The one called `name`.
pub async fn run(app: &App, name: &QueryName) -> Performed {
    let Some(query) = app.config.queries.iter().find(|query| query.name == *name) else {
        let names = app.config.queries.iter().map(|query| query.name.as_str());
        let meant = nearest(name.as_str(), names);
        return Performed::failed(report::unknown_query(name, meant, &app.config.queries));
    };
    // The configuration was refused if the part that a look-up asks is not in it.
    let (part, found) = match (&query.question, &app.executors.postgres, &app.executors.prometheus) {
        (Question::Sql(sql), Some(postgres), _) => {
            ("PostgreSQL", postgres.look_up(sql, DEADLINE).await.map_err(|error| error.to_string()))
        }
        (Question::PromQl(promql), _, Some(prometheus)) => {
            ("Prometheus", prometheus.look_up(promql, DEADLINE).await.map_err(|error| error.to_string()))
        }
        (Question::Sql(_), None, _) => {
            return Performed::done(report::not_configured("postgres"), News::Bad);
        }
        (Question::PromQl(_), _, None) => {
            return Performed::done(report::not_configured("prometheus"), News::Bad);
        }
    };
    match found {
        Ok(found) => Performed::done(report::looked_up(query, &found, clock::now()), News::Good),
        Err(error) => Performed::failed(report::unavailable(part, &error)),
    }
}
