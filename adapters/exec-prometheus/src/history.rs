//! The services' numbers over time, and what happened meanwhile.

use std::time::Duration;

use commands::ids::ServiceName;
use commands::period::Period;
use commands::plot::{Course, History, Line, Mark, MarkKind, Wanted};
use jiff::Timestamp;

use crate::error::PrometheusError;
use crate::prometheus::Prometheus;
use crate::query::{Moments, Track, label, range};
use crate::traffic::{MEMORY, error_ratio, quantile_by};

/// Parts of a stretch, as many as a small picture can show.
const PARTS: u32 = 120;

/// A counter that began anew within this is seen at two moments at least, whatever lies between scrapes.
const LEAST_LOOK_BACK: u32 = 60;

/// More marks than this hide the lines.
const MOST_MARKS: usize = 20;

impl Prometheus {
    /// How the wanted number of each of `services` went until `now`, with restarts and alerts. All questions side
    /// by side and within `deadline`.
    pub async fn history(
        &self,
        Wanted { course, window, stretch }: &Wanted,
        services: &[ServiceName],
        now: Timestamp,
        deadline: Duration,
    ) -> Result<History, PrometheusError> {
        let step = (stretch.as_secs() / PARTS).max(1);
        let until = now.as_second();
        let moments = Moments { from: until - i64::from(step) * i64::from(PARTS), until, step };
        let (numbers, restarts) = (promql(course, *window), restarts(step));
        let asking = async {
            tokio::try_join!(
                range(&self.endpoint, &numbers, moments),
                range(&self.endpoint, &restarts, moments),
                range(&self.endpoint, ALERTS, moments),
            )
        };
        let (numbers, restarts, alerts) = self.endpoint.within(deadline, asking).await?;
        let lines = match course {
            Course::Connections { .. } => states(&numbers, moments),
            Course::Errors | Course::Latency(_) | Course::AuthFailures | Course::Memory => {
                of_services(services, &numbers, moments)
            }
        };
        let is_ours = |track: &&Track| {
            services.iter().any(|service| service.as_str() == label(&track.labels, "service"))
        };
        let mut marks: Vec<Mark> = restarts
            .iter()
            .filter(is_ours)
            .flat_map(|track| began(track, moments, MarkKind::Restart, &label(&track.labels, "service")))
            .chain(alerts.iter().flat_map(|track| began(track, moments, MarkKind::Alert, &alert(track))))
            .collect();
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.at));
        marks.truncate(MOST_MARKS);
        Ok(History { from: moment(moments.from), until: moment(moments.until), lines, marks })
    }
}

const ALERTS: &str = "group by (alertname, service, severity) (ALERTS{alertstate=\"firing\"})";

fn restarts(step: u32) -> String {
    let look_back = Period::seconds((2 * step).max(LEAST_LOOK_BACK));
    format!("max by (service) (resets(acgs_http_requests_total[{look_back}])) > 0")
}

fn promql(course: &Course, window: Period) -> String {
    match course {
        Course::Errors => error_ratio(window),
        Course::Latency(quantile) => quantile_by("service", *quantile, window),
        Course::AuthFailures => format!("sum by (service) (rate(acgs_auth_failures_total[{window}]))"),
        Course::Memory => MEMORY.to_owned(),
        // By the names of postgres_exporter; of the server that has this database, all databases count.
        Course::Connections { database } => format!(
            "sum by (state) (pg_stat_activity_count and on (instance) pg_stat_activity_count{{datname={}}})",
            quoted(database)
        ),
    }
}

/// As a string of PromQL, whose escapes are those of Go.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {}
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn of_services(services: &[ServiceName], tracks: &[Track], moments: Moments) -> Vec<Line> {
    let line = |service: &ServiceName| {
        let track = tracks.iter().find(|track| label(&track.labels, "service") == service.as_str());
        let number = |at| track.and_then(|track| track.at(at)).filter(|number| number.is_finite());
        Line { name: service.to_string(), points: points(moments, number) }
    };
    services.iter().map(line).collect()
}

/// One line for all, then one a state that any connection was in.
fn states(tracks: &[Track], moments: Moments) -> Vec<Line> {
    let all = |at| {
        let numbers: Vec<f64> = tracks.iter().filter_map(|track| track.at(at)).collect();
        (!numbers.is_empty()).then(|| numbers.iter().sum())
    };
    let all = Line { name: "all".to_owned(), points: points(moments, all) };
    let states = tracks.iter().map(|track| Line {
        name: label(&track.labels, "state"),
        points: points(moments, |at| track.at(at)),
    });
    let happened = |line: &Line| line.greatest().is_some_and(|greatest| greatest > 0.0);
    std::iter::once(all).chain(states.filter(happened)).collect()
}

fn points(moments: Moments, number: impl Fn(i64) -> Option<f64>) -> Vec<(Timestamp, Option<f64>)> {
    moments.each().map(|at| (moment(at), number(at))).collect()
}

/// Moments at which a series begins to be there: not that which it was there before the stretch.
fn began(track: &Track, moments: Moments, kind: MarkKind, name: &str) -> Vec<Mark> {
    let each: Vec<i64> = moments.each().collect();
    let begins = each.windows(2).filter(|pair| track.at(pair[0]).is_none() && track.at(pair[1]).is_some());
    begins.map(|pair| Mark { at: moment(pair[1]), kind, name: name.to_owned() }).collect()
}

/// As `P1 HighLatency gs_service`: an alert of a severity is how an incident of that severity begins.
fn alert(track: &Track) -> String {
    let words = ["severity", "alertname", "service"].map(|name| label(&track.labels, name));
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Prometheus' time is this machine's, which a timestamp can hold.
fn moment(unix: i64) -> Timestamp {
    Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_s_name_stays_a_string() {
        let course = Course::Connections { database: "a\"} or up{x=\"\\\n".to_owned() };
        assert!(
            promql(&course, Period::minutes(5)).ends_with(r#"{datname="a\"} or up{x=\"\\"})"#),
            "{}",
            promql(&course, Period::minutes(5))
        );
    }
}
