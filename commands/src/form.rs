//! What a button or a message command asks for before it is a line: fields that a platform shows as a form.
//!
//! To open a form does nothing and needs no right. What is filled in becomes the very line that could have been
//! typed, and that line is read and judged like any other. A form's own name ([`Form::value`]) is at most 100
//! bytes, as Discord's `custom_id` is.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::escape::clean;
use crate::incident::IncidentNumber;
use crate::intent::{Words, push_both, push_option};
use crate::line;

/// Begins the value of a button that opens a form.
const ASK: &str = "ask ";
/// The severities of an incident, in a field.
const SEVERITY: &str = "severity";

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is going on in an incident.
    Update(IncidentNumber),
    /// What mended it.
    Resolve(IncidentNumber),
    /// What is wrong: a new incident.
    Open,
}

impl Ask {
    /// The value of a button that opens this form; [`Form::of`] reads it.
    #[must_use]
    pub fn value(self) -> String {
        match self {
            Self::Update(number) => format!("{ASK}update {number}"),
            Self::Resolve(number) => format!("{ASK}resolve {number}"),
            Self::Open => format!("{ASK}open"),
        }
    }
}

/// A form, before anybody has filled it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Form {
    #[serde(skip)]
    ask: Ask,
    /// At most 24 characters (Slack; Discord takes 45).
    pub title: String,
    /// At most five (Discord), from the top to the bottom.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What its answer is called; no two of a form have the same.
    pub name: &'static str,
    /// At most 45 characters (Discord).
    pub label: &'static str,
    /// Whether it has room for a few lines.
    pub long: bool,
    /// Characters (UTF-16, as platforms count them) that it takes.
    pub max: usize,
    /// What stands in it at first.
    pub value: String,
    /// Whether the form can be sent without it.
    pub required: bool,
    /// What it may be; anything where there are none.
    pub choices: Vec<&'static str>,
}

impl Field {
    const fn text(name: &'static str, label: &'static str, required: bool) -> Self {
        let max = Words::LONGEST;
        Self { name, label, long: true, max, value: String::new(), required, choices: Vec::new() }
    }
}

impl Form {
    /// The form that a button with this value opens; `None` for every other button.
    #[must_use]
    pub fn of(value: &str) -> Option<Self> {
        let mut words = value.strip_prefix(ASK)?.split(' ');
        let ask = match (words.next()?, words.next()) {
            ("update", Some(number)) => Ask::Update(incident(number)?),
            ("resolve", Some(number)) => Ask::Resolve(incident(number)?),
            ("open", None) => Ask::Open,
            _ => return None,
        };
        words.next().is_none().then(|| Self::new(ask))
    }

    /// The form that asks for this.
    #[must_use]
    pub fn new(ask: Ask) -> Self {
        let (title, fields) = match ask {
            Ask::Update(number) => {
                (format!("Update {number}"), vec![Field::text("text", "What is going on?", true)])
            }
            Ask::Resolve(number) => (
                format!("Resolve {number}"),
                vec![
                    Field::text("how", "What mended it?", true),
                    Field::text("anyway", "Why it is over though checks fail", false),
                ],
            ),
            Ask::Open => {
                let choices = vec!["P0", "P1", "P2"];
                let severity = Field {
                    long: false,
                    max: 2,
                    value: "P1".to_owned(),
                    choices,
                    ..Field::text(SEVERITY, "How bad: P0, P1 or P2", true)
                };
                ("Open an incident".to_owned(), vec![severity, Field::text("title", "What is wrong?", true)])
            }
        };
        Self { ask, title, fields }
    }

    /// The form for a new incident, with a message's text as its title, cut where it is too long for one.
    #[must_use]
    pub fn about(text: &str) -> Self {
        let mut form = Self::new(Ask::Open);
        for field in form.fields.iter_mut().filter(|field| field.choices.is_empty()) {
            field.value = cut(&one_line(text), field.max);
        }
        form
    }

    /// What [`Form::of`] makes this form of, but for what stands in its fields.
    #[must_use]
    pub fn value(&self) -> String {
        self.ask.value()
    }

    /// The line that these answers, by the names of their fields, are. A field without an answer counts as left
    /// empty, and what can't be a line's text is for the grammar to say.
    #[must_use]
    pub fn line(&self, answers: &[(String, String)]) -> String {
        let answer = |name: &str| {
            let given = answers.iter().find(|(field, _)| field == name);
            given.map(|(_, text)| plain(text)).unwrap_or_default()
        };
        let mut options = Vec::new();
        let (verb, given) = match self.ask {
            Ask::Update(number) => {
                push_option(&mut options, "number", Some(&number));
                ("update", vec![answer("text")])
            }
            Ask::Resolve(number) => {
                let anyway = answer("anyway");
                push_option(&mut options, "anyway", Some(&anyway).filter(|why| !why.is_empty()));
                push_option(&mut options, "number", Some(&number));
                ("resolve", vec![answer("how")])
            }
            Ask::Open => ("open", vec![answer(SEVERITY), answer("title")]),
        };
        let mut words = vec!["incident".to_owned(), verb.to_owned()];
        push_both(&mut words, given, options);
        line::join(words.iter().map(String::as_str))
    }

    /// The same to be typed, for whoever sees no form.
    #[must_use]
    pub fn example(&self) -> String {
        let required = self.fields.iter().filter(|field| field.required);
        let answers = required.map(|field| {
            let text = field.choices.first().map_or("in a few words", |choice| *choice);
            (field.name.to_owned(), text.to_owned())
        });
        self.line(&answers.collect::<Vec<_>>())
    }
}

fn incident(digits: &str) -> Option<IncidentNumber> {
    let number: u32 = digits.parse().ok()?;
    // As it was written, so that the value and the form are one.
    (number > 0 && number.to_string() == digits).then_some(IncidentNumber(number))
}

/// As a reader sees it, with one space for any white space.
fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a line would be read that has it between quotes.
fn plain(text: &str) -> String {
    let text = one_line(text);
    // Too long a one stays as it is: the grammar says so.
    let plain =
        line::plain_words(std::slice::from_ref(&text)).ok().and_then(|words| words.into_iter().next());
    plain.unwrap_or(text)
}

/// At most so many characters as platforms count them, with `…` where something is missing.
fn cut(text: &str, max: usize) -> String {
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut length = 1;
    for character in text.graphemes(true) {
        length += character.encode_utf16().count();
        if length > max {
            break;
        }
        kept.push_str(character);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests;
