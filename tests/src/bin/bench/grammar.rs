//! How long the grammar takes for a line, in this process.

use std::hint::black_box;
use std::time::{Duration, Instant};

use commands::grammar::Grammar;
use commands::ids::ServiceName;
use commands::line::MAX_BYTES;
use e2e::platform::SERVICES;

use crate::table::Table;

const LONG: usize = 64 * 1024;

/// A usual line, a mistyped one, and one that is far too long.
pub fn measure(table: &mut Table) -> anyhow::Result<()> {
    let services = SERVICES.iter().map(|name| name.parse()).collect::<Result<Vec<ServiceName>, _>>()?;
    let grammar = Grammar::new(services);
    let words = "word ".repeat(LONG / 5);
    let one_word = "w".repeat(MAX_BYTES);
    let usual = each(&grammar, "health", 100_000);
    table.alone("grammar, one parse of \"health\"", usual);
    for (what, line, times) in [
        ("health auth_service --wait 60", "health auth_service --wait 60", 50_000),
        ("helth (refused)", "helth", 20_000),
        ("a word as long as may be (refused)", &one_word, 2_000),
        ("64 KiB of words (refused)", &words, 2_000),
    ] {
        table.row(format!("grammar, {what}"), each(&grammar, line, times), "\"health\"", usual);
    }
    Ok(())
}

fn each(grammar: &Grammar, line: &str, times: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        // Refusing is as much work done as understanding.
        let _ = black_box(grammar.parse(black_box(line)));
    }
    started.elapsed() / times
}
