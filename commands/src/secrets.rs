//! What may be said of a secret: whether it is there, how long it is, and a piece of its digest. Its
//! value is in no type of this module.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;
use crate::workload;

/// Shorter ones can be guessed.
pub const SHORT: usize = 16;

/// Bytes of the digest that are shown.
const SHOWN: usize = 4;

/// Values that stand in samples, in lower case.
const DEFAULTS: [&str; 22] = [
    "secret",
    "password",
    "passwd",
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "replaceme",
    "example",
    "default",
    "test",
    "dev",
    "development",
    "admin",
    "root",
    "postgres",
    "123456",
    "12345678",
    "letmein",
    "qwerty",
    "todo",
    "xxx",
];

/// Beginnings of values that stand in samples.
const SAMPLES: [&str; 8] =
    ["changeme", "change-me", "change_me", "your-", "your_", "<your", "replace-", "replace_"];

/// A secret that the bot can make anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rotated {
    /// The key that tokens are signed with.
    Jwt,
    /// The key that forms are protected with.
    Csrf,
}

impl Rotated {
    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Csrf => "csrf",
        }
    }
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rotated {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        match typed {
            "jwt" => Ok(Self::Jwt),
            "csrf" => Ok(Self::Csrf),
            _ => Err("jwt or csrf"),
        }
    }
}

/// A secret as it was found somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// The variable is not there.
    Missing,
    /// It is there and empty, or nothing but spaces.
    Blank,
    /// It has a value.
    Set(Fingerprint),
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Characters.
    pub length: usize,
    /// Whether samples have this value, or it is its own variable's name.
    pub is_default: bool,
    digest: [u8; 32],
}

/// No more than is shown.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({}, {} characters)", self.short(), self.length)
    }
}

impl Fingerprint {
    /// The first 8 hex digits of the SHA-256.
    #[must_use]
    pub fn short(&self) -> String {
        self.digest.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is of the value whose SHA-256 the other one is.
    #[must_use]
    pub fn is_of(&self, other: &workload::Fingerprint) -> bool {
        let whole: String = self.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        whole == other.as_str()
    }

    /// Whether the two are of one value.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Found {
    /// What is to be known of the value of `variable`. `sha256` is given, so that nothing here needs a
    /// library for it.
    #[must_use]
    pub fn of(variable: &str, value: Option<&str>, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> Self {
        let Some(value) = value else { return Self::Missing };
        if value.trim().is_empty() {
            return Self::Blank;
        }
        let lower = value.trim().to_lowercase();
        let is_default = DEFAULTS.contains(&lower.as_str())
            || SAMPLES.iter().any(|sample| lower.starts_with(sample))
            || lower == variable.to_lowercase();
        Self::Set(Fingerprint { length: value.chars().count(), is_default, digest: sha256(value.as_bytes()) })
    }
}

/// One configured secret, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Whose.
    pub service: ServiceName,
    /// The environment variable that holds it.
    pub variable: String,
    /// In the container; or why that is not known.
    pub container: Result<Found, String>,
    /// In the env file; or why that is not known; `None` where no file is configured.
    pub file: Option<Result<Found, String>>,
    /// Whether everybody on the host may read that file.
    pub file_is_open: bool,
}

/// What is wrong with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The container does not have it.
    Missing,
    /// It is empty.
    Blank,
    /// It is a value that everybody knows.
    Default,
    /// The file holds another value: the container was not made anew since.
    Differs,
    /// The file does not have it, or has it empty.
    NotInFile,
    /// Everybody on the host may read the file.
    OpenFile,
    /// It is short enough to be guessed.
    Short,
    /// It could not be looked at.
    Unknown,
}

impl Checked {
    /// All that is wrong, the worst first.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        match &self.container {
            Err(_) => faults.push(Fault::Unknown),
            Ok(Found::Missing) => faults.push(Fault::Missing),
            Ok(Found::Blank) => faults.push(Fault::Blank),
            Ok(Found::Set(value)) if value.is_default => faults.push(Fault::Default),
            Ok(Found::Set(_)) => {}
        }
        match (&self.container, &self.file) {
            (_, Some(Err(_))) => faults.push(Fault::Unknown),
            (_, Some(Ok(Found::Missing | Found::Blank))) => faults.push(Fault::NotInFile),
            (Ok(Found::Set(one)), Some(Ok(Found::Set(other)))) if !one.is_same(other) => {
                faults.push(Fault::Differs);
            }
            _ => {}
        }
        if self.file_is_open {
            faults.push(Fault::OpenFile);
        }
        if matches!(&self.container, Ok(Found::Set(value)) if value.length < SHORT && !value.is_default) {
            faults.push(Fault::Short);
        }
        faults.dedup();
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good enough to tell values apart.
    fn digest(bytes: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        for (at, byte) in bytes.iter().enumerate() {
            digest[at % 32] ^= byte.rotate_left(u32::try_from(at).unwrap() / 32);
        }
        digest
    }

    fn found(value: &str) -> Found {
        Found::of("AUTH_SERVICE_SECRET_KEY", Some(value), digest)
    }

    fn faults(container: Found, file: Option<Found>) -> Vec<Fault> {
        let service = "auth_service".parse().expect("a name");
        let variable = "AUTH_SERVICE_SECRET_KEY".to_owned();
        Checked { service, variable, container: Ok(container), file: file.map(Ok), file_is_open: false }
            .faults()
    }

    #[test]
    fn each_fault_has_its_own_name() {
        let good = found("9f1c0a7b5d3e48e2a6c4");
        assert_eq!(faults(good, Some(good)), []);
        assert_eq!(faults(good, None), []);
        assert_eq!(faults(Found::Missing, None), [Fault::Missing]);
        assert_eq!(faults(found("  "), Some(good)), [Fault::Blank]);
        assert_eq!(faults(good, Some(found("9f1c0a7b5d3e48e2a6c5"))), [Fault::Differs]);
        assert_eq!(faults(good, Some(Found::Missing)), [Fault::NotInFile]);
        assert_eq!(faults(found("short-one"), None), [Fault::Short]);
        for value in
            ["changeme", "ChangeMe123", "secret", " Secret ", "your-secret-key", "auth_service_secret_key"]
        {
            assert_eq!(faults(found(value), None), [Fault::Default], "{value}");
        }
    }

    #[test]
    fn nothing_printed_holds_the_value() {
        let printed = format!("{:?}", found("hunter2-and-more-of-it"));
        assert!(!printed.contains("hunter2") && printed.contains("22 characters"), "{printed}");
    }
}
