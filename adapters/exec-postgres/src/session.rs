//! How every session of the bot starts: under its name, read-only, with time limits.

use std::net::Ipv6Addr;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::{Host, Url};

use crate::error::PostgresError;

/// What administrators see in `pg_stat_activity`.
pub const APPLICATION: &str = "acgs-bot";

/// Set at the start of each session, so that the server itself holds the bot to them. A health
/// check waits for 3 s; the server gives up on a query before that.
const SETTINGS: [(&str, &str); 3] =
    [("default_transaction_read_only", "on"), ("statement_timeout", "2500ms"), ("lock_timeout", "1000ms")];

/// Reads a `postgres://` address.
pub fn options(url: &SecretString) -> Result<PgConnectOptions, PostgresError> {
    let url: Url = url.expose_secret().parse().map_err(|_| PostgresError::Address)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(PostgresError::Address);
    }
    let mut options = PgConnectOptions::from_url(&url).map_err(|_| PostgresError::Address)?;
    if let Some(ip) = ipv6(&url) {
        // The library takes the URL's brackets for a part of the name.
        options = options.host(&ip.to_string());
    }
    Ok(options.application_name(APPLICATION).options(SETTINGS).disable_statement_logging())
}

/// In a scheme that is not the web's, the URL parser keeps an IPv6 address as one as well.
fn ipv6(url: &Url) -> Option<Ipv6Addr> {
    match url.host()? {
        Host::Ipv6(ip) => Some(ip),
        Host::Domain(_) | Host::Ipv4(_) => None,
    }
}
