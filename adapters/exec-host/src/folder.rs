//! Files of a folder that programs outside of the bot write.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::HostError;

/// Files looked at in one folder.
const MOST: usize = 1_000;

/// The plain files of `folder`, by name. Anything else (a pipe that nobody writes to) could hold a thread
/// for ever and is left out.
pub fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, HostError> {
    let shown = folder.display().to_string();
    let failed = |error: &std::io::Error| HostError::of(&shown, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.is_file() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            files.push((name, path));
        }
        if files.len() > MOST {
            let why = format!("more than {MOST} files: it is no folder of reports or lists");
            return Err(HostError::Unreadable { path: shown, why });
        }
    }
    files.sort();
    Ok(files)
}

/// A file of at most `largest` bytes, opened.
pub fn open(path: &Path, largest: u64) -> Result<File, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > largest {
        return Err(format!("{} MB, and at most {} MB are read", length >> 20, largest >> 20));
    }
    Ok(file)
}
