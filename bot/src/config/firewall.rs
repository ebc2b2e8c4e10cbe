//! `[firewall]`: the firewall of the machine that the bot runs on.

use std::path::PathBuf;

use commands::block::Network;
use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::check::Check;

/// What `security block` works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// Never shut out, beside the machine's own networks.
    pub own_networks: Vec<Network>,
    /// The program for IPv4: an absolute path.
    pub iptables: PathBuf,
    /// The program for IPv6: an absolute path.
    pub ip6tables: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirewallSection {
    own_networks: Option<Vec<Spanned<String>>>,
    iptables: Option<Spanned<PathBuf>>,
    ip6tables: Option<Spanned<PathBuf>>,
}

pub(super) fn read(
    check: &Check<'_>,
    section: FirewallSection,
    defaults: Option<FirewallSection>,
) -> Result<Firewall, ConfigError> {
    let (iptables, ip6tables) = defaults.map(|known| (known.iptables, known.ip6tables)).unwrap_or_default();
    let program = |key: &str, path: Option<Spanned<PathBuf>>| match path {
        Some(path) if path.get_ref().is_absolute() => Ok(path.into_inner()),
        Some(path) => Err(check.error(path.span(), format!("[firewall] {key} must be an absolute path"))),
        None => Err(check.error(0..0, format!("[firewall] {key} is missing"))),
    };
    // A list is taken whole: the sample's networks are nobody's.
    let own = section.own_networks.unwrap_or_default().into_iter().map(|typed| {
        let network = typed.get_ref().parse::<Network>();
        network.map_err(|expected| {
            check.error(typed.span(), format!("[firewall] own_networks: {:?}: {expected}", typed.get_ref()))
        })
    });
    Ok(Firewall {
        own_networks: own.collect::<Result<_, _>>()?,
        iptables: program("iptables", section.iptables.or(iptables))?,
        ip6tables: program("ip6tables", section.ip6tables.or(ip6tables))?,
    })
}
