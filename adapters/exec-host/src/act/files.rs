//! The platform's files as one archive: a gzipped tar.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use commands::archive::{About, ArchiveName};
use commands::backup::Manifest;
use flate2::Compression;
use flate2::write::GzEncoder;
use nix::fcntl::OFlag;
use tar::{Builder, EntryType, Header};

use super::backup::{Part, Summed};
use crate::{HostError, in_time};

/// What was archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The archive's manifest.
    pub manifest: Manifest,
    /// Files in it.
    pub files: u64,
    /// Links in it, as links.
    pub links: u64,
    /// Paths that are neither file, folder nor link, and are not in it.
    pub left_out: Vec<PathBuf>,
}

/// Archives these files and folders, all by absolute paths, as `name` below `folder`, within `deadline`; `room`
/// bytes have to be free. In the archive their names are without the first `/`. Links are kept as links and not
/// followed; the backups' folder itself is left out. A file that can't be read, or shrinks while it is read,
/// fails all of it, and then there is no archive.
pub async fn archive(
    folder: &str,
    name: &ArchiveName,
    paths: Vec<PathBuf>,
    (about, room): (About, u64),
    deadline: Duration,
) -> Result<Archived, HostError> {
    let (below, name) = (folder.to_owned(), name.clone());
    in_time(folder, deadline, move || {
        for path in &paths {
            if !path.is_absolute() || path.components().any(|part| part.as_os_str() == "..") {
                let why = "it is no absolute path, or leads upwards".to_owned();
                return Err(HostError::Refused { path: path.display().to_string(), why });
            }
        }
        let own = std::fs::metadata(&below).map_err(|error| HostError::of(&below, &error))?;
        let (part, file) = Part::begin(&below, &name, room)?;
        let compressed = GzEncoder::new(Summed::new(file), Compression::default());
        let mut tree = Tree {
            tar: Builder::new(compressed),
            own: (own.dev(), own.ino()),
            files: 0,
            links: 0,
            left_out: Vec::new(),
        };
        for path in &paths {
            tree.add(path)?;
        }
        let Tree { tar, files, links, left_out, .. } = tree;
        let failed = |error: io::Error| HostError::of(&below, &error);
        let (file, sum) = tar.into_inner().and_then(GzEncoder::finish).map_err(failed)?.end();
        let manifest = part.finish(&file, about, sum)?;
        Ok(Archived { manifest, files, links, left_out })
    })
    .await
}

/// The archive while it grows.
struct Tree<W: Write> {
    tar: Builder<W>,
    /// Device and number of the folder that it is written to.
    own: (u64, u64),
    files: u64,
    links: u64,
    left_out: Vec<PathBuf>,
}

impl<W: Write> Tree<W> {
    fn add(&mut self, path: &Path) -> Result<(), HostError> {
        let failed = |error: io::Error| HostError::of(&path.display().to_string(), &error);
        let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
        let name = path.strip_prefix("/").unwrap_or(path);
        if metadata.is_dir() {
            if (metadata.dev(), metadata.ino()) == self.own {
                self.left_out.push(path.to_owned());
                return Ok(());
            }
            let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(failed)?;
            entries.sort();
            if !name.as_os_str().is_empty() {
                let mut header = header(&metadata, EntryType::Directory);
                self.tar.append_data(&mut header, name, io::empty()).map_err(failed)?;
            }
            entries.iter().try_for_each(|entry| self.add(entry))
        } else if metadata.is_file() {
            self.files += 1;
            self.add_file(path, name).map_err(failed)
        } else if metadata.is_symlink() {
            self.links += 1;
            let target = std::fs::read_link(path).map_err(failed)?;
            let mut header = header(&metadata, EntryType::Symlink);
            self.tar.append_link(&mut header, name, target).map_err(failed)
        } else {
            self.left_out.push(path.to_owned());
            Ok(())
        }
    }

    fn add_file(&mut self, path: &Path, name: &Path) -> io::Result<()> {
        // It may have become a link or a pipe since it was looked at.
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file any more"));
        }
        let mut header = header(&metadata, EntryType::Regular);
        header.set_size(metadata.len());
        let mut whole = Whole { file, left: metadata.len() };
        self.tar.append_data(&mut header, name, &mut whole)
    }
}

/// Exactly as many bytes as the archive was promised: more would be taken for the next file, and so would
/// fewer.
struct Whole {
    file: File,
    left: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let number = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        if number == 0 && most > 0 {
            return Err(io::Error::other("it has shrunk while it was read"));
        }
        self.left = self.left.saturating_sub(number as u64);
        Ok(number)
    }
}

fn header(metadata: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_entry_type(kind);
    header.set_size(0);
    header
}
