//! PromQL by `POST` form: instant queries with typed answers
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>).

use std::collections::BTreeMap;

use serde::Deserialize;

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
    const PATH: &str = "api/v1/query";
    let answer = endpoint.post::<Answer>(PATH, &[("query", promql)]).await?;
    match answer {
        Answer::Success { data: Data { result }, warnings } if result.len() <= SERIES_LIMIT => Ok(Answered {
            samples: result.into_iter().map(|series| series.sample(endpoint)).collect::<Result<_, _>>()?,
            warnings: warnings.iter().map(|warning| shortened(warning)).collect(),
        }),
        Answer::Success { data, .. } => {
            Err(endpoint.bad(&format!("POST {PATH}: {} series, at most {SERIES_LIMIT}", data.result.len())))
        }
        Answer::Error { error } => Err(endpoint.bad(&format!("POST {PATH}: {error}"))),
    }
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success {
        data: Data,
        #[serde(default)]
        warnings: Vec<String>,
    },
    Error {
        error: String,
    },
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Unix time and the value as text, since JSON has no NaN.
    value: (f64, String),
}

impl Series {
    fn sample(self, endpoint: &Endpoint) -> Result<Sample, PrometheusError> {
        let value = match self.value.1.as_str() {
            "NaN" => f64::NAN,
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            number => {
                number.parse().map_err(|_| endpoint.bad(&format!("a query: {number:?} is no number")))?
            }
        };
        Ok(Sample { labels: self.metric, value })
    }
}
