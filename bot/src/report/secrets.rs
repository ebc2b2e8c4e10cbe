//! The card about secrets. There is no value in what it is made from.

use commands::card::{Align, Section, Table, Tone};
use commands::message::Reply;
use commands::secrets::{Checked, Fault, Found};
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, private};

/// Nothing is configured to be looked at.
#[must_use]
pub fn no_secrets() -> Reply {
    let text =
        "No [[secret]] is in the bot's configuration: add service, variable and env_file of each.".to_owned();
    private(card("No secret is configured", Tone::Neutral, vec![Section::Text(text)]))
}

/// Every secret, the ones that need somebody first.
#[must_use]
pub fn secrets(checked: &[Checked], now: Timestamp) -> Reply {
    let (bad, good): (Vec<&Checked>, Vec<&Checked>) =
        checked.iter().partition(|one| !one.faults().is_empty());
    let title = match (checked.len(), bad.len()) {
        (1, 0) => "The secret is as it should be".to_owned(),
        (all, 0) => format!("All {all} secrets are as they should be"),
        (all, 1) => format!("1 of {all} secrets needs somebody"),
        (all, bad) => format!("{bad} of {all} secrets need somebody"),
    };
    let mut sections = Vec::new();
    if !bad.is_empty() {
        let lines: Vec<String> = bad.iter().map(|one| faults(one)).collect();
        sections.push(Section::Text(lines.join("\n")));
    }
    sections.push(Section::Table(Table {
        columns: vec![
            column("variable", Align::Left),
            column("service", Align::Left),
            column("is", Align::Left),
            column("file", Align::Left),
            column("long", Align::Right),
            column("digest", Align::Left),
        ],
        rows: bad.iter().chain(&good).map(|one| cells(one)).collect(),
    }));
    let tone = if bad.is_empty() { Tone::Good } else { Tone::Bad };
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}; digest: 8 of 64 digits of SHA-256", clock_time(now)));
    private(card)
}

fn faults(one: &Checked) -> String {
    let words: Vec<String> = one.faults().into_iter().map(|fault| words(one, fault)).collect();
    format!("{} of {}: {}", one.variable, one.service, words.join("; "))
}

fn words(one: &Checked, fault: Fault) -> String {
    let words = match fault {
        Fault::Missing => "its container does not have it",
        Fault::Blank => "blank",
        Fault::Default => "a default that everybody knows",
        Fault::Differs => "the file holds another value than the container, which was not made anew since",
        Fault::NotInFile => "not in the file, or blank there: a new container would be without it",
        Fault::OpenFile => "everybody on the machine may read the file",
        Fault::Short => "short enough to be guessed",
        Fault::Unknown => {
            let whys = [one.container.as_ref().err(), one.file.as_ref().and_then(|file| file.as_ref().err())];
            let whys: Vec<&str> = whys.into_iter().flatten().map(String::as_str).collect();
            return format!("can't be looked at ({})", whys.join("; "));
        }
    };
    words.to_owned()
}

fn cells(one: &Checked) -> Vec<String> {
    let (is, length, digest) = match &one.container {
        Err(_) => ("unknown", String::new(), String::new()),
        Ok(Found::Missing) => ("missing", String::new(), String::new()),
        Ok(Found::Blank) => ("blank", String::new(), String::new()),
        Ok(Found::Set(value)) => ("set", value.length.to_string(), value.short()),
    };
    let file = match (&one.file, &one.container) {
        (None, _) => "none",
        (Some(Err(_)), _) => "unknown",
        (Some(Ok(Found::Missing)), _) => "not in it",
        (Some(Ok(Found::Blank)), _) => "blank",
        (Some(Ok(Found::Set(file))), Ok(Found::Set(value))) if file.is_same(value) => "same",
        (Some(Ok(Found::Set(_))), _) => "different",
    };
    vec![one.variable.clone(), one.service.to_string(), is.to_owned(), file.to_owned(), length, digest]
}

/// An env file that is to be written, for `acgs check`.
pub fn rotated_checked(path: &str, variables: &[String], found: &[Found]) -> Result<String, String> {
    let missing = variables.iter().zip(found).find(|(_, found)| !matches!(found, Found::Set(_)));
    match missing {
        Some((variable, _)) => Err(format!("{path} does not set {variable}")),
        None => Ok(format!("{} in {path}", variables.join(", "))),
    }
}
