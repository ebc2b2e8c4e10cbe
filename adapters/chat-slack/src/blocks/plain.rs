//! A card as plain text, for the file that holds what does not fit and for screen readers.

use std::fmt::Write;

use commands::card::{Card, Section};
use commands::escape;

/// Nothing is shortened in a file.
const TABLE_WIDTH: usize = usize::MAX;

/// The whole card.
pub(super) fn card(card: &Card) -> String {
    let footer = card.footer.as_deref().unwrap_or_default();
    escape::clean(&format!("{}\n\n{}{footer}\n", card.title, body(card)))
}

/// The sections alone.
pub(super) fn body(card: &Card) -> String {
    let mut text = String::new();
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
    text
}
