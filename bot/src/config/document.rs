//! TOML into typed sections, with errors that name file, line and key.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::ConfigError;

/// Reads `text`; `shown` is the file's name in errors.
pub(super) fn read<T: DeserializeOwned>(shown: &str, text: &str) -> Result<T, ConfigError> {
    let parsed = toml::Deserializer::parse(text)
        .map_err(|error| mistake(shown, text, &stumbled(text, &error), &error))?;
    serde_path_to_error::deserialize(parsed)
        .map_err(|error| mistake(shown, text, &place(error.path()), error.inner()))
}

/// From 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

fn mistake(shown: &str, text: &str, place: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map(|span| line_of(text, span.start));
    ConfigError::at(shown, line, format!("{place}{}", error.message().replace('\n', ", ")))
}

/// The key that is wrong in itself, such as a second one of the same name; the parser's own words do
/// not repeat it. A value is not repeated, since it may be a secret.
fn stumbled(text: &str, error: &toml::de::Error) -> String {
    let key = error.span().and_then(|span| {
        let after = text.get(span.end..)?.trim_start();
        if after.starts_with(['=', ']']) { text.get(span) } else { None }
    });
    key.map(|key| format!("`{key}`: ")).unwrap_or_default()
}

/// Section and key as they are written in the file: `[bot] log: `, `[[service]] `.
fn place(path: &Path) -> String {
    let listed = path.iter().any(|segment| matches!(segment, Segment::Seq { .. }));
    let mut keys = path.iter().filter_map(|segment| match segment {
        // A span is read as if it were a table, with keys that no file has.
        Segment::Map { key } if !key.starts_with('$') => Some(key.as_str()),
        Segment::Map { .. } | Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
    });
    let Some(first) = keys.next() else { return String::new() };
    let rest: Vec<&str> = keys.collect();
    match (listed && is_list(first), rest.is_empty()) {
        (true, true) => format!("[[{first}]] "),
        (true, false) => format!("[[{first}]] {}: ", rest.join(".")),
        (false, true) => format!("{first}: "),
        (false, false) => format!("[{first}] {}: ", rest.join(".")),
    }
}

fn is_list(section: &str) -> bool {
    matches!(
        section,
        "service"
            | "rotation"
            | "escalation"
            | "query"
            | "person"
            | "step"
            | "contact"
            | "secret"
            | "setting"
            | "index"
            | "task"
            | "schedule"
    )
}
