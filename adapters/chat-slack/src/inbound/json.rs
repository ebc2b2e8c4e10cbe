//! JSON as chat platforms send it. A text typed on a phone can hold half of a surrogate pair, which
//! JavaScript sends as `\ud83d` and no Rust string can hold: it becomes U+FFFD instead of costing
//! the whole delivery.

use jiff::Timestamp;
use serde_json::Value;

/// Parses one document, mending lone surrogates if it does not parse otherwise.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        let mended = mend_surrogates(text).ok_or(error)?;
        serde_json::from_str(&mended)
    })
}

/// `None` when there is nothing to mend.
fn mend_surrogates(text: &str) -> Option<String> {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let pair = code_unit(escape).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
            && code_unit(escape.get(6..).unwrap_or_default())
                .is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
        let length = match code_unit(escape) {
            Some(_) if pair => 12,
            Some(0xd800..0xe000) => {
                changed = true;
                mended.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            Some(_) => 6,
            // A backslash and the character after it, whatever its length.
            None => 1 + escape.get(1..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8),
        };
        let (escape, tail) = escape.split_at(length);
        mended.push_str(escape);
        rest = tail;
    }
    mended.push_str(rest);
    changed.then_some(mended)
}

/// The number in a leading `\uXXXX`.
fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// A text that is there and not empty.
pub(crate) fn field<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// Slack's `1700000000.123456`.
pub(crate) fn timestamp(ts: &str) -> Option<Timestamp> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let nanoseconds = digits.parse::<i32>().ok()?.checked_mul(1000)?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lone_surrogate_costs_one_character_and_not_the_delivery() {
        let value = parse(r#"{"text":"a\ud83d b\udc00\ud83d\ude00 \\ud83d"}"#).unwrap();
        assert_eq!(value["text"], "a\u{fffd} b\u{fffd}\u{1f600} \\ud83d");
    }

    #[test]
    fn what_is_broken_otherwise_stays_an_error() {
        assert!(parse(r#"{"text":"a"#).is_err());
        assert!(parse("\\ud83d").is_err());
    }

    proptest! {
        #[test]
        fn mending_never_panics_and_changes_nothing_that_is_sound(text in ".{0,60}") {
            let document = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(mend_surrogates(&document), None);
            let _ = parse(&text);
        }
    }
}
