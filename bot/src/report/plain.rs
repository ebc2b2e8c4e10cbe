//! A reply as plain text, for a terminal and for files.

use std::fmt::Write as _;
use std::path::Path;

use commands::card::{Card, Section, Tone};
use commands::escape::clean;
use commands::message::Reply;

/// Wide enough for every column; a terminal is not a phone.
const WIDTH: usize = 100;

/// The card as text, with where its picture lies; control characters of whatever origin never reach the terminal.
#[must_use]
pub fn text(reply: &Reply, picture: Option<&Path>, colours: bool) -> String {
    let mut text = String::new();
    title(&mut text, &reply.card, colours);
    for part in &reply.card.sections {
        text.push('\n');
        section(&mut text, part);
    }
    if let Some(path) = picture {
        let _ = writeln!(text, "\npicture: {}", clean(&path.display().to_string()));
    }
    if let Some(footer) = &reply.card.footer {
        let _ = writeln!(text, "\n{}", clean(footer));
    }
    if let Some(file) = &reply.file {
        let _ = write!(text, "\n{}", clean(&file.content));
    }
    text
}

fn title(text: &mut String, card: &Card, colours: bool) {
    let (sign, code) = match card.tone {
        Tone::Good => ("ok", "32"),
        Tone::Neutral => ("--", "0"),
        Tone::Warning => ("!!", "33"),
        Tone::Bad => ("!!", "31"),
    };
    let title = clean(&card.title);
    // Writing to a String can't fail.
    let _ = if colours {
        writeln!(text, "\x1b[1;{code}m{sign} {title}\x1b[0m")
    } else {
        writeln!(text, "{sign} {title}")
    };
}

fn section(text: &mut String, section: &Section) {
    // Writing to a String can't fail.
    let _ = match section {
        Section::Text(paragraph) => writeln!(text, "{}", clean(paragraph)),
        Section::Code(code) => writeln!(text, "{}", clean(code)),
        Section::Table(table) => writeln!(text, "{}", table.to_text(WIDTH)),
        Section::Facts(facts) => {
            let width = facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
            facts
                .iter()
                .try_for_each(|(label, value)| writeln!(text, "{:width$}  {}", clean(label), clean(value)))
        }
        Section::Next(lines) => {
            lines.iter().try_for_each(|line| writeln!(text, "next: acgs run -- {}", clean(line)))
        }
    };
}

#[cfg(test)]
mod tests;
