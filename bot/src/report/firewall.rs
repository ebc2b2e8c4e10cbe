//! The words of addresses that are shut out.

use commands::block::{Block, Chain, PlacedBlock};
use commands::card::{Align, Section, Table, Tone};
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// Rows in a chat.
const ROWS: usize = 20;

/// Who is shut out, and who should be and is not.
#[must_use]
pub fn blocks(placed: &[PlacedBlock], gone: &[Block], now: Timestamp) -> Reply {
    let mut all: Vec<&Block> = placed.iter().map(|one| &one.block).collect();
    all.sort_by_key(|block| (block.until, block.network));
    all.dedup();
    let row = |block: &&Block| {
        let packets = |chain: Chain| {
            let of = placed.iter().find(|one| one.block == **block && one.chain == chain);
            of.map_or_else(|| "no rule".to_owned(), |one| one.packets.to_string())
        };
        vec![
            block.network.to_string(),
            block.by.as_str().to_owned(),
            layout::duration(block.until.duration_since(now).unsigned_abs()),
            packets(Chain::DockerUser),
            packets(Chain::Input),
        ]
    };
    let mut sections = Vec::new();
    if !all.is_empty() {
        let columns = vec![
            column("address", Align::Left),
            column("by", Align::Left),
            column("for", Align::Right),
            column("containers", Align::Right),
            column("machine", Align::Right),
        ];
        let rows = all.iter().take(ROWS).map(row).collect();
        sections.push(Section::Table(Table { columns, rows }));
        sections
            .push(Section::Text("Packets dropped on the way to containers and to the machine.".to_owned()));
    }
    if all.len() > ROWS {
        sections.push(Section::Text(format!("And {} more.", all.len() - ROWS)));
    }
    if !gone.is_empty() {
        let names: Vec<String> =
            gone.iter().map(|one| format!("{} until {}", one.network, clock_time(one.until))).collect();
        sections.push(Section::Text(format!(
            "Not shut out any more, and should be: {}. Somebody has taken the rules away, or the machine was started anew.",
            layout::short(&names.join(", "), 600)
        )));
    }
    let next = match (all.first(), gone.first()) {
        (_, Some(gone)) => Some(format!("security block {} 1d", gone.network)),
        (Some(first), None) => Some(format!("security unblock {}", first.network)),
        (None, None) => None,
    };
    sections.extend(next.map(|line| Section::Next(vec![line])));
    let (title, tone) = match (all.len(), gone.is_empty()) {
        (_, false) => {
            (format!("{} of {} blocks are gone", gone.len(), all.len() + gone.len()), Tone::Warning)
        }
        (0, true) => ("Nobody is shut out".to_owned(), Tone::Good),
        (1, true) => ("1 address is shut out".to_owned(), Tone::Neutral),
        (count, true) => (format!("{count} addresses are shut out"), Tone::Neutral),
    };
    public(card(title, tone, sections))
}

/// Its time is over.
#[must_use]
pub fn let_in(block: &Block, rules: usize) -> Reply {
    let how = if rules == 0 {
        "its rules were gone already: somebody has taken them away, or the machine was started anew"
            .to_owned()
    } else {
        format!("{rules} rules are taken away")
    };
    let text = format!("{} had shut it out until {}, and {how}.", block.by.as_str(), clock_time(block.until));
    public(card(format!("{} is let in again", block.network), Tone::Neutral, vec![Section::Text(text)]))
}

/// Its time is over, and its rules stand.
#[must_use]
pub fn stays_out(block: &Block, why: &str) -> Reply {
    let text = format!(
        "{} had shut it out until {}, and the rules can't be taken away: {}. It is tried again each second.",
        block.by.as_str(),
        clock_time(block.until),
        layout::short(&commands::escape::clean(why), 300)
    );
    public(card(format!("{} is still shut out", block.network), Tone::Bad, vec![Section::Text(text)]))
}
