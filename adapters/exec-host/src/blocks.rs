//! The firewall's rules that shut somebody out on the bot's account, by the programs `iptables` and
//! `ip6tables`. Which arguments they get is said here and in [`crate::act::block`] alone.

use std::time::Duration;

use commands::block::{Block, Chain, Network, PlacedBlock};

use crate::HostError;
use crate::program::{Ended, run};

/// The two programs, by their whole paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// `iptables`
    pub v4: String,
    /// `ip6tables`
    pub v6: String,
}

impl Default for Firewall {
    fn default() -> Self {
        Self { v4: "/usr/sbin/iptables".to_owned(), v6: "/usr/sbin/ip6tables".to_owned() }
    }
}

/// How a program says that a rule or a chain is not there.
pub const NOT_THERE: i32 = 1;

/// Another program may be at work on the rules for so many seconds.
const PATIENCE: &str = "5";

impl Firewall {
    /// The program for a network.
    pub(crate) fn of(&self, network: Network) -> &str {
        if network.is_v6() { &self.v6 } else { &self.v4 }
    }
}

/// The rules of one block, in both programs' words.
pub fn rule(block: &Block) -> Vec<String> {
    let network = format!("{}/{}", block.network.address(), block.network.prefix());
    let comment = block.comment();
    ["-s", &network, "-m", "comment", "--comment", &comment, "-j", "DROP"].map(str::to_owned).into()
}

/// Runs one of the programs. What it is not allowed to do is an error that says what the bot lacks.
pub async fn firewall(program: &str, arguments: &[&str], deadline: Duration) -> Result<Ended, HostError> {
    let mut all = vec!["-w", PATIENCE];
    all.extend(arguments);
    let environment = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")];
    let ended = run(program, &all, &environment, deadline).await?;
    match ended.code {
        Some(0 | NOT_THERE) => Ok(ended),
        _ => Err(complaint(program, &ended)),
    }
}

/// What the program complains of. It has no secret to tell.
pub fn complaint(program: &str, ended: &Ended) -> HostError {
    let why = if ended.complaint.contains("Permission denied") {
        "it is refused: the bot needs the right CAP_NET_ADMIN in the machine's own network".to_owned()
    } else {
        let line = ended.complaint.lines().find(|line| !line.trim().is_empty());
        line.unwrap_or("it gave no reason").chars().filter(|c| !c.is_control()).take(200).collect()
    };
    HostError::Program { program: program.to_owned(), why }
}

/// All rules of the bot, of both programs and both chains, within `deadline` for each of the four questions.
/// Those of other people are not among them.
pub async fn blocks(firewall: &Firewall, deadline: Duration) -> Result<Vec<PlacedBlock>, HostError> {
    let mut found = Vec::new();
    for program in [&firewall.v4, &firewall.v6] {
        for chain in Chain::ALL {
            found.extend(listed(program, chain, deadline).await?.unwrap_or_default());
        }
    }
    Ok(found)
}

/// The bot's rules in one chain; `None` where there is no such chain.
pub async fn listed(
    program: &str,
    chain: Chain,
    deadline: Duration,
) -> Result<Option<Vec<PlacedBlock>>, HostError> {
    let ended = firewall(program, &["-v", "-S", chain.as_str()], deadline).await?;
    if ended.code == Some(NOT_THERE) {
        return Ok(None);
    }
    Ok(Some(ended.output.lines().filter_map(|line| parse(line, chain)).collect()))
}

/// A line such as `-A INPUT -s 203.0.113.7/32 -m comment --comment "acgs-block:…" -c 3 180 -j DROP`, and nothing
/// that has a word more or less.
pub fn parse(line: &str, chain: Chain) -> Option<PlacedBlock> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next();
    let starts = next() == Some("-A") && next() == Some(chain.as_str()) && next() == Some("-s");
    let network: Network = next().filter(|_| starts)?.parse().ok()?;
    let is_comment = next() == Some("-m") && next() == Some("comment") && next() == Some("--comment");
    let comment = next().filter(|_| is_comment)?.trim_matches('"');
    let block = Block::of_comment(network, comment)?;
    let counted = next() == Some("-c");
    let packets = next().filter(|_| counted)?.parse().ok()?;
    let bytes = next()?.parse().ok()?;
    let drops = next() == Some("-j") && next() == Some("DROP") && next().is_none();
    drops.then_some(PlacedBlock { block, chain, packets, bytes })
}
