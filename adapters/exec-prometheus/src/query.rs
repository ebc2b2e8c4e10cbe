//! PromQL by `POST` form: instant and range queries with typed answers
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/>).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::endpoint::{Endpoint, shortened};
use crate::error::PrometheusError;

/// More series than this are no answer that anybody could read.
const SERIES_LIMIT: usize = 2_000;

/// What a query gave.
#[derive(Debug)]
pub struct Answered {
    pub samples: Vec<Sample>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// One series at one moment.
#[derive(Debug)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    /// NaN and the infinities are values.
    pub value: f64,
}

impl Answered {
    /// The value of the series that has this label.
    pub fn value(&self, label: &str, value: &str) -> Option<f64> {
        let found = self.samples.iter().find(|sample| sample.labels.get(label).is_some_and(|is| is == value));
        found.map(|sample| sample.value)
    }

    /// The value of a query that sums up everything.
    pub fn only(&self) -> Option<f64> {
        self.samples.first().map(|sample| sample.value)
    }
}

/// A label of a series, cut to a length; empty where it has none of that name.
pub fn label(labels: &BTreeMap<String, String>, name: &str) -> String {
    labels.get(name).map(|value| shortened(value)).unwrap_or_default()
}

/// Asks for a vector, now.
pub async fn instant(endpoint: &Endpoint, promql: &str) -> Result<Answered, PrometheusError> {
    let asked = ask::<Series>(endpoint, "api/v1/query", &[("query", promql)], SERIES_LIMIT).await?;
    let samples = asked.result.into_iter().map(|series| series.sample(endpoint)).collect::<Result<_, _>>()?;
    Ok(Answered { samples, warnings: asked.warnings })
}

/// More series than this are no picture that anybody could read.
const RANGE_SERIES_LIMIT: usize = 50;

/// The moments of a range query: the first, the last, and so many seconds between two.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub from: i64,
    pub until: i64,
    pub step: u32,
}

impl Moments {
    /// Each, in Unix time.
    pub fn each(self) -> impl Iterator<Item = i64> {
        (self.from..=self.until).step_by(usize::try_from(self.step.max(1)).unwrap_or(1))
    }
}

/// One series over time.
#[derive(Debug)]
pub struct Track {
    pub labels: BTreeMap<String, String>,
    /// Moments that have no number are left out.
    values: BTreeMap<i64, f64>,
}

impl Track {
    /// The number at a moment, NaN and the infinities among them.
    pub fn at(&self, moment: i64) -> Option<f64> {
        self.values.get(&moment).copied()
    }
}

/// Asks for a vector at each of these moments.
pub async fn range(
    endpoint: &Endpoint,
    promql: &str,
    moments: Moments,
) -> Result<Vec<Track>, PrometheusError> {
    let Moments { from, until, step } = moments;
    let (from, until, step) = (from.to_string(), until.to_string(), step.to_string());
    let form = [("query", promql), ("start", &from), ("end", &until), ("step", &step)];
    let asked = ask::<Matrix>(endpoint, "api/v1/query_range", &form, RANGE_SERIES_LIMIT).await?;
    asked.result.into_iter().map(|series| series.track(endpoint)).collect()
}

/// What was asked for, with what Prometheus says against it.
struct Asked<S> {
    result: Vec<S>,
    warnings: Vec<String>,
}

async fn ask<S: DeserializeOwned>(
    endpoint: &Endpoint,
    path: &str,
    form: &[(&str, &str)],
    most: usize,
) -> Result<Asked<S>, PrometheusError> {
    match endpoint.post::<Answer<S>>(path, form).await? {
        Answer::Success { data: Data { result }, warnings } if result.len() <= most => {
            Ok(Asked { result, warnings: warnings.iter().map(|warning| shortened(warning)).collect() })
        }
        Answer::Success { data, .. } => {
            Err(endpoint.bad(&format!("POST {path}: {} series, at most {most}", data.result.len())))
        }
        Answer::Error { error } => Err(endpoint.bad(&format!("POST {path}: {error}"))),
    }
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer<S> {
    Success {
        data: Data<S>,
        #[serde(default)]
        warnings: Vec<String>,
    },
    Error {
        error: String,
    },
}

#[derive(Deserialize)]
struct Data<S> {
    result: Vec<S>,
}

/// Unix time and the value as text, since JSON has no NaN.
type Point = (f64, String);

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Point,
}

impl Series {
    fn sample(self, endpoint: &Endpoint) -> Result<Sample, PrometheusError> {
        Ok(Sample { labels: self.metric, value: number(endpoint, &self.value.1)? })
    }
}

#[derive(Deserialize)]
struct Matrix {
    metric: BTreeMap<String, String>,
    values: Vec<Point>,
}

impl Matrix {
    fn track(self, endpoint: &Endpoint) -> Result<Track, PrometheusError> {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds, as they were asked for")]
        let point = |(moment, value): &Point| Ok((moment.round() as i64, number(endpoint, value)?));
        let values = self.values.iter().map(point).collect::<Result<_, PrometheusError>>()?;
        Ok(Track { labels: self.metric, values })
    }
}

fn number(endpoint: &Endpoint, text: &str) -> Result<f64, PrometheusError> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        number => number.parse().map_err(|_| endpoint.bad(&format!("a query: {number:?} is no number"))),
    }
}
