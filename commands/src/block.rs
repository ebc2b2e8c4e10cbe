//! Addresses that are shut out: what may be, and what must not be.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the comment of each rule of the bot begins.
const COMMENT: &str = "acgs-block:";

/// Wider ones hold whole companies.
const WIDEST_V4: u8 = 16;

/// A provider's own network.
const WIDEST_V6: u8 = 32;

/// An address, or all that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The first of its addresses.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits all of them have in common.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether it is of IPv6.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        self.address.is_ipv6()
    }

    /// Whether some address is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        self.is_v6() == other.is_v6() && first(self.address, prefix) == first(other.address, prefix)
    }
}

/// The first address that has the same `prefix` bits.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) & mask).into()
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    /// `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/48`. Bits behind the prefix are cleared; an IPv4 address
    /// in IPv6's writing is the IPv4 address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write an address as 203.0.113.7 or 2001:db8::7, a network as 203.0.113.0/24";
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, prefix)| (a, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let Some(prefix) = prefix else { return Ok(address.into()) };
        let is_plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| is_plain).ok_or(wrong)?;
        if prefix > if address.is_ipv4() { 32 } else { 128 } {
            return Err("an IPv4 prefix has 32 bits at most, an IPv6 prefix 128");
        }
        let canonical = address.to_canonical();
        // Its first 96 bits say that it is IPv4.
        let prefix =
            if canonical.is_ipv4() && address.is_ipv6() { u8::saturating_sub(prefix, 96) } else { prefix };
        Ok(Self { address: first(canonical, prefix), prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// A single address without its prefix.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.prefix) {
            (IpAddr::V4(address), 32) => write!(f, "{address}"),
            (IpAddr::V6(address), 128) => write!(f, "{address}"),
            (address, prefix) => write!(f, "{address}/{prefix}"),
        }
    }
}

/// Why an address is not shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum BlockRefusal {
    /// Everything, or nearly.
    #[error("that is too much of the internet: a /16 of IPv4 or a /32 of IPv6 at most")]
    TooWide,
    /// The machine itself.
    #[error("that is this machine itself")]
    Loopback,
    /// The wire that the machine hangs on.
    #[error("that is the link-local network, which the machine and its gateway need")]
    LinkLocal,
    /// Nobody's address.
    #[error("no traffic comes from there: that is a multicast, broadcast or unspecified address")]
    NoSender,
    /// One that the caller has named.
    #[error("{0} is one of the platform's own: its networks, its gateway, its proxy, those who work on it")]
    Own(Network),
}

impl Network {
    /// Whether it may be shut out. `own` are the platform's networks, gateways and proxies, and wherever its
    /// people work from.
    pub fn may_be_blocked(self, own: &[Self]) -> Result<(), BlockRefusal> {
        let widest = if self.is_v6() { WIDEST_V6 } else { WIDEST_V4 };
        if self.prefix < widest {
            return Err(BlockRefusal::TooWide);
        }
        let within = |network: &str| network.parse().is_ok_and(|network: Self| self.overlaps(network));
        if within("127.0.0.0/8") || within("::1") {
            return Err(BlockRefusal::Loopback);
        }
        if within("169.254.0.0/16") || within("fe80::/10") {
            return Err(BlockRefusal::LinkLocal);
        }
        if within("0.0.0.0/8") || within("224.0.0.0/3") || within("::") || within("ff00::/8") {
            return Err(BlockRefusal::NoSender);
        }
        own.iter().find(|own| self.overlaps(**own)).map_or(Ok(()), |own| Err(BlockRefusal::Own(*own)))
    }
}

/// Who is shut out, by whom, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Whose packets are dropped.
    pub network: Network,
    /// Who wanted it.
    pub by: Blocker,
    /// When it is to be taken away; a whole second.
    pub until: Timestamp,
}

impl Block {
    /// A block until the end of the second of `until`.
    #[must_use]
    pub fn new(network: Network, by: Blocker, until: Timestamp) -> Self {
        let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
        Self { network, by, until }
    }

    /// Whether its time is over.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    /// What stands beside its rules, for the bot and for whoever looks at them.
    #[must_use]
    pub fn comment(&self) -> String {
        format!("{COMMENT}{}:{}", self.by.0, self.until)
    }

    /// From a rule's comment; `None` for one that is not the bot's.
    #[must_use]
    pub fn of_comment(network: Network, comment: &str) -> Option<Self> {
        let (by, until) = comment.strip_prefix(COMMENT)?.split_once(':')?;
        Some(Self { network, by: Blocker::try_from(by.to_owned()).ok()?, until: until.parse().ok()? })
    }
}

