//! Secrets out of everything that is shown, logged or stored.
//!
//! Two ways at once: the values that the configuration holds, wherever and in whichever common
//! encoding they turn up, and the shapes that secrets have. It errs on the side of taking too much.
//! It runs on whole texts, before anything is shortened: half a secret has no shape any more.
//! All patterns are matched in linear time, so a hostile log line can't stop the bot.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::{Regex, RegexSet, Replacer};

use crate::card::{Button, Card, Column, Section, Table};
use crate::message::{Picture, Reply, TextFile};

/// Stands where a secret was.
pub(crate) const GONE: &str = "[redacted]";

/// Shorter values would take ordinary words out of sentences.
const SHORTEST: usize = 6;

/// Takes secrets out of texts. Holds secrets itself and therefore prints nothing of them.
pub struct Redactor {
    /// All known values in all their encodings, the longest first; `None` when nothing is known.
    known: Option<Regex>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor that knows these values besides the shapes. Values of fewer than six characters are
    /// left out.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = String>) -> Self {
        let mut forms: Vec<String> = known
            .into_iter()
            .filter(|value| value.chars().count() >= SHORTEST)
            .flat_map(|value| forms(&value))
            .collect();
        // Of two values that start alike the longer one has to be tried first.
        forms.sort_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        forms.dedup();
        let any = forms.iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|");
        let known = regex::RegexBuilder::new(&any).size_limit(usize::MAX).build();
        Self { known: (!forms.is_empty()).then(|| known.expect("escaped texts are a pattern")) }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut safe = Cow::Borrowed(text);
        if let Some(known) = &self.known {
            replace(&mut safe, known, GONE);
        }
        // One look for all of them finds nothing, nearly always.
        if SHAPES.any.is_match(&safe) {
            for (shape, replacement) in &SHAPES.each {
                replace(&mut safe, shape, *replacement);
            }
        }
        safe.into_owned()
    }

    /// The reply without secrets: card, file name, file, and what a picture is said to show. What is drawn in it is
    /// looked at before it is drawn.
    #[must_use]
    pub fn reply(&self, reply: Reply) -> Reply {
        let file = reply
            .file
            .map(|file| TextFile { name: self.text(&file.name), content: self.text(&file.content) });
        let picture = reply.picture.map(|picture| Picture {
            name: self.text(&picture.name),
            alt: self.text(&picture.alt),
            png: picture.png,
        });
        Reply { card: self.card(reply.card), file, picture, ..reply }
    }

    /// The card without secrets. Every text is looked at, the buttons' values too.
    #[must_use]
    pub fn card(&self, card: Card) -> Card {
        let Card { title, tone, sections, buttons, footer } = card;
        Card {
            title: self.text(&title),
            tone,
            sections: sections.into_iter().map(|section| self.section(section)).collect(),
            buttons: buttons.into_iter().map(|button| self.button(&button)).collect(),
            footer: footer.map(|footer| self.text(&footer)),
        }
    }

    fn section(&self, section: Section) -> Section {
        match section {
            Section::Text(text) => Section::Text(self.text(&text)),
            Section::Facts(facts) => Section::Facts(facts.iter().map(|fact| self.fact(fact)).collect()),
            Section::Table(table) => Section::Table(self.table(&table)),
            Section::Code(text) => Section::Code(self.text(&text)),
            Section::Next(lines) => Section::Next(self.texts(&lines)),
        }
    }

    fn fact(&self, (label, value): &(String, String)) -> (String, String) {
        (self.text(label), self.under(label, value))
    }

    fn table(&self, table: &Table) -> Table {
        let column = |column: &Column| Column { heading: self.text(&column.heading), align: column.align };
        let row = |row: &Vec<String>| {
            let headings =
                table.columns.iter().map(|column| column.heading.as_str()).chain(std::iter::repeat(""));
            row.iter().zip(headings).map(|(cell, heading)| self.under(heading, cell)).collect()
        };
        Table {
            columns: table.columns.iter().map(column).collect(),
            rows: table.rows.iter().map(row).collect(),
        }
    }

    /// A value under its label: `password` above `hunter2` is a shape only together.
    fn under(&self, label: &str, value: &str) -> String {
        let label = self.text(label);
        let together = self.text(&format!("{label}={value}"));
        let secret = together.strip_prefix(&label).is_some_and(|rest| rest.starts_with(&format!("={GONE}")));
        if secret && !value.is_empty() { GONE.to_owned() } else { self.text(value) }
    }

    fn button(&self, button: &Button) -> Button {
        Button { label: self.text(&button.label), value: self.text(&button.value), style: button.style }
    }

    fn texts(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.text(text)).collect()
    }
}

fn replace(text: &mut Cow<'_, str>, pattern: &Regex, replacement: impl Replacer) {
    // `replace_all` borrows when nothing matches, which is nearly always.
    if let Cow::Owned(changed) = pattern.replace_all(text, replacement) {
        *text = Cow::Owned(changed);
    }
}

