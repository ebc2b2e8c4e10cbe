//! Why Prometheus or Alertmanager could not be asked.

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrometheusError {
    /// The configured address is of no use, or no client can be made for it.
    #[error("{0}: write the address as http://host:port, with a path where it is served below one")]
    Address(String),
    /// No way there.
    #[error("{address} can't be reached: {why}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// In a few words.
        why: String,
    },
    /// No whole answer before the deadline.
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// It understood, and does not do it.
    #[error("{address} refuses it: {why}")]
    Refused {
        /// Host and port.
        address: String,
        /// In its own words, cut to a length.
        why: String,
    },
    /// It answered something else than its API promises.
    #[error("{0}")]
    BadAnswer(String),
}
