//! A fresh TCP connection, and TLS over it where the address asks for that.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use commands::health::ProbeOutcome;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What is said when TCP itself takes too long.
pub const TOO_LATE: &str = "no connection in time";

/// Connects to the first address that answers, one after the other. Each address gets an equal
/// share of the time left, so that a dead first one does not eat the time of the second.
pub async fn open(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, ProbeOutcome> {
    let mut faults = Vec::with_capacity(addresses.len());
    for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
        let time_left = until.saturating_duration_since(Instant::now());
        let share = time_left / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // This fails only on a socket that is dead already, which the request then reports.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => faults.push(fault_of(&error)),
            Err(_) => faults.push(ProbeOutcome::Unreachable(TOO_LATE.to_owned())),
        }
    }
    Err(truest(faults))
}

/// A host that refuses is up, which says more than an address that leads nowhere.
fn truest(mut faults: Vec<ProbeOutcome>) -> ProbeOutcome {
    if faults.contains(&ProbeOutcome::Refused) {
        return ProbeOutcome::Refused;
    }
    faults.pop().unwrap_or_else(|| ProbeOutcome::Unreachable("the name has no address".to_owned()))
}

fn fault_of(error: &io::Error) -> ProbeOutcome {
    let why = match error.kind() {
        ErrorKind::ConnectionRefused => return ProbeOutcome::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no route to the host".to_owned(),
        ErrorKind::TimedOut => TOO_LATE.to_owned(),
        kind => format!("no connection: {kind}"),
    };
    ProbeOutcome::Unreachable(why)
}

/// TLS over `stream`, checked against the host's name or address in `url`.
pub async fn secure(
    tls: &TlsConnector,
    url: &Url,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, ProbeOutcome> {
    let name = server_name(url).ok_or_else(|| {
        ProbeOutcome::Unreachable("TLS: the host's name can't be in a certificate".to_owned())
    })?;
    tls.connect(name, stream).await.map_err(|error| {
        let why = tls_error(&error).map_or_else(
            || format!("TLS: the handshake broke off: {}", error.kind()),
            |error| format!("TLS: {error}"),
        );
        ProbeOutcome::Unreachable(why)
    })
}

/// When the certificate that the other side showed stops being good; `None` if it can't be read.
pub fn certificate_ends(stream: &TlsStream<TcpStream>) -> Option<Timestamp> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn server_name(url: &Url) -> Option<ServerName<'static>> {
    match url.host()? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).ok(),
        Host::Ipv4(ip) => Some(ServerName::from(std::net::IpAddr::V4(ip))),
        Host::Ipv6(ip) => Some(ServerName::from(std::net::IpAddr::V6(ip))),
    }
}

/// The TLS library's own error, which it wraps in an I/O error.
pub fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
