//! Whether a plain dump holds nothing but statements and rows.
//!
//! `psql` reads a plain dump, and `psql` obeys lines such as `\! rm -r x` anywhere outside of quotes. What could be one
//! is refused here before `psql` sees it. This reads as `psql` does (its `psqlscan.l`), and where that depends on a
//! setting or is more than `pg_dump` writes, it refuses: it never takes for quoted, or for rows, what `psql` does not.
//! What is left: a backslash inside of quotes, dollar quotes and comments, and in rows, where it is no command.

use std::fmt;

/// What `pg_dump` writes is shorter; rows may be longer.
const LONGEST_WORD: usize = 128;

/// Where a dump holds something else, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpFault {
    /// From 1.
    pub line: u64,
    /// In a sentence's end.
    pub what: &'static str,
}

impl fmt::Display for DumpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for DumpFault {}

/// Where in a dump one is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// Between quotes and comments.
    Plain,
    /// A word, as `psql` takes identifiers and keywords.
    Word(Vec<u8>),
    /// After `-` or `/`, which may begin a comment.
    Half(u8),
    /// Behind `$`, in the name of a dollar quote.
    Tag(Vec<u8>),
    /// `'…'`; whether the last byte was a backslash.
    Single { escaped: bool },
    /// `"…"`
    Double,
    /// `$tag$…$tag$`: the tag with its dollars, and how much of its end was read.
    Dollar { tag: Vec<u8>, matched: usize },
    /// `-- …`
    Comment,
    /// `/* … */`: how deep, and the last byte where it may be half of an end or of a begin.
    Block { depth: u32, last: u8 },
    /// A line that begins with a backslash.
    Command(Vec<u8>),
    /// Behind a `COPY`, on its line.
    CopyEnd,
    /// Rows of a `COPY`: what the line begins with, as far as that matters.
    Rows(Vec<u8>),
}

/// Reads a plain dump piece by piece.
#[derive(Clone, Debug)]
pub struct PlainDump {
    at: At,
    line: u64,
    /// Nothing but white space stands before on this line.
    fresh: bool,
    /// The last byte outside of quotes was a digit or belonged to a number.
    in_number: bool,
    /// Open brackets.
    depth: u32,
    /// The statement's words so far, in lower case: the first one, and the last two.
    first: Option<Vec<u8>>,
    last: [Vec<u8>; 2],
    /// Something stands behind the last word.
    after_word: bool,
    /// The line on which the statement's first word stands.
    began: u64,
}

impl Default for PlainDump {
    fn default() -> Self {
        Self {
            at: At::Plain,
            line: 1,
            fresh: true,
            in_number: false,
            depth: 0,
            first: None,
            last: [Vec::new(), Vec::new()],
            after_word: false,
            began: 1,
        }
    }
}

const fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn goes_on(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

impl PlainDump {
    /// Reads on. After an error the rest must not be read by anybody.
    ///
    /// # Errors
    /// The first thing that is neither a statement nor a row.
    pub fn read(&mut self, piece: &[u8]) -> Result<(), DumpFault> {
        piece.iter().try_for_each(|byte| self.take(*byte))
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, DumpFault> {
        Err(DumpFault { line: self.line, what })
    }

    fn take(&mut self, byte: u8) -> Result<(), DumpFault> {
        if byte == 0 {
            return self.fault("a NUL byte, which no dump has");
        }
        self.step(byte)?;
        if byte == b'\n' {
            self.line += 1;
            self.fresh = true;
        } else if !byte.is_ascii_whitespace() {
            self.fresh = false;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), DumpFault> {
        match std::mem::replace(&mut self.at, At::Plain) {
            At::Plain => self.plain(byte),
            At::Word(mut word) if goes_on(byte) => {
                if word.len() < LONGEST_WORD {
                    word.push(byte.to_ascii_lowercase());
                }
                self.at = At::Word(word);
                Ok(())
            }
            At::Word(word) => {
                self.word(word)?;
                self.plain(byte)
            }
            At::Half(first) => match (first, byte) {
                (b'-', b'-') => {
                    self.at = At::Comment;
                    Ok(())
                }
                (b'/', b'*') => {
                    self.at = At::Block { depth: 1, last: 0 };
                    Ok(())
                }
                _ => self.plain(byte),
            },
            At::Tag(mut tag) => {
                let fits = begins_word(byte) || (byte.is_ascii_digit() && tag.len() > 1);
                tag.push(byte);
                if byte == b'$' {
                    self.at = At::Dollar { tag, matched: 0 };
                    Ok(())
                } else if fits && tag.len() < LONGEST_WORD {
                    self.at = At::Tag(tag);
                    Ok(())
                } else {
                    self.fault("a $ that begins no quote")
                }
            }
            At::Single { escaped } => {
                if byte == b'\'' && escaped {
                    return self.fault("a backslash before a quote, which may or may not end the text");
                }
                if byte != b'\'' {
                    self.at = At::Single { escaped: byte == b'\\' && !escaped };
                }
                Ok(())
            }
            At::Double => {
                if byte != b'"' {
                    self.at = At::Double;
                }
                Ok(())
            }
            At::Dollar { tag, matched } => {
                let matched = match tag.get(matched) {
                    Some(next) if *next == byte => matched + 1,
                    _ if byte == b'$' => 1,
                    _ => 0,
                };
                if matched < tag.len() {
                    self.at = At::Dollar { tag, matched };
                }
                Ok(())
            }
            At::Comment => {
                if !matches!(byte, b'\n' | b'\r') {
                    self.at = At::Comment;
                }
                Ok(())
            }
            At::Block { depth, last } => {
                let (depth, last) = match (last, byte) {
                    (b'*', b'/') => (depth - 1, 0),
                    (b'/', b'*') => (depth + 1, 0),
                    _ => (depth, byte),
                };
                if depth > 0 {
                    self.at = At::Block { depth, last };
                }
                Ok(())
            }
            At::Command(mut line) => {
                if byte != b'\n' {
                    line.push(byte);
                    if line.len() > LONGEST_WORD {
                        return self.fault("a command of psql");
                    }
                    self.at = At::Command(line);
                    return Ok(());
                }
                if is_restriction(&line) { Ok(()) } else { self.fault("a command of psql") }
            }
            At::CopyEnd => match byte {
                b'\n' => {
                    self.at = At::Rows(Vec::new());
                    Ok(())
                }
                b'\r' | b' ' => {
                    self.at = At::CopyEnd;
                    Ok(())
                }
                _ => self.fault("something behind a COPY, which psql reads after its rows"),
            },
            At::Rows(mut line) => {
                if byte != b'\n' {
                    // Only the end of the rows is as short as this.
                    if line.len() < 4 {
                        line.push(byte);
                    }
                    self.at = At::Rows(line);
                } else if line != b"\\." && line != b"\\.\r" {
                    self.at = At::Rows(Vec::new());
                }
                Ok(())
            }
        }
    }

    /// A byte outside of everything.
    fn plain(&mut self, byte: u8) -> Result<(), DumpFault> {
        let in_number = std::mem::take(&mut self.in_number);
        if !byte.is_ascii_whitespace() && byte != b';' && !begins_word(byte) {
            self.after_word = true;
        }
        match byte {
            b'\\' if self.fresh && self.first.is_none() => self.at = At::Command(vec![byte]),
            b'\\' => return self.fault("a backslash outside of quotes, which psql takes for a command"),
            b'\'' => self.at = At::Single { escaped: false },
            b'"' => self.at = At::Double,
            b'$' if in_number => return self.fault("a $ behind a number"),
            b'$' => self.at = At::Tag(vec![byte]),
            b'-' | b'/' => self.at = At::Half(byte),
            b'(' => self.depth += 1,
            b')' => self.depth = self.depth.saturating_sub(1),
            b';' if self.depth > 0 => return self.fault("a semicolon inside of brackets"),
            b';' => return self.end_statement(),
            byte if byte.is_ascii_digit() => self.in_number = true,
            byte if begins_word(byte) => self.at = At::Word(vec![byte.to_ascii_lowercase()]),
            _ => {}
        }
        Ok(())
    }

    fn word(&mut self, word: Vec<u8>) -> Result<(), DumpFault> {
        // The statements of such a body end with semicolons of their own.
        if word == b"atomic" {
            return self.fault("a body that begins with BEGIN ATOMIC");
        }
        if self.first.is_none() {
            self.began = self.line;
            self.first = Some(word.clone());
        }
        self.after_word = false;
        self.last.swap(0, 1);
        self.last[1] = word;
        Ok(())
    }

    fn end_statement(&mut self) -> Result<(), DumpFault> {
        let copies = self.first.as_deref() == Some(b"copy");
        let from_there = self.last[0] == b"from" && self.last[1] == b"stdin" && !self.after_word;
        let on_one_line = self.began == self.line;
        self.first = None;
        self.last = [Vec::new(), Vec::new()];
        self.after_word = false;
        match (copies, from_there && on_one_line) {
            (false, _) => Ok(()),
            (true, false) => self.fault("a COPY that pg_dump does not write"),
            // Rows begin on the next line.
            (true, true) => {
                self.at = At::CopyEnd;
                Ok(())
            }
        }
    }
}

/// `\restrict` and `\unrestrict`, with which newer dumps begin and end: they take rights from `psql`.
fn is_restriction(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let key = line.strip_prefix(b"\\restrict ").or_else(|| line.strip_prefix(b"\\unrestrict "));
    key.is_some_and(|key| !key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests;
