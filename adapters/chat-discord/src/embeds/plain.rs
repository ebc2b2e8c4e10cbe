//! A card as plain text, for the file that holds what does not fit.

use std::fmt::Write;

use commands::card::{Card, Section};
use commands::escape;

/// Wide enough for any table: a file is not read on a phone.
const TABLE_WIDTH: usize = 160;

/// The whole card.
pub(super) fn card(card: &Card) -> String {
    let mut text = format!("{}\n\n", card.title);
    for section in &card.sections {
        // Writing to a String does not fail.
        let _ = match section {
            Section::Text(paragraph) => writeln!(text, "{paragraph}"),
            Section::Facts(facts) => {
                facts.iter().try_for_each(|(label, value)| writeln!(text, "{label}: {value}"))
            }
            Section::Table(table) => writeln!(text, "{}", table.to_text(TABLE_WIDTH)),
            Section::Code(code) => writeln!(text, "{code}"),
            Section::Next(lines) => lines.iter().try_for_each(|line| writeln!(text, "/acgs {line}")),
        };
        text.push('\n');
    }
    text.extend(card.footer.iter().flat_map(|footer| [footer.as_str(), "\n"]));
    escape::clean(&text)
}
