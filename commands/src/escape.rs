//! Text that came from outside, made harmless for one place each.
//!
//! Everything that the bot shows passes one of these functions once, in the adapter that shows it:
//! log lines, labels, names, even our own sentences, because telling them apart is where it goes wrong.
//! [`clean`] is part of all of them. None of them cuts: that is done before, on plain text.

use std::iter::Peekable;
use std::str::Chars;

/// Stands for a marker of markup that has no escape. Looks like it and does nothing.
const INERT: [(char, char); 4] = [('*', '∗'), ('_', 'ˍ'), ('~', '∼'), ('`', 'ˋ')];

/// Parts an `@` from a name, so that no platform finds a mention. The SDKs of Discord do the same.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Plain text as a reader sees it: without control characters (but line breaks and tabs), terminal
/// colours, marks of writing direction, invisible characters and code points that are no characters.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            skip_terminal_sequence(&mut rest);
        } else if c == '\n' || c == '\t' || !(c.is_control() || is_invisible(c) || is_no_character(c)) {
            seen.push(c);
        }
    }
    seen
}

/// Plain text for Slack's `mrkdwn`: `&`, `<` and `>` escaped, which makes mentions and links inert
/// (docs.slack.dev/messaging/formatting-message-text), and markers that would format replaced by ones
/// that look alike, since Slack has no escape for them. Markers inside words stay: `auth_service`.
///
/// Slack turns bare addresses into links by itself: the text object has to say `verbatim: true`.
#[must_use]
pub fn slack(text: &str) -> String {
    let plain = clean(text);
    let mut safe = String::with_capacity(plain.len() + 16);
    let mut before = None;
    let mut rest = plain.chars().peekable();
    while let Some(c) = rest.next() {
        let formats = c == '`' || (matches!(c, '*' | '_' | '~') && may_format(before, rest.peek().copied()));
        if formats {
            safe.push(inert(c));
        } else {
            push_entity(&mut safe, c);
        }
        before = Some(c);
    }
    safe
}

/// Plain text for between Slack's three backticks: the characters of entities escaped, and nothing
/// left that could close the block.
#[must_use]
pub fn slack_code(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in without_fences(&clean(text)).chars() {
        push_entity(&mut safe, c);
    }
    safe
}

/// Plain text for Discord's Markdown: mentions, channels, commands, times, emoji, links and markup are
/// shown as they were written and do nothing.
///
/// For texts that Discord renders: content, embed descriptions, field names and values. Footers,
/// author names, button labels show backslashes as they are; [`clean`] is enough there.
#[must_use]
pub fn discord(text: &str) -> String {
    let plain = clean(text);
    let mut safe = String::with_capacity(plain.len() + 16);
    let mut line = Line::Blank;
    for (at, c) in plain.char_indices() {
        let (before, after) = (&plain[..at], &plain[at + c.len_utf8()..]);
        let live = match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' | ']' => true,
            '>' | '#' | '-' | '+' => line == Line::Blank,
            ')' => line == Line::Number,
            // `discord.gg/` and `https://` become links by themselves.
            '.' => line == Line::Number || names_discord(before),
            ':' => after.starts_with('/'),
            _ => false,
        };
        if live {
            safe.push('\\');
        }
        safe.push(c);
        if c == '@' && names_somebody(before, after) {
            safe.push(ZERO_WIDTH_SPACE);
        }
        line = line.after(c);
    }
    safe
}

/// Plain text for between Discord's three backticks, where nothing is live: nothing is left that could
/// close the block.
#[must_use]
pub fn discord_code(text: &str) -> String {
    without_fences(&clean(text))
}

/// Plain text for HTML, both between tags and inside a quoted attribute.
#[must_use]
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in clean(text).chars() {
        match c {
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => push_entity(&mut safe, c),
        }
    }
    safe
}

/// Whether a reader of the line could not see it: zero-width, direction, filler and tag characters.
/// Variation selectors of emoji and joined accents are not among them: one sees their effect.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

const fn is_no_character(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe
}

/// Skips what follows ESC in a colour or a cursor movement (ECMA-48: parameters, then one final
/// character), and nothing else, so that a lone ESC can't hide text.
fn skip_terminal_sequence(rest: &mut Peekable<Chars<'_>>) {
    if rest.next_if_eq(&'[').is_some() {
        while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
        rest.next_if(|c| matches!(c, '@'..='~'));
    }
}

fn push_entity(safe: &mut String, c: char) {
    match c {
        '&' => safe.push_str("&amp;"),
        '<' => safe.push_str("&lt;"),
        '>' => safe.push_str("&gt;"),
        _ => safe.push(c),
    }
}

fn inert(marker: char) -> char {
    INERT.into_iter().find(|(live, _)| *live == marker).map_or(marker, |(_, inert)| inert)
}

/// Whether a marker between these neighbours could open or close formatting on Slack: not inside a
/// word, and not alone between spaces.
fn may_format(before: Option<char>, after: Option<char>) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let open = |c: Option<char>| c.is_none_or(char::is_whitespace);
    !(in_word(before) && in_word(after) || open(before) && open(after))
}

/// Backticks that stand together, or at an end where the block's own are next to them, are replaced.
fn without_fences(plain: &str) -> String {
    let mut safe = String::with_capacity(plain.len());
    let mut before = Some('`');
    let mut rest = plain.chars().peekable();
    while let Some(c) = rest.next() {
        let alone = before != Some('`') && rest.peek().is_some_and(|next| *next != '`');
        safe.push(if c == '`' && !alone { inert(c) } else { c });
        before = Some(c);
    }
    safe
}

/// Whether an `@` between these is the start of a mention: `@everyone`, `@here`, `<@1>`, `<@&1>`.
fn names_somebody(before: &str, after: &str) -> bool {
    before.ends_with('<')
        || ["everyone", "here", "!", "&"].iter().any(|name| after.starts_with(name))
        || after.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a `.` after this is that of `discord.gg` or `discord.com`.
fn names_discord(before: &str) -> bool {
    ["discord", "discordapp"].into_iter().any(|name| {
        let tail = before.len().checked_sub(name.len()).and_then(|at| before.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(name))
    })
}

/// What a line has before the character at hand. Block markup is alive after nothing but spaces; a
/// dot or a bracket makes a list after a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Number,
    Text,
}

impl Line {
    fn after(self, c: char) -> Self {
        match self {
            _ if c == '\n' => Self::Blank,
            Self::Blank if c.is_whitespace() => Self::Blank,
            Self::Blank | Self::Number if c.is_ascii_digit() => Self::Number,
            Self::Blank | Self::Number | Self::Text => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests;
