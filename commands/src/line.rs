//! From the line that a person typed to words, and back.
//!
//! Phones turn `"` into `“`, `--` into `—` and spaces into non-breaking ones: those are read as they
//! were meant. What a reader of the channel could not see is refused, so that the line shown is the
//! line that runs. The words are then split as a shell splits them, and never run by one; `#` starts
//! no comment, because a word that disappears silently is worse than one too many.

use crate::escape::is_invisible;

/// Longest line that is looked at, in bytes. A runbook's longest line is a tenth of it.
pub const MAX_BYTES: usize = 4_000;

/// Most words in a line.
pub const MAX_WORDS: usize = 100;

/// The name that people on Slack and Discord type before a command.
const NAME: &str = "/acgs";

/// Why a line can't be split into words. Each message is short, whatever was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// More than [`MAX_BYTES`].
    #[error("The line is too long ({bytes} bytes, at most {max}): shorten it and send it again.", max = MAX_BYTES)]
    TooLong {
        /// Bytes typed.
        bytes: usize,
    },
    /// More than [`MAX_WORDS`].
    #[error("The line has too many words ({words}, at most {max}): shorten it and send it again.", max = MAX_WORDS)]
    TooManyWords {
        /// Words typed.
        words: usize,
    },
    /// A line break in the middle.
    #[error("Write one command on one line, and send the next one as a message of its own.")]
    SeveralLines,
    /// A control character.
    #[error("The line has a control character (U+{:04X}): type it again by hand.", u32::from(*.0))]
    Control(char),
    /// A mark that nobody can see: zero-width, or one that turns the direction of writing.
    #[error("The line has an invisible character (U+{:04X}): type it again by hand.", u32::from(*.0))]
    Invisible(char),
    /// A quote or a backslash without its other half.
    #[error("A quote is opened and never closed: close it, or put a backslash before it (\\').")]
    OpenQuote,
}

/// The words of a typed line, by the quoting rules of a shell. A leading `/acgs` is left out.
///
/// # Errors
/// When the line is too long, can't be seen whole by a reader, or leaves a quote open.
pub fn split(line: &str) -> Result<Vec<String>, LineError> {
    if line.len() > MAX_BYTES {
        return Err(LineError::TooLong { bytes: line.len() });
    }
    let plain = plain_line(line.trim())?;
    let words = shlex::split(without_name(&plain)).ok_or(LineError::OpenQuote)?;
    few(words)
}

/// The same rules for words that a shell has split already: the terminal's arguments.
///
/// # Errors
/// As [`split`], but for open quotes.
pub fn plain_words(words: &[String]) -> Result<Vec<String>, LineError> {
    let bytes = words.iter().map(|word| word.len() + 1).sum::<usize>();
    if bytes > MAX_BYTES {
        return Err(LineError::TooLong { bytes });
    }
    few(words.iter().map(|word| plain_word(word)).collect::<Result<_, _>>()?)
}

/// The words as one line that [`split`] turns back into them, quoted where they need it.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        // NUL is the one thing that can't be quoted, and `split` refuses it.
        match shlex::try_quote(word) {
            Ok(quoted) => line.push_str(&quoted),
            Err(_) => line.push_str(&word.replace('\0', "")),
        }
    }
    line
}

fn few(words: Vec<String>) -> Result<Vec<String>, LineError> {
    if words.len() > MAX_WORDS { Err(LineError::TooManyWords { words: words.len() }) } else { Ok(words) }
}

fn without_name(line: &str) -> &str {
    match line.split_at_checked(NAME.len()) {
        Some((name, rest))
            if name.eq_ignore_ascii_case(NAME) && (rest.is_empty() || rest.starts_with(' ')) =>
        {
            rest
        }
        _ => line,
    }
}

fn plain_line(line: &str) -> Result<String, LineError> {
    let mut plain = String::with_capacity(line.len() + 2);
    let mut quoting = Quoting::Outside;
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(typed) = rest.next() {
        let next = rest.peek().copied();
        let c = plain_char(before, typed, next)?;
        let starts_word = quoting == Quoting::Outside && before == ' ';
        match c {
            '—' | '–' | '―' if starts_word && next.is_some_and(char::is_alphabetic) => {
                plain.push_str("--");
                before = '-';
                continue;
            }
            '#' if starts_word => plain.push('\\'),
            _ => {}
        }
        quoting = quoting.after(c);
        plain.push(c);
        before = c;
    }
    Ok(plain)
}

fn plain_word(word: &str) -> Result<String, LineError> {
    let mut plain = String::with_capacity(word.len());
    let mut before = ' ';
    let mut rest = word.chars().peekable();
    while let Some(typed) = rest.next() {
        before = plain_char(before, typed, rest.peek().copied())?;
        plain.push(before);
    }
    Ok(plain)
}

/// What a character was meant to be, between its neighbours.
fn plain_char(before: char, c: char, next: Option<char>) -> Result<char, LineError> {
    match c {
        ' '..='~' => Ok(c),
        '\t' => Ok(' '),
        '\n' | '\r' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Err(LineError::SeveralLines)
        }
        // The apostrophe of a word that a phone typed opens no quote.
        '’' if before.is_alphanumeric() && next.is_some_and(char::is_alphanumeric) => Ok(c),
        '‘' | '’' | '‚' | '‛' => Ok('\''),
        '“' | '”' | '„' | '‟' | '«' | '»' => Ok('"'),
        // Hyphen, non-breaking hyphen, minus.
        '\u{2010}' | '\u{2011}' | '\u{2212}' => Ok('-'),
        _ if is_invisible(c) => Err(LineError::Invisible(c)),
        _ if c.is_control() => Err(LineError::Control(c)),
        _ if c.is_whitespace() => Ok(' '),
        _ => Ok(c),
    }
}

/// Where in a shell's quoting a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Outside,
    Escaped,
    Single,
    Double,
    DoubleEscaped,
}

impl Quoting {
    const fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Outside, '\\') => Self::Escaped,
            (Self::Outside, '\'') => Self::Single,
            (Self::Outside, '"') => Self::Double,
            (Self::Double, '\\') => Self::DoubleEscaped,
            (Self::Single, '\'') | (Self::Double, '"') | (Self::Outside | Self::Escaped, _) => Self::Outside,
            (Self::Single, _) => Self::Single,
            (Self::Double | Self::DoubleEscaped, _) => Self::Double,
        }
    }
}

#[cfg(test)]
mod tests;
