//! What a container wrote, sieved line by line in constant memory.
//!
//! Whoever reads the log feeds [`Sieve::take`] with every line, oldest first; what is kept at the end
//! is the newest lines that were wanted, and counts of all of them.

pub(crate) mod kind;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redact::{GONE, Redactor};
use crate::threat::{Event, Threat};

pub use self::kind::{Kind, Level, Severity};

/// Bytes of lines kept; older ones go first.
const KEPT: usize = 4 << 20;

/// Bytes kept of one line. More have to be given of a longer one, so that a secret that begins
/// among these is seen whole.
pub const LINE: usize = 8 << 10;

/// Lines of a key that has no end.
const LONGEST_KEY: u32 = 200;

/// Bytes of Base64 in each line of a key.
const KEY_LINE: usize = 64;

/// Kinds of lines told apart; further ones are not grouped.
const GROUPS: usize = 2_000;

/// A group is known by this many bytes of its line.
const GROUP_KEY: usize = 300;

/// Pieces of text, any of which a line has to hold, whatever the case. No pattern: what is typed in a
/// chat is compared and not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grep {
    typed: String,
    pieces: Vec<String>,
}

impl Grep {
    /// Characters that it may have.
    pub const LONGEST: usize = 200;

    /// Whether `line` holds one of the pieces.
    #[must_use]
    pub fn matches(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.pieces.iter().any(|piece| line.contains(piece))
    }
}

impl FromStr for Grep {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let pieces: Vec<String> =
            typed.split('|').filter(|piece| !piece.trim().is_empty()).map(str::to_lowercase).collect();
        if pieces.is_empty() || typed.chars().count() > Self::LONGEST {
            return Err(format!(
                "a text to look for, or several as A|B, of at most {} characters",
                Self::LONGEST
            ));
        }
        Ok(Self { typed: typed.to_owned(), pieces })
    }
}

/// As it was typed.
impl fmt::Display for Grep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// What lines have to be about, for whoever looks through the logs of all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Signs of an attack; alike ones are those of one kind from one address.
    Threats,
    /// Warnings and worse, and lines of the level SECURITY.
    Troubles,
}

impl Subject {
    fn is_of(self, line: &str, kind: Kind) -> bool {
        match self {
            Self::Threats => Threat::of(line).is_some(),
            Self::Troubles => {
                kind.severity >= Severity::Warning || (kind.security && Threat::of(line).is_some())
            }
        }
    }
}

/// What of a log is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// So many of the newest lines.
    pub tail: u16,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Lines that hold this.
    pub grep: Option<Grep>,
    /// Lines of this level.
    pub level: Option<Level>,
    /// Lines about this.
    pub subject: Option<Subject>,
}

impl Wanted {
    /// Whether lines are looked for, and not just the newest taken.
    #[must_use]
    pub const fn is_search(&self) -> bool {
        self.grep.is_some() || self.level.is_some() || self.subject.is_some()
    }
}

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// By the Engine's clock; `None` where it gave none.
    pub at: Option<Timestamp>,
    /// Without colours and control characters.
    pub text: String,
    /// Bytes at its end that were not kept.
    pub missing: u64,
}

impl LogLine {
    fn shorten(&mut self) {
        if self.text.len() > LINE {
            let mut end = LINE;
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.missing += u64::try_from(self.text.len() - end).unwrap_or(u64::MAX);
            self.text.truncate(end);
        }
    }
}

/// Lines by kind. A line that speaks of security counts as that alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Lines that say SECURITY.
    pub security: u64,
    /// Errors and worse.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// Notes.
    pub notes: u64,
    /// Without a level, and for debugging.
    pub unmarked: u64,
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind { security: true, .. } => &mut self.security,
            Kind { severity: Severity::Error, .. } => &mut self.errors,
            Kind { severity: Severity::Warning, .. } => &mut self.warnings,
            Kind { severity: Severity::Info, .. } => &mut self.notes,
            Kind { severity: Severity::Unmarked, .. } => &mut self.unmarked,
        };
        *count += 1;
    }

    /// All lines.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.security + self.errors + self.warnings + self.notes + self.unmarked
    }
}

/// Lines that differ in times, numbers and ids alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineGroup {
    /// How many.
    pub count: u64,
    /// When the oldest of them was written.
    pub first_at: Option<Timestamp>,
    /// The newest of them.
    pub newest: LogLine,
}

/// What was wanted of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sieved {
    /// Every line that was read, by kind.
    pub read: Counts,
    /// When the oldest of them was written.
    pub read_from: Option<Timestamp>,
    /// The ones that were wanted, by kind.
    pub wanted: Counts,
    /// The newest of them, oldest first.
    pub lines: Vec<LogLine>,
    /// Alike ones, the most frequent first.
    pub groups: Vec<LineGroup>,
}

