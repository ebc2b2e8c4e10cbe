//! Backups' files. An archive has the ending `.part` until all of it is on the disk and its manifest is
//! ready; what is given up leaves nothing.

use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use commands::archive::{About, ArchiveName, Sums};
use commands::backup::{Archive, CHECKSUM, MANIFEST, Manifest, PART, Sha256Hex};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite;

use crate::archives::{digest, manifest};
use crate::inside::{Missing, Place, is_file};
use crate::{HostError, in_time};

/// What stays free beside what is to be written, in bytes.
const MARGIN: u64 = 64 << 10;

/// An archive that is being written to. One that is dropped before [`BackupWriter::finish`] leaves nothing.
pub struct BackupWriter {
    file: tokio::fs::File,
    sum: Sum,
    part: Part,
}

/// The digest and the length of what was written.
#[derive(Default)]
struct Sum {
    hasher: Sha256,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, written: &[u8]) {
        self.hasher.update(written);
        self.bytes = self.bytes.saturating_add(written.len() as u64);
    }

    fn end(self) -> (u64, Sha256Hex) {
        (self.bytes, <[u8; 32]>::from(self.hasher.finalize()).into())
    }
}

/// The names that an archive has on its way.
pub(super) struct Part {
    archive: Place,
    part: Place,
    is_done: bool,
}

impl Part {
    /// Takes the name. The last error in it is a folder that is full.
    pub(super) fn begin(folder: &str, name: &ArchiveName, room: u64) -> Result<(Self, File), HostError> {
        let archive = Place::find(folder, name.as_str(), Missing::IsMade)?;
        let needed = room.saturating_add(MARGIN);
        let free = archive.free()?;
        if free < needed {
            return Err(HostError::NoRoom { path: folder.to_owned(), needed, free });
        }
        for taken in [&archive, &archive.beside(MANIFEST)?] {
            if taken.look()?.is_some() {
                return Err(HostError::Exists(taken.shown().to_owned()));
            }
        }
        let part = archive.beside(PART)?;
        let file = part.create()?;
        Ok((Self { archive, part, is_done: false }, file))
    }

    /// Puts the archive and its manifest in place: both are on the disk before either has its name.
    pub(super) fn finish(
        mut self,
        file: &File,
        about: About,
        (bytes, sha256): (u64, Sha256Hex),
    ) -> Result<Manifest, HostError> {
        let failed = |error: io::Error| self.part.failed(&error);
        file.sync_all().map_err(failed)?;
        if file.metadata().map_err(failed)?.len() != bytes {
            return Err(HostError::Changed(self.part.shown().to_owned()));
        }
        let manifest = Manifest::of(about, bytes, sha256);
        let place = self.archive.beside(MANIFEST)?;
        let manifest_part = place.beside(PART)?;
        let finished = write_whole(&manifest_part, &manifest).and_then(|()| {
            if self.archive.look()?.is_some() {
                return Err(HostError::Exists(self.archive.shown().to_owned()));
            }
            self.part.rename(&self.archive)?;
            self.is_done = true;
            manifest_part.rename(&place)?;
            self.archive.sync_folder()
        });
        if let Err(error) = finished {
            // The first error is the one to tell; what can't be removed either is seen in the catalogue.
            let _ = manifest_part.remove();
            if self.is_done {
                let _ = self.archive.remove();
                let _ = place.remove();
            }
            return Err(error);
        }
        Ok(manifest)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_done {
            // The catalogue shows what could not be removed as left over.
            let _ = self.part.remove();
        }
    }
}

fn write_whole(place: &Place, manifest: &Manifest) -> Result<(), HostError> {
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| place.failed(&error.into()))?;
    let mut file = place.create()?;
    let written = file.write_all(&text).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // The first error is the one to tell.
        let _ = place.remove();
        place.failed(&error)
    })
}

impl BackupWriter {
    /// Begins the archive `name` below `folder`, within `deadline`, where `room` bytes have to be free. The
    /// folders of its name are made.
    pub async fn begin(
        folder: &str,
        name: &ArchiveName,
        room: u64,
        deadline: Duration,
    ) -> Result<Self, HostError> {
        let (below, name) = (folder.to_owned(), name.clone());
        let (part, file) = in_time(folder, deadline, move || Part::begin(&below, &name, room)).await?;
        Ok(Self { file: tokio::fs::File::from_std(file), sum: Sum::default(), part })
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.sum.bytes
    }

