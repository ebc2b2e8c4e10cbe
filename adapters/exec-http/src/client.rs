//! The HTTP client for questions that have a body to send or a token to show.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use crate::ProberError;

/// Above every caller's deadline; there so that no request can ever be without a limit.
const LONGEST: Duration = Duration::from_secs(60);

/// It follows nobody elsewhere with a password, and opens a connection for each question.
pub fn new() -> Result<Client, ProberError> {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(LONGEST)
        .user_agent("acgs-bot")
        .build()
        .map_err(|error| ProberError::Client(error.without_url()))
}