/// A container's log, as far as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The container's name.
    pub container: String,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// The time of the oldest line that the Engine has; `None` if it has none.
    pub reaches_back_to: Option<Timestamp>,
    /// What was wanted of it.
    pub sieved: Sieved,
    /// Set when only so many of the newest lines were read and there may be older ones to find.
    pub newest_only: Option<u32>,
    /// Reading ended before the log did: newer lines are missing.
    pub broke_off: bool,
}

/// Keeps what is wanted of the lines that it is given, without secrets. They go here and not where the
/// lines are shown, because what is compared, counted or cut with a secret in it tells of the secret.
pub struct Sieve<'a> {
    wanted: &'a Wanted,
    redactor: &'a Redactor,
    /// Lines left of a PEM block that has begun.
    key: u32,
    sieved: Sieved,
    lines: VecDeque<LogLine>,
    kept: usize,
    groups: HashMap<String, LineGroup>,
}

impl<'a> Sieve<'a> {
    /// An empty one.
    #[must_use]
    pub fn new(wanted: &'a Wanted, redactor: &'a Redactor) -> Self {
        let sieved = Sieved {
            read: Counts::default(),
            read_from: None,
            wanted: Counts::default(),
            lines: Vec::new(),
            groups: Vec::new(),
        };
        Self { wanted, redactor, key: 0, sieved, lines: VecDeque::new(), kept: 0, groups: HashMap::new() }
    }

    /// Judges the next newer line.
    pub fn take(&mut self, mut line: LogLine) {
        let kind = Kind::of(&line.text);
        self.sieved.read.add(kind);
        self.sieved.read_from = self.sieved.read_from.or(line.at);
        let in_key = self.is_in_key(&line.text);
        let found = |text: &str| {
            self.wanted.grep.as_ref().is_none_or(|grep| grep.matches(text))
                && self.wanted.subject.is_none_or(|subject| subject.is_of(text, kind))
        };
        // The first look spares most lines the second one, which alone decides.
        if !self.wanted.level.is_none_or(|level| kind.is(level)) || !found(&line.text) {
            return;
        }
        line.text = if in_key { GONE.to_owned() } else { self.redactor.text(&line.text) };
        if !found(&line.text) {
            return;
        }
        line.shorten();
        self.sieved.wanted.add(kind);
        self.group(&line);
        self.kept += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > usize::from(self.wanted.tail) || self.kept > KEPT {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.kept -= oldest.text.len();
        }
    }

    /// A key in PEM comes in many lines, none of which has a shape of its own. The newest lines may
    /// begin within one.
    fn is_in_key(&mut self, text: &str) -> bool {
        let in_key = self.key > 0;
        if text.contains("-----BEGIN ") {
            self.key = LONGEST_KEY;
        }
        if text.contains("-----END ") {
            self.key = 0;
        } else {
            self.key = self.key.saturating_sub(1);
        }
        let last = text.trim().rsplit(' ').next().unwrap_or_default();
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        // A digest in hex is as long.
        let is_key_line = last.len() == KEY_LINE
            && last.bytes().all(is_base64)
            && !last.bytes().all(|byte| byte.is_ascii_hexdigit());
        in_key || self.key > 0 || is_key_line
    }

    fn group(&mut self, line: &LogLine) {
        let key = self.alike(&line.text);
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
            group.newest.clone_from(line);
        } else if self.groups.len() < GROUPS {
            self.groups.insert(key, LineGroup { count: 1, first_at: line.at, newest: line.clone() });
        }
    }

    /// What lines of one group have in common.
    fn alike(&self, line: &str) -> String {
        let shape = || normalised(line);
        let threat = match self.wanted.subject {
            Some(Subject::Threats) => Threat::of(line),
            Some(Subject::Troubles) | None => None,
        };
        match threat {
            None => shape(),
            // They have no kind that says what they are.
            Some(Threat { event: Event::Other, source }) => format!("{source:?} {}", shape()),
            Some(Threat { event, source }) => format!("{source:?} {event}"),
        }
    }

    /// What is left.
    #[must_use]
    pub fn finish(self) -> Sieved {
        let mut groups: Vec<LineGroup> = self.groups.into_values().collect();
        groups.sort_by(|one, other| {
            (other.count, other.newest.at, &other.newest.text).cmp(&(
                one.count,
                one.newest.at,
                &one.newest.text,
            ))
        });
        Sieved { lines: self.lines.into(), groups, ..self.sieved }
    }
}

/// The line with `#` in place of every word that holds a digit: times, ids, addresses, numbers.
fn normalised(line: &str) -> String {
    let mut key = String::new();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '+');
    let mut rest = line;
    while !rest.is_empty() && key.len() < GROUP_KEY {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            if !key.ends_with('#') {
                key.push('#');
            }
        } else {
            key.push_str(word);
        }
        let gap = after.find(is_word).unwrap_or(after.len());
        key.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    key
}

#[cfg(test)]
mod tests;