    /// Puts the archive in place with its manifest, within `deadline`. After an error there is neither.
    pub async fn finish(self, about: About, deadline: Duration) -> Result<Manifest, HostError> {
        use tokio::io::AsyncWriteExt as _;
        let Self { mut file, sum, part } = self;
        let shown = part.part.shown().to_owned();
        file.flush().await.map_err(|error| HostError::of(&shown, &error))?;
        let file = file.into_std().await;
        in_time(&shown, deadline, move || part.finish(&file, about, sum.end())).await
    }

    /// Takes away what was written.
    pub async fn abandon(self, deadline: Duration) -> Result<(), HostError> {
        let Self { file, part, .. } = self;
        let shown = part.part.shown().to_owned();
        // A write that is still under way ends before its file is closed.
        drop(file.into_std().await);
        in_time(&shown, deadline, move || part.part.remove().map(|_| ())).await
    }
}

impl AsyncWrite for BackupWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.file).poll_write(context, bytes);
        if let Poll::Ready(Ok(number)) = &written {
            self.sum.add(bytes.get(..*number).unwrap_or(bytes));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(context)
    }
}

/// A file whose digest is taken while it is written.
pub(super) struct Summed {
    file: File,
    sum: Sum,
}

impl Summed {
    pub(super) fn new(file: File) -> Self {
        Self { file, sum: Sum::default() }
    }

    pub(super) fn end(self) -> (File, (u64, Sha256Hex)) {
        (self.file, self.sum.end())
    }
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let number = self.file.write(bytes)?;
        self.sum.add(bytes.get(..number).unwrap_or(bytes));
        Ok(number)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Deletes an archive of the catalogue with its manifest and its checksum, within `deadline`. It has to be as
/// the catalogue says; what was changed since is left. Returns the bytes that it had.
pub async fn delete(folder: &str, archive: &Archive, deadline: Duration) -> Result<u64, HostError> {
    let (below, archive) = (folder.to_owned(), archive.clone());
    in_time(folder, deadline, move || {
        let place = Place::find(&below, &archive.name, Missing::Fails)?;
        let Some(found) = place.look()? else { return Err(HostError::Changed(place.shown().to_owned())) };
        if !is_file(&found) {
            return Err(HostError::Refused {
                path: place.shown().to_owned(),
                why: "it is no regular file".to_owned(),
            });
        }
        let bytes = u64::try_from(found.st_size).unwrap_or_default();
        if bytes != archive.bytes || found.st_mtime != archive.modified.as_second() {
            return Err(HostError::Changed(place.shown().to_owned()));
        }
        // Without its archive a manifest says no more than that there was one.
        place.remove()?;
        for ending in [MANIFEST, CHECKSUM] {
            place.beside(ending)?.remove()?;
        }
        place.sync_folder()?;
        Ok(bytes)
    })
    .await
}

/// Copies the archive `from` to `to`, both below `folder`, within `deadline`. It has to be what its manifest
/// says, and so has the copy, which is read back. After an error there is no copy.
pub async fn copy(folder: &str, from: &str, to: &ArchiveName, deadline: Duration) -> Result<Sums, HostError> {
    let (below, from, to) = (folder.to_owned(), from.to_owned(), to.clone());
    in_time(folder, deadline, move || {
        let source = Place::find(&below, &from, Missing::Fails)?;
        let manifest = match manifest(&source)? {
            Some(Ok(manifest)) => manifest,
            None => return Err(refused(&source, "it has no manifest to compare it with")),
            Some(Err(_)) => return Err(refused(&source, "its manifest can't be read")),
        };
        let expected = (manifest.archive_bytes, manifest.sha256.clone());
        let (part, file) = Part::begin(&below, &to, manifest.archive_bytes)?;
        let mut summed = Summed::new(file);
        io::copy(&mut source.open()?, &mut summed).map_err(|error| part.part.failed(&error))?;
        let (file, copied) = summed.end();
        if copied != expected {
            return Err(refused(&source, "it is not what its manifest says"));
        }
        file.sync_all().map_err(|error| part.part.failed(&error))?;
        let read_back = digest(&mut part.part.open()?).map_err(|error| part.part.failed(&error))?;
        if read_back != expected {
            return Err(refused(&part.part, "what was written is read back otherwise"));
        }
        let about = About {
            created: manifest.created,
            database: manifest.database,
            contents: manifest.contents,
            dump: manifest.dump,
            alembic_version: manifest.alembic_version,
            run: manifest.run,
            tables: manifest.tables,
        };
        let (bytes, sha256) = read_back.clone();
        part.finish(&file, about, read_back)?;
        Ok(Sums { bytes, sha256, expected: Some(Ok(expected)) })
    })
    .await
}

fn refused(place: &Place, why: &str) -> HostError {
    HostError::Refused { path: place.shown().to_owned(), why: why.to_owned() }
}
