//! Points in time to the microsecond, which is all that the server keeps: whoever started then is meant.

use jiff::Timestamp;

use crate::PostgresError;

/// From what the server counts since 1970.
pub fn instant(microseconds: i64) -> Result<Timestamp, PostgresError> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|_| PostgresError::Failed("it tells of a time that is none".to_owned()))
}
