//! One archive of the backups' folder: how it looks, whether it is what its manifest says, and its bytes.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::time::Duration;

use commands::archive::{Look, Sums};
use commands::backup::{MANIFEST, Manifest, Sha256Hex};
use commands::plain_dump::{DumpFault, PlainDump};
use sha2::{Digest as _, Sha256};

use crate::inside::{Missing, Place};
use crate::{HostError, in_time};

/// What `pg_dump` writes at the end of a plain dump; newer ones write a line behind it.
const END: &[u8] = b"-- PostgreSQL database dump complete";

/// As much of the end is read.
const TAIL: u64 = 1_024;

/// What `pg_dump` begins a plain dump with, in a comment.
const BEGIN: &[u8] = b"-- PostgreSQL database dump";

/// A dump is read in pieces of so many bytes.
const PIECE: usize = 256 << 10;

/// A manifest has a line for each table.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// How the archive `name` below `folder` looks at its beginning and its end, within `deadline`.
pub async fn inspect(folder: &str, name: &str, deadline: Duration) -> Result<Look, HostError> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    in_time(&folder.clone(), deadline, move || {
        let place = Place::find(&folder, &name, Missing::Fails)?;
        let mut file = place.open()?;
        look(&mut file).map_err(|error| place.failed(&error))
    })
    .await
}

/// The archive `name` below `folder`, to be read, and its size in bytes, within `deadline`.
pub async fn open_archive(
    folder: &str,
    name: &str,
    deadline: Duration,
) -> Result<(tokio::fs::File, u64), HostError> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    in_time(&folder.clone(), deadline, move || {
        let place = Place::find(&folder, &name, Missing::Fails)?;
        let file = place.open()?;
        let bytes = file.metadata().map_err(|error| place.failed(&error))?.len();
        Ok((tokio::fs::File::from_std(file), bytes))
    })
    .await
}

/// What a plain dump, the archive `name` below `folder`, holds beside statements and rows: the first of it. It is read
/// through within `deadline`.
pub async fn plain_fault(
    folder: &str,
    name: &str,
    deadline: Duration,
) -> Result<Option<DumpFault>, HostError> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    in_time(&folder.clone(), deadline, move || {
        let place = Place::find(&folder, &name, Missing::Fails)?;
        let mut file = place.open()?;
        let (mut reader, mut piece) = (PlainDump::default(), vec![0; PIECE]);
        loop {
            let read = file.read(&mut piece).map_err(|error| place.failed(&error))?;
            if read == 0 {
                return Ok(None);
            }
            if let Err(fault) = reader.read(piece.get(..read).unwrap_or_default()) {
                return Ok(Some(fault));
            }
        }
    })
    .await
}

/// Reads the archive `name` below `folder` through, within `deadline`, beside what its manifest says.
pub async fn verify_sums(folder: &str, name: &str, deadline: Duration) -> Result<Sums, HostError> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    in_time(&folder.clone(), deadline, move || {
        let place = Place::find(&folder, &name, Missing::Fails)?;
        let (bytes, sha256) = digest(&mut place.open()?).map_err(|error| place.failed(&error))?;
        let expected = manifest(&place)?
            .map(|manifest| manifest.map(|manifest| (manifest.archive_bytes, manifest.sha256)));
        Ok(Sums { bytes, sha256, expected })
    })
    .await
}

/// The manifest beside an archive; `None` where there is none.
pub fn manifest(archive: &Place) -> Result<Option<Result<Manifest, String>>, HostError> {
    let place = archive.beside(MANIFEST)?;
    if place.look()?.is_none() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = match place.open() {
        Ok(file) => file,
        Err(error) => return Ok(Some(Err(error.to_string()))),
    };
    file.take(LARGEST_MANIFEST + 1).read_to_end(&mut bytes).map_err(|error| place.failed(&error))?;
    if bytes.len() as u64 > LARGEST_MANIFEST {
        return Ok(Some(Err("it has more than 1 MiB".to_owned())));
    }
    Ok(Some(serde_json::from_slice(&bytes).map_err(|error| error.to_string())))
}

/// How many bytes there are, and their digest.
pub fn digest(source: &mut impl Read) -> std::io::Result<(u64, Sha256Hex)> {
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(source, &mut hasher)?;
    Ok((bytes, Sha256Hex::from(<[u8; 32]>::from(hasher.finalize()))))
}

fn look(file: &mut File) -> std::io::Result<Look> {
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head)?;
    Ok(match head.as_slice() {
        [] => Look::Empty,
        [b'P', b'G', b'D', b'M', b'P', major, minor, ..] => Look::Custom { version: (*major, *minor) },
        [0x1f, 0x8b, ..] => Look::Gzip,
        head if head.windows(BEGIN.len()).any(|words| words == BEGIN) => {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut tail = Vec::new();
            file.by_ref().take(TAIL).read_to_end(&mut tail)?;
            let is_whole = tail.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == END);
            Look::Plain { is_whole }
        }
        _ => Look::Unknown,
    })
}
