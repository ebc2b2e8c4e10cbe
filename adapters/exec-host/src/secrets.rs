//! What may be told of the secrets in an env file. No value leaves this file: neither in an answer nor
//! in an error.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use commands::backup::Sha256Hex;
use commands::secrets::Found;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{HostError, in_time, read};

/// An env file is short.
pub const LARGEST: u64 = 1 << 20;

/// Others may read it.
const OPEN: u32 = 0o004;

/// An env file, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// The variables asked about, in their order.
    pub found: Vec<Found>,
    /// Whether everybody on the machine may read it.
    pub is_open: bool,
    /// Of the whole file, by which it is known again before it is changed.
    pub sha256: Sha256Hex,
    /// Its size.
    pub bytes: u64,
}

/// Each variable as the file at `path` has it, as Compose reads it: the last one counts, one pair of
/// quotes around a value is not part of it.
pub async fn env_file(path: &str, variables: Vec<String>, deadline: Duration) -> Result<EnvFile, HostError> {
    let shown = path.to_owned();
    in_time(path, deadline, move || {
        let text = read(&shown, LARGEST)?;
        let metadata = std::fs::metadata(&shown).map_err(|error| HostError::of(&shown, &error))?;
        let look = |name: &String| Found::of(name, value(&text, name), |bytes| Sha256::digest(bytes).into());
        Ok(EnvFile {
            found: variables.iter().map(look).collect(),
            is_open: metadata.permissions().mode() & OPEN != 0,
            sha256: sum(&text),
            bytes: text.len() as u64,
        })
    })
    .await
}

/// The size in bytes and the digest of a text file, by which it is known again.
pub async fn digest(path: &str, deadline: Duration) -> Result<(u64, Sha256Hex), HostError> {
    let shown = path.to_owned();
    in_time(path, deadline, move || {
        let text = read(&shown, LARGEST)?;
        Ok((text.len() as u64, sum(&text)))
    })
    .await
}

/// The values themselves, in the order of the names, for whoever has to have them; `None` for one that the file
/// does not set, or sets to nothing.
pub async fn env_values(
    path: &str,
    variables: Vec<String>,
    deadline: Duration,
) -> Result<Vec<Option<SecretString>>, HostError> {
    let shown = path.to_owned();
    in_time(path, deadline, move || {
        let text = SecretString::from(read(&shown, LARGEST)?);
        let of = |name: &String| value(text.expose_secret(), name).filter(|value| !value.trim().is_empty());
        Ok(variables.iter().map(|name| of(name).map(SecretString::from)).collect())
    })
    .await
}

/// A file's digest.
pub fn sum(text: &str) -> Sha256Hex {
    <[u8; 32]>::from(Sha256::digest(text.as_bytes())).into()
}

pub fn value<'a>(text: &'a str, variable: &str) -> Option<&'a str> {
    let pair = |line: &'a str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        (name.trim() == variable).then_some(value.trim())
    };
    let value = text.lines().rev().find_map(pair)?;
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    Some(within('"').or_else(|| within('\'')).unwrap_or(value))
}
