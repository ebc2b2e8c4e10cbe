//! Prints the command reference: `cargo run -p commands --example reference > commands/COMMANDS.md`.

use std::io::Write as _;

use commands::grammar::Grammar;
use commands::reference::markdown;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(markdown(&Grammar::new(Vec::new())).as_bytes())
}
