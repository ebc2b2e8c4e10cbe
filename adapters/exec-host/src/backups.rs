//! The files of the backups' folder. Nothing there is trusted: no link is followed, nothing but regular
//! files is opened, and a manifest is read up to a limit.

use std::collections::BTreeSet;
use std::fs::{DirEntry, File, Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use commands::backup::{Archive, Backups, CHECKSUM, MANIFEST, MOST_FILES, Manifest};
use jiff::Timestamp;
use nix::fcntl::OFlag;

use crate::{HostError, in_time};

/// A manifest has a line for each table.
const LARGEST: u64 = 1 << 20;

/// Folders below the folder: by year, month, kind.
const DEEPEST: usize = 4;

/// One regular file.
struct Found {
    /// Below the folder.
    name: String,
    metadata: Metadata,
}

/// What lies in `folder` and below it, at most [`MOST_FILES`] files of it, within `deadline`.
pub async fn backups(folder: &str, deadline: Duration) -> Result<Backups, HostError> {
    let shown = folder.to_owned();
    in_time(folder, deadline, move || look(&shown)).await
}

fn look(folder: &str) -> Result<Backups, HostError> {
    let root = Path::new(folder);
    // The folder itself is the operators' word and may be a link.
    let entries = std::fs::read_dir(root).map_err(|error| HostError::of(folder, &error))?;
    let mut files = Vec::new();
    let has_more = !gather(entries, "", DEEPEST, &mut files);
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let archives = files.iter().filter(|file| !is_beside(&file.name, &names)).map(|file| {
        let manifest_name = format!("{}{MANIFEST}", file.name);
        let manifest = names.contains(manifest_name.as_str()).then(|| manifest(&root.join(manifest_name)));
        Archive {
            name: file.name.clone(),
            bytes: file.metadata.len(),
            modified: Timestamp::from_second(file.metadata.mtime()).unwrap_or(Timestamp::UNIX_EPOCH),
            manifest,
            has_checksum: names.contains(format!("{}{CHECKSUM}", file.name).as_str()),
        }
    });
    Ok(Backups { archives: archives.collect(), has_more })
}

/// Whether it is the manifest or the checksum of another one. One whose archive is gone stands for itself.
fn is_beside(name: &str, names: &BTreeSet<&str>) -> bool {
    [MANIFEST, CHECKSUM]
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|archive| names.contains(archive)))
}

/// `false` if there was more than could be taken.
fn gather(entries: std::fs::ReadDir, below: &str, depth: usize, files: &mut Vec<Found>) -> bool {
    let mut entries: Vec<DirEntry> = entries.filter_map(Result::ok).take(MOST_FILES * 4).collect();
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        // Of the entry itself, also where it is a link.
        let Ok(metadata) = entry.metadata() else { continue };
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if metadata.is_file() {
            if files.len() == MOST_FILES {
                return false;
            }
            files.push(Found { name, metadata });
        } else if metadata.is_dir() {
            let Some(depth) = depth.checked_sub(1) else { return false };
            let Ok(inner) = std::fs::read_dir(entry.path()) else { continue };
            if !gather(inner, &format!("{name}/"), depth, files) {
                return false;
            }
        }
    }
    true
}

fn manifest(path: &Path) -> Result<Manifest, String> {
    // It may have become something else since it was listed.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file: File = file.map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no file any more".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err("it has more than 1 MiB".to_owned());
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
