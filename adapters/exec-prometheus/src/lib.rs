//! Prometheus and Alertmanager: whether they are ready, what can't be scraped, what fires; and silences, which
//! [`act`] makes and ends.
//!
//! Both are asked over plain HTTP APIs with typed answers. Label values and error texts come from the
//! systems that are watched: they are data, are cut to a length, and are escaped by whoever shows them.

pub mod act;
mod alertmanager;
mod alerts;
mod endpoint;
mod error;
mod history;
mod lookup;
mod prometheus;
mod query;
mod silences;
#[cfg(test)]
mod tests;
mod traffic;

pub use crate::alertmanager::Alertmanager;
pub use crate::error::PrometheusError;
pub use crate::prometheus::Prometheus;
