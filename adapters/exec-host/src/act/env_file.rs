//! Variables of an env file, set so that the file is at every moment the old one or the new one. The old one
//! is kept beside it, for its owner alone, until [`settle`] or [`swap_back`].

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use commands::backup::Sha256Hex;
use secrecy::{ExposeSecret as _, SecretString};

use crate::inside::{Place, is_file};
use crate::secrets::{LARGEST, sum, value};
use crate::{HostError, in_time};

/// The old file's ending while nobody has said that the new one is good.
const BEFORE: &str = ".acgs-before";

/// The new file's ending while it is written.
const PART: &str = ".acgs-part";

/// Who may do what with the new file: its owner and its group at most, whatever the old one's rights.
const NOT_FOR_ALL: u32 = 0o660;

/// Sets these variables in the file at `path`, within `deadline`, where the file is still the one whose digest
/// is `expected`. Each line that sets one of them gets the new value; one that is not there yet comes at the
/// end; all other lines stay byte for byte. Returns the new file's digest.
///
/// A link, a file with values over several lines, and a value that Compose's versions do not all read alike are
/// refused, and so is an empty value.
pub async fn set_variables(
    path: &str,
    expected: &Sha256Hex,
    variables: Vec<(String, SecretString)>,
    deadline: Duration,
) -> Result<Sha256Hex, HostError> {
    let (shown, expected) = (path.to_owned(), expected.clone());
    in_time(path, deadline, move || set(&shown, &expected, &variables)).await
}

/// Puts the old file back, within `deadline`, where the new one is still the one whose digest is `expected`.
pub async fn swap_back(path: &str, expected: &Sha256Hex, deadline: Duration) -> Result<(), HostError> {
    let (shown, expected) = (path.to_owned(), expected.clone());
    in_time(path, deadline, move || {
        let place = Place::of_path(&shown)?;
        read_expected(&place, &expected)?;
        let before = place.beside(BEFORE)?;
        before.open()?;
        before.rename(&place)?;
        place.sync_folder()
    })
    .await
}

/// Whether the old file is still kept beside it, because nobody has said yet that the new one is good, within
/// `deadline`. It changes nothing.
pub async fn is_unsettled(path: &str, deadline: Duration) -> Result<bool, HostError> {
    let shown = path.to_owned();
    in_time(path, deadline, move || Ok(Place::of_path(&shown)?.beside(BEFORE)?.look()?.is_some())).await
}

/// Takes the old file away, for the new one is good, within `deadline`; `false` where there was none.
pub async fn settle(path: &str, deadline: Duration) -> Result<bool, HostError> {
    let shown = path.to_owned();
    in_time(path, deadline, move || {
        let before = Place::of_path(&shown)?.beside(BEFORE)?;
        let was_there = before.remove()?;
        before.sync_folder()?;
        Ok(was_there)
    })
    .await
}

fn set(
    path: &str,
    expected: &Sha256Hex,
    variables: &[(String, SecretString)],
) -> Result<Sha256Hex, HostError> {
    let place = Place::of_path(path)?;
    let (text, metadata) = read_expected(&place, expected)?;
    let changed = with_variables(path, &text, variables)?;
    let before = place.beside(BEFORE)?;
    if before.look()?.is_some() {
        return Err(HostError::Exists(before.shown().to_owned()));
    }
    let mode = metadata.permissions().mode() & NOT_FOR_ALL;
    let owner = (metadata.uid(), metadata.gid());
    let part = place.beside(PART)?;
    write_new(&part, changed.expose_secret(), mode, owner)?;
    let done = write_new(&before, &text, mode, owner).and_then(|()| {
        place.sync_folder()?;
        // Once more, for writing took its time.
        read_expected(&place, expected)?;
        part.rename(&place)
    });
    if let Err(error) = done {
        // The first error is the one to tell.
        let _ = part.remove();
        if !matches!(error, HostError::Exists(_)) {
            let _ = before.remove();
        }
        return Err(error);
    }
    place.sync_folder()?;
    Ok(sum(changed.expose_secret()))
}

