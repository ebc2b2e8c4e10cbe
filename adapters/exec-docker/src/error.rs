//! Why Docker could not be asked, and what a person can do about it.

/// Why the engine gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    /// The configured address is none.
    #[error(
        "{0:?} is not an address of Docker: write unix:///var/run/docker.sock, or tcp://host:2375 for a proxy"
    )]
    Address(String),
    /// The socket is not there.
    #[error("there is no Docker socket at {0}: is Docker running, and is the path right?")]
    NoSocket(String),
    /// The socket is there for others.
    #[error(
        "no permission to use {0}: put the bot's user into the group `docker`, or a Docker socket proxy in between"
    )]
    PermissionDenied(String),
    /// Nobody listens.
    #[error("nobody listens at {0}: is Docker running?")]
    Refused(String),
    /// No way to the engine, or the connection broke.
    #[error("Docker can't be reached at {address}: {why}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// In a few words.
        why: String,
    },
    /// No answer before the deadline.
    #[error("Docker at {0} did not answer in time")]
    TimedOut(String),
    /// The engine, or a proxy in front of it, says no.
    #[error("Docker answered {code}: {message}")]
    Engine {
        /// HTTP status code.
        code: u16,
        /// Its own words, shortened.
        message: String,
    },
    /// The answer is not what the Engine API promises.
    #[error("Docker's answer can't be understood: {0}")]
    BadAnswer(String),
}
