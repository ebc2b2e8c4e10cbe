//! Log lines on standard error: for eyes or as JSON. Levels by `RUST_LOG`, `info` without it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::LogFormat;

/// serenity and sqlx log what a user can't act on.
const DEFAULT: &str = "info,serenity=error,sqlx=warn,slack_morphism=error";

/// Installs the process's one subscriber.
pub fn install(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Human => lines.init(),
    }
}
