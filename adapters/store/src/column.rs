//! How values are written in columns: times as microseconds since 1970 in a BIGINT, so that they
//! compare and sort alike on both databases; structured values as JSON text.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The end of a lease that begins at `now`.
pub(crate) fn micros_after(now: Timestamp, lease: Duration) -> i64 {
    micros(now).saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn timestamp(table: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| unknown(table, &error))
}

pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have string keys and no failing serializer")
}

pub(crate) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unknown(table, &error))
}

/// A count or number that is never negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(table: &'static str, value: i64) -> Result<T, StoreError>
where
    T::Error: std::error::Error,
{
    T::try_from(value).map_err(|error| unknown(table, &error))
}

pub(crate) fn unknown(table: &'static str, why: &dyn std::error::Error) -> StoreError {
    StoreError::Decode { table, what: why.to_string() }
}
