//! The networks that the machine itself is in.

use core::net::IpAddr;

use commands::block::Network;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::sys::socket::SockaddrStorage;

use crate::HostError;

/// The machine's own addresses, and the whole of each private network that it is in: those of its containers, and
/// the one with its gateway. A public network holds strangers too.
pub fn own_networks() -> Result<Vec<Network>, HostError> {
    let interfaces =
        getifaddrs().map_err(|error| HostError::of("the machine's interfaces", &error.into()))?;
    let mut own: Vec<Network> = interfaces.filter_map(|interface| network(&interface)).collect();
    own.sort();
    own.dedup();
    Ok(own)
}

fn network(interface: &InterfaceAddress) -> Option<Network> {
    let address = ip(interface.address.as_ref()?)?;
    let is_private = match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    };
    let prefix = interface.netmask.as_ref().and_then(ip).filter(|_| is_private).map(prefix);
    match prefix {
        Some(prefix) => format!("{address}/{prefix}").parse().ok(),
        None => Some(address.into()),
    }
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

fn prefix(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).leading_ones(),
        IpAddr::V6(mask) => u128::from(mask).leading_ones(),
    }
}