/// A person's name as it may stand in a rule: up to 64 letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blocker(String);

impl Blocker {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name with `_` in place of what may not stand in a rule.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let fit = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let name: String = name.chars().map(fit).take(64).collect();
        Self(if name.is_empty() { "_".to_owned() } else { name })
    }
}

impl TryFrom<String> for Blocker {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if !text.is_empty() && Self::named(&text).0 == text {
            Ok(Self(text))
        } else {
            Err("no name for a rule")
        }
    }
}

impl From<Blocker> for String {
    fn from(blocker: Blocker) -> Self {
        blocker.0
    }
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// What goes on to containers' published ports. Docker makes it; `INPUT` never sees that traffic.
    DockerUser,
    /// What goes to programs of the machine itself.
    Input,
}

impl Chain {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DockerUser, Self::Input];

    /// The firewall's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DockerUser => "DOCKER-USER",
            Self::Input => "INPUT",
        }
    }
}

/// What was done about a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// The rule stands at the top now.
    Inserted,
    /// The very rule stood there before.
    WasThere,
    /// There is no such chain: Docker has not made it for this protocol.
    NoChain,
}

/// A rule of the bot that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedBlock {
    /// Which.
    pub block: Block,
    /// Where.
    pub chain: Chain,
    /// Packets dropped.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    #[test]
    fn networks_are_read_as_they_are_meant() {
        for (typed, shown) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/32", "203.0.113.7"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("2001:DB8::7", "2001:db8::7"),
            ("2001:db8:1::7/32", "2001:db8::/32"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
            ("::ffff:0:0/64", "0.0.0.0/0"),
            ("10.0.0.1/0", "0.0.0.0/0"),
        ] {
            assert_eq!(network(typed).to_string(), shown, "{typed}");
        }
        for typed in [
            "",
            "203.0.113",
            "203.0.113.7/33",
            "203.0.113.7/",
            "203.0.113.7/+8",
            "::/129",
            "a.example",
            "1.2.3.4 -j ACCEPT",
            "1.2.3.4/256",
        ] {
            assert!(typed.parse::<Network>().is_err(), "{typed}");
        }
    }

    #[test]
    fn what_the_platform_needs_is_not_shut_out() {
        let own = ["172.18.0.0/16", "198.51.100.9", "2001:db8:5::/48"].map(network);
        let verdict = |typed: &str| network(typed).may_be_blocked(&own);
        for good in ["203.0.113.7", "203.0.0.0/16", "2001:db9::/32", "2a00::1", "198.51.100.8"] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
        for (typed, refusal) in [
            ("0.0.0.0/0", BlockRefusal::TooWide),
            ("::/0", BlockRefusal::TooWide),
            ("203.0.0.0/15", BlockRefusal::TooWide),
            ("2001:db9::/31", BlockRefusal::TooWide),
            ("127.9.9.9", BlockRefusal::Loopback),
            ("::1", BlockRefusal::Loopback),
            ("::ffff:127.0.0.1", BlockRefusal::Loopback),
            ("169.254.169.254", BlockRefusal::LinkLocal),
            ("fe80::1", BlockRefusal::LinkLocal),
            ("0.0.0.0", BlockRefusal::NoSender),
            ("255.255.255.255", BlockRefusal::NoSender),
            ("ff02::1", BlockRefusal::NoSender),
            ("::", BlockRefusal::NoSender),
            ("172.18.4.0/24", BlockRefusal::Own(own[0])),
            ("198.51.0.0/16", BlockRefusal::Own(own[1])),
            ("2001:db8::/32", BlockRefusal::Own(own[2])),
        ] {
            assert_eq!(verdict(typed), Err(refusal), "{typed}");
        }
    }

    #[test]
    fn a_comment_says_who_and_until_when_and_is_read_back() {
        let until = "2026-11-26T10:00:00.9Z".parse().expect("a time");
        let block = Block::new(network("203.0.113.0/24"), Blocker::named("Ada \"L\"\n; -j ACCEPT"), until);
        assert_eq!(block.comment(), "acgs-block:Ada__L____-j_ACCEPT:2026-11-26T10:00:00Z");
        assert_eq!(Block::of_comment(block.network, &block.comment()), Some(block.clone()));
        assert!(!block.has_expired("2026-11-26T09:59:59Z".parse().expect("a time")));
        assert!(block.has_expired(until));
        for other in [
            "",
            "acgs-block:",
            "acgs-block:ada",
            "acgs-block:ada:soon",
            "by hand",
            "acgs-block::2026-11-26T10:00:00Z",
        ] {
            assert_eq!(Block::of_comment(block.network, other), None, "{other}");
        }
    }
}
