//! Health probes, the login of a canary, Grafana, and posts to configured addresses. A probe is one `GET` to a service, and the one true word for what came back.
//!
//! Every probe opens a connection of its own and gives it up at the end. A pooled connection that
//! the service closed in the meantime would look like a service that breaks off its answers, and a
//! frozen service may still hold an old connection open; a fresh one is judged by what happens now,
//! and costs one round trip.
//!
//! Spoken directly over hyper, because a probe must know how far it got when its time is up: no
//! connection, a connection and silence, or an answer that never ends are three different faults.
//!
//! Deliberately absent: redirects, proxies, retries, cookies, HTTP/2, compression, log-ins.

mod address;
mod answer;
mod canary;
mod client;
mod connection;
mod exchange;
mod grafana;
mod status_line;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use commands::health::{Probe, ProbeOutcome, PublicHealth};
use jiff::Timestamp;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;

pub use crate::canary::Canary;
pub use crate::grafana::Grafana;
use crate::status_line::StatusLine;
pub use crate::webhook::{WebhookError, Webhooks};

/// Why probes can't be made at all.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The TLS library refuses its own defaults.
    #[error("TLS can't be set up for health probes; this build of the program is broken")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refuses its own defaults.
    #[error("no HTTP client can be made; this build of the program is broken")]
    Client(#[source] reqwest::Error),
}

/// Asks services how they are. Cheap to clone; clones share the trusted root certificates.
#[derive(Clone)]
pub struct Prober {
    tls: TlsConnector,
}

impl Prober {
    /// Reads the host's root certificates once. Without any, only `https` services suffer: each is
    /// then reported as not trusted.
    pub fn new() -> Result<Self, ProberError> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a root certificate of this host can't be read");
        }
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            tracing::warn!("this host has no root certificates: https services will not be trusted");
        }
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, ProberError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ProberError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// One `GET`, and what came of it. `deadline` covers everything from the name's look-up to the
    /// last byte of the body.
    pub async fn probe(&self, url: &Url, deadline: Duration) -> Probe {
        self.public(url, deadline).await.probe
    }

    /// As [`Prober::probe`], with the end of the certificate that was shown on the way.
    pub async fn public(&self, url: &Url, deadline: Duration) -> PublicHealth {
        let started = Instant::now();
        let (mut stage, mut ends) = (Stage::Resolving, None);
        let asking = self.ask(url, started + deadline, &mut stage, &mut ends);
        let outcome = match timeout(deadline, asking).await {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => stage.at_deadline(),
        };
        PublicHealth { probe: Probe { took: started.elapsed(), outcome }, certificate_ends: ends }
    }

    /// `Err` is an outcome as well: the exchange ended there.
    async fn ask(
        &self,
        url: &Url,
        until: Instant,
        stage: &mut Stage,
        ends: &mut Option<Timestamp>,
    ) -> Result<ProbeOutcome, ProbeOutcome> {
        address::check(url)?;
        let addresses = address::resolve(url).await?;
        *stage = Stage::Connecting;
        let stream = connection::open(&addresses, until).await?;
        if url.scheme() == "https" {
            *stage = Stage::Handshaking;
            let stream = connection::secure(&self.tls, url, stream).await?;
            *ends = connection::certificate_ends(&stream);
            exchange::get(stream, url, stage).await
        } else {
            exchange::get(stream, url, stage).await
        }
    }
}

/// How far a probe got, which decides its word when the time is up.
enum Stage {
    Resolving,
    Connecting,
    /// TCP is up and TLS is not.
    Handshaking,
    /// The request is on its way; the line tells whether an answer has begun.
    Waiting(StatusLine),
    /// The head of the answer is here, with this code.
    Reading(u16),
}

impl Stage {
    fn at_deadline(&self) -> ProbeOutcome {
        match self {
            Self::Resolving => ProbeOutcome::Unreachable("the name was not found in time".to_owned()),
            Self::Connecting => ProbeOutcome::Unreachable(connection::TOO_LATE.to_owned()),
            // The kernel, or a port forwarder, accepts connections for a process that is frozen,
            // so silence in the handshake is the same fault as silence after the request.
            Self::Handshaking => ProbeOutcome::Frozen,
            Self::Waiting(line) => {
                line.code().map_or(ProbeOutcome::Frozen, |code| ProbeOutcome::Slow { code })
            }
            Self::Reading(code) => ProbeOutcome::Slow { code: *code },
        }
    }
}
