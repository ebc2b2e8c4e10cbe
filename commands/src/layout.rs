//! Plain text that lines up: tables, shortened texts, durations for people.
//!
//! Markup and colours are not made here; each platform's adapter adds its own.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::card::{Align, Table};
use crate::escape::clean;

/// Columns that a phone held upright shows without breaking lines: monospaced blocks on Slack and
/// Discord are 12 px there, 7.2 px a character, in a bubble of some 320 px.
pub const PHONE: usize = 44;

/// Between two columns of a table.
const GAP: &str = "  ";

/// No column is cut below this: less would tell nothing.
const NARROWEST: usize = 6;

/// Bytes that a character may have on average. One of 25 (a family emoji) passes, a thousand accents
/// on one letter do not.
const BYTES_A_CHARACTER: usize = 8;

impl Table {
    /// The table in monospaced lines, the headings first, nothing after the last line. Words stand to
    /// the left, numbers to the right. Where it is wider than `width` columns of a terminal, the widest
    /// columns of words are cut with `…`, but no column below six: then it stays wider.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        let heading: Vec<_> = self.columns.iter().map(|column| cell(&column.heading)).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|text| cell(text)).collect());
        let lines: Vec<Vec<Cow<'_, str>>> = std::iter::once(heading).chain(rows).collect();
        let widths = self.fitted(&lines, width);
        let lines: Vec<String> = lines.iter().map(|line| self.line(line, &widths)).collect();
        lines.join("\n")
    }

    /// How wide each column is once the table fits.
    fn fitted(&self, lines: &[Vec<Cow<'_, str>>], width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        let gaps = GAP.len() * self.columns.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        while excess > 0 {
            let left = self.columns.iter().zip(&mut widths).filter(|(column, _)| column.align == Align::Left);
            match left.map(|(_, width)| width).max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
            excess -= 1;
        }
        widths
    }

    fn line(&self, cells: &[Cow<'_, str>], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(&self.columns).zip(widths) {
            if !std::ptr::eq(column, &raw const self.columns[0]) {
                line.push_str(GAP);
            }
            let cell = narrow(cell, *width);
            let space = " ".repeat(width.saturating_sub(cell.width()));
            match column.align {
                Align::Left => line.extend([cell.as_ref(), &space]),
                Align::Right => line.extend([&space, cell.as_ref()]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A cell on one line.
fn cell(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(clean(text).replace(['\n', '\t'], " "))
}

/// At most `width` columns wide, with `…` at the end where something is missing.
fn narrow(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut end = 0;
    for (at, character) in text.grapheme_indices(true) {
        if text[..at].width() + character.width() + 1 > width {
            break;
        }
        end = at + character.len();
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

/// At most `most` characters as people count them (graphemes), and never more than eight bytes for
/// each, with `…` at the end where something is missing.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    let bytes = most * BYTES_A_CHARACTER;
    let mut ends = text.grapheme_indices(true).map(|(at, character)| at + character.len());
    let fits = |end: usize| end <= bytes;
    let kept = ends.by_ref().take(most.saturating_sub(1)).take_while(|end| fits(*end)).last().unwrap_or(0);
    let whole = text.len() <= bytes && text.graphemes(true).nth(most).is_none();
    if whole { text.to_owned() } else { format!("{}…", &text[..kept]) }
}

/// A length of time in one or two units: `12 ms`, `3.0 s`, `2 h 5 min`, `3 d 4 h`. Cut, not rounded.
#[must_use]
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if length.is_zero() => "0 ms".to_owned(),
        0 if length.as_millis() == 0 => "<1 ms".to_owned(),
        0 => format!("{} ms", length.as_millis()),
        1..60 => format!("{}.{} s", seconds, length.subsec_millis() / 100),
        _ => whole(seconds),
    }
}

/// How long before `now` something was: `5 s ago`, `2 h 5 min ago`. What lies ahead (clocks differ
/// between machines) is `just now`, as is the last second.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match u64::try_from(now.duration_since(then).as_secs()) {
        Err(_) | Ok(0) => "just now".to_owned(),
        Ok(seconds) => format!("{} ago", whole(seconds)),
    }
}

/// Whole seconds in the largest unit that they fill and the next smaller one.
fn whole(seconds: u64) -> String {
    let (large, small, unit) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => ((seconds / 60, "min"), seconds % 60, "s"),
        3_600..86_400 => ((seconds / 3_600, "h"), seconds / 60 % 60, "min"),
        _ => ((seconds / 86_400, "d"), seconds / 3_600 % 24, "h"),
    };
    let (count, name) = large;
    if small == 0 { format!("{count} {name}") } else { format!("{count} {name} {small} {unit}") }
}

#[cfg(test)]
mod tests;
