//! Where a probe may go.
//!
//! Link-local addresses are refused, because a cloud's metadata service lives there and hands out
//! credentials to whoever asks. The name is looked up once, the result is checked, and the probe
//! connects to exactly that address, so a name that changes in between gains nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use commands::health::ProbeOutcome;
use url::{Host, Url};

/// Metadata service of EC2 over IPv6, outside the link-local range:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.
const EC2_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// A name may have many addresses; a probe has time for a few.
const MOST_ADDRESSES: usize = 4;

/// Refuses what a health check can't or must not ask.
pub fn check(url: &Url) -> Result<(), ProbeOutcome> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unreachable("only http and https can be probed"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unreachable(
            "a health check sends no user name or password: take them out of the address",
        ));
    }
    Ok(())
}

/// The addresses behind the URL's host, all of them allowed.
pub async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, ProbeOutcome> {
    let port = url.port_or_known_default().ok_or_else(|| unreachable("the address has no port"))?;
    let addresses: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![SocketAddr::from((ip, port))],
        Some(Host::Ipv6(ip)) => vec![SocketAddr::from((ip, port))],
        Some(Host::Domain(name)) => match tokio::net::lookup_host((name, port)).await {
            Ok(found) => found.take(MOST_ADDRESSES).collect(),
            Err(error) => return Err(name_not_found(name, &error)),
        },
        None => return Err(unreachable("the address has no host")),
    };
    if addresses.is_empty() {
        return Err(unreachable("the name has no address"));
    }
    if addresses.iter().any(|address| is_forbidden(address.ip())) {
        return Err(unreachable("refused: link-local and metadata addresses are not probed"));
    }
    Ok(addresses)
}

fn name_not_found(name: &str, error: &std::io::Error) -> ProbeOutcome {
    tracing::debug!(%error, host = name, "name look-up failed");
    ProbeOutcome::Unreachable(format!("the name {name} can't be resolved"))
}

fn unreachable(why: &str) -> ProbeOutcome {
    ProbeOutcome::Unreachable(why.to_owned())
}

fn is_forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local()
                || ip == EC2_METADATA
                || ip.to_ipv4().is_some_and(|inner| inner.is_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_spelling() {
        let forbidden = [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::a9fe:a9fe",
        ];
        for text in forbidden {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "10.0.0.1", "169.253.0.1", "::1", "fd00:ec2::255", "::ffff:10.0.0.1"] {
            assert!(!is_forbidden(text.parse().unwrap()), "{text}");
        }
    }
}