/// The shapes of secrets.
struct Shapes {
    /// Whether there is any.
    any: RegexSet,
    /// Each, and what is put in its place.
    each: Vec<(Regex, &'static str)>,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    // What a key is called whose value is a secret.
    let key = r"(?:pass(?:word|wd|phrase|code)|(?-u:\b)pass(?-u:\b)|(?-u:\b)pwd|secret|token|api[_-]?key|(?:access|private|signing|encryption|auth|account|session)[_-]?key|session[_-]?id|credential)";
    // In quotes, which stay, or up to a space or the next pair of a query.
    let value = r#"(?:(\\")[^"\\]*|(")(?:[^"\\]|\\.)*|(')[^']*|[^\s;&"']+)"#;
    let shapes = [
        (r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)".to_owned(), GONE),
        (r"(?i)(?-u:\b)((?:set-)?cookie\s*:\s*)[^\r\n]+".to_owned(), "$1[redacted]"),
        (r"(?i)(authorization\\?[\x22']?\s*[:=]\s*\\?[\x22']?(?:(?:basic|bearer|digest|token|bot)\s+)?)[^\s\x22',\\]+".to_owned(), "$1[redacted]"),
        (r"(?i)(?-u:\b)(bearer\s+)[a-z0-9._~+/=-]{12,}".to_owned(), "$1[redacted]"),
        // user:password@ and token@ in an address.
        (r"(?i)(://[^\s/:@]*:)[^\s/]+@".to_owned(), "$1[redacted]@"),
        (r"(?i)(://)[^\s/:@\[]{16,}@".to_owned(), "$1[redacted]@"),
        // Whoever has one of these addresses can post, without any further secret.
        (r"(?i)(hooks\.slack\.com/(?:services|workflows|triggers|commands|actions)/)[^\s|>]+".to_owned(), "$1[redacted]"),
        (r"(?i)(discord(?:app)?\.com/api/(?:v\d+/)?(?:webhooks|interactions)/\d+/)[A-Za-z0-9_-]+".to_owned(), "$1[redacted]"),
        (r"(?-u:\b)xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|(?-u:\b)xapp-[A-Za-z0-9-]{8,}".to_owned(), GONE),
        (r"(?-u:\b)[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}".to_owned(), GONE),
        (r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?".to_owned(), GONE),
        (r"(?-u:\b)gh[pousr]_[A-Za-z0-9]{20,}|(?-u:\b)github_pat_[A-Za-z0-9_]{20,}|(?-u:\b)glpat-[A-Za-z0-9_-]{16,}".to_owned(), GONE),
        (r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)".to_owned(), GONE),
        (r"(?-u:\b)[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|(?-u:\b)sk-[A-Za-z0-9_-]{20,}|(?-u:\b)AIza[A-Za-z0-9_-]{35}".to_owned(), GONE),
        (format!(r#"(?i)({key}[a-z0-9_.-]*\\?["']?\s*(?:=>|[:=])\s*){value}"#), "$1$2$3$4[redacted]"),
    ];
    // ASCII word boundaries and classes: the ones of Unicode take ten times as long to build.
    let any = RegexSet::new(shapes.iter().map(|(pattern, _)| pattern));
    let compile =
        |(pattern, with): (String, _)| (Regex::new(&pattern).expect("patterns are constants"), with);
    Shapes { any: any.expect("patterns are constants"), each: shapes.into_iter().map(compile).collect() }
});

/// A secret as it is, in an address, in JSON, and anywhere inside a Base64 text.
fn forms(secret: &str) -> Vec<String> {
    let percent = percent_encoded(secret);
    let mut forms = vec![
        secret.to_owned(),
        percent.replace("%20", "+"),
        lower_hex(&percent),
        percent,
        secret.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"),
    ];
    for shift in 0..3 {
        forms.push(inside_base64(&STANDARD_NO_PAD, secret, shift));
        forms.push(inside_base64(&URL_SAFE_NO_PAD, secret, shift));
    }
    forms.sort();
    forms.dedup();
    forms
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// The same percent-encoded text with its hex digits in lower case, as some programs write them.
fn lower_hex(percent_encoded: &str) -> String {
    let mut parts = percent_encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| format!("{text}%{}{}", part[..2].to_lowercase(), &part[2..]))
}

/// The part of a Base64 text that a secret alone decides when `shift` bytes (modulo three) stand
/// before it, as the user's name does in an `Authorization: Basic` header.
fn inside_base64(engine: &impl base64::Engine, secret: &str, shift: usize) -> String {
    let shifted = [&[0; 3][..shift], secret.as_bytes()].concat();
    let encoded = engine.encode(&shifted);
    // Six bits a character: the first ones hold bits of what stands before, the last one may hold
    // bits of what comes after.
    encoded[(shift * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned()
}

#[cfg(test)]
mod tests;