/// The file's text and what is known of it, if it is the one that is expected.
fn read_expected(place: &Place, expected: &Sha256Hex) -> Result<(String, std::fs::Metadata), HostError> {
    let is_regular = place.look()?.as_ref().is_none_or(is_file);
    if !is_regular {
        let why = "it is a link or no file: name the file itself".to_owned();
        return Err(HostError::Refused { path: place.shown().to_owned(), why });
    }
    let file = place.open()?;
    let metadata = file.metadata().map_err(|error| place.failed(&error))?;
    let mut text = String::new();
    let bad = |_| HostError::BadContent(place.shown().to_owned());
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(bad)?;
    if text.len() as u64 > LARGEST {
        return Err(HostError::BadContent(place.shown().to_owned()));
    }
    if sum(&text) != *expected {
        return Err(HostError::Changed(place.shown().to_owned()));
    }
    Ok((text, metadata))
}

fn write_new(place: &Place, text: &str, mode: u32, owner: (u32, u32)) -> Result<(), HostError> {
    let mut file = place.create()?;
    let written = (|| {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != owner {
            std::os::unix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })();
    written.map_err(|error| {
        // The first error is the one to tell.
        let _ = place.remove();
        place.failed(&error)
    })
}

/// The text with these variables in it. Errors name variables and never values.
pub fn with_variables(
    path: &str,
    text: &str,
    variables: &[(String, SecretString)],
) -> Result<SecretString, HostError> {
    let refused = |why: String| HostError::Refused { path: path.to_owned(), why };
    if text.lines().any(goes_on) {
        return Err(refused("a value in it goes over several lines".to_owned()));
    }
    let mut changed = text.to_owned();
    for (name, secret) in variables {
        let mut letters = name.chars();
        let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !begins || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(refused(format!("{name:?} is no variable's name")));
        }
        let quoted = quoted(secret.expose_secret()).ok_or_else(|| {
            refused(format!(
                "the new value of {name} is empty, or has characters that Compose's versions read differently: \
                 take letters, digits, - and _"
            ))
        })?;
        changed = with_variable(&changed, name, &quoted);
        if value(&changed, name) != Some(secret.expose_secret()) {
            return Err(refused(format!("{name} would be read back otherwise than it is written")));
        }
    }
    Ok(changed.into())
}

fn with_variable(text: &str, name: &str, quoted: &str) -> String {
    let mut changed = String::with_capacity(text.len() + name.len() + quoted.len() + 2);
    let mut is_set = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        let before = bare.split_once('=').map(|(before, _)| before);
        let sets = |before: &str| {
            let words = before.trim();
            words.strip_prefix("export ").unwrap_or(words).trim() == name
        };
        match before.filter(|before| sets(before)) {
            Some(before) => {
                is_set = true;
                // Writing to a text does not fail.
                let _ = write!(
                    changed,
                    "{}={quoted}{}",
                    before.trim_end(),
                    line.get(bare.len()..).unwrap_or("\n")
                );
            }
            None => changed.push_str(line),
        }
    }
    if !is_set {
        if !changed.is_empty() && !changed.ends_with('\n') {
            changed.push('\n');
        }
        let _ = writeln!(changed, "{name}={quoted}");
    }
    changed
}

/// Whether the value of a line begins with a quote that the line does not close.
fn goes_on(line: &str) -> bool {
    let line = line.trim();
    let value = line.split_once('=').filter(|_| !line.starts_with('#')).map(|(_, value)| value.trim());
    let closes =
        |quote: char, value: &str| value.strip_prefix(quote).is_some_and(|rest| !rest.contains(quote));
    value.is_some_and(|value| closes('"', value) || closes('\'', value))
}

/// A value as all of Compose's readers, and the bot's own, take it for what it is; `None` where there is no
/// such way. Within single quotes some of them change `\` and, Compose 1.29 among them, `${`.
fn quoted(value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=~^".contains(c);
    let is_odd = value.contains("${") || value.chars().any(|c| c.is_control() || c == '\\');
    if value.trim().is_empty() || is_odd {
        None
    } else if value.chars().all(plain) {
        Some(value.to_owned())
    } else if !value.contains('\'') {
        Some(format!("'{value}'"))
    } else if !value.contains(['"', '$', '`']) {
        Some(format!("\"{value}\""))
    } else {
        None
    }
}
