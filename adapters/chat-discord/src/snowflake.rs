//! Discord's ids: numbers that say when they were made.
//!
//! <https://docs.discord.com/developers/reference#snowflakes>

use jiff::Timestamp;
use serde_json::Value;

/// The first second of 2015, in milliseconds.
const EPOCH: i64 = 1_420_070_400_000;

/// When `id` was made, by Discord's clock.
pub(crate) fn made_at(id: u64) -> Timestamp {
    let milliseconds = i64::try_from(id >> 22).expect("42 bits fit");
    Timestamp::from_millisecond(milliseconds + EPOCH).expect("42 bits of milliseconds end in the year 2154")
}

/// The least id that could have been made at `at`.
pub(crate) fn first_at(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond() - EPOCH).unwrap_or_default() << 22
}

/// An id in JSON: a string of digits, or a number where a sender forgot the quotes.
pub(crate) fn read(value: &Value) -> Option<u64> {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64()).filter(|id| *id != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time() {
        // The example of Discord's own reference.
        assert_eq!(made_at(175_928_847_299_117_063).to_string(), "2016-04-30T11:18:25.796Z");
        assert_eq!(first_at(made_at(175_928_847_299_117_063)), 175_928_847_299_117_063 >> 22 << 22);
        assert_eq!(first_at(Timestamp::UNIX_EPOCH), 0);
        assert!(made_at(u64::MAX) > made_at(0));
    }
}
