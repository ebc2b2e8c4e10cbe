//! How large files and folders are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{HostError, in_time};

/// Bytes in these files and in all files below these folders, within `deadline`. Links are not followed.
pub async fn weight(paths: Vec<PathBuf>, deadline: Duration) -> Result<u64, HostError> {
    let shown = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    in_time(&shown, deadline, move || {
        let mut bytes = 0_u64;
        for path in &paths {
            bytes = bytes.saturating_add(of(path)?);
        }
        Ok(bytes)
    })
    .await
}

fn of(path: &Path) -> Result<u64, HostError> {
    let failed = |error: std::io::Error| HostError::of(&path.display().to_string(), &error);
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(if metadata.is_file() { metadata.len() } else { 0 });
    }
    let mut bytes = 0_u64;
    for entry in std::fs::read_dir(path).map_err(failed)? {
        bytes = bytes.saturating_add(of(&entry.map_err(failed)?.path())?);
    }
    Ok(bytes)
}
