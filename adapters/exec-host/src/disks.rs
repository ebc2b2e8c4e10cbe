//! How full file systems are.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use commands::host::{Disks, FileSystem, UnreadFolder};
use nix::sys::statvfs::statvfs;

use crate::{HostError, in_time};

/// The file systems of these folders, each once, in their order. One that does not answer within
/// `deadline` hides no other.
pub async fn disks(folders: &[String], deadline: Duration) -> Disks {
    let mut found: Vec<(u64, FileSystem)> = Vec::new();
    let mut unread = Vec::new();
    // Asked side by side.
    let asked: Vec<_> = folders
        .iter()
        .map(|folder| {
            let path = folder.clone();
            (folder, tokio::spawn(async move { one(path, deadline).await }))
        })
        .collect();
    for (folder, asked) in asked {
        let read = asked.await.unwrap_or_else(|_| Err(HostError::BadContent(folder.clone())));
        match read {
            Ok((device, file_system)) => match found.iter_mut().find(|(known, _)| *known == device) {
                Some((_, known)) if !known.folders.contains(folder) => known.folders.push(folder.clone()),
                Some(_) => {}
                None => found.push((device, file_system)),
            },
            Err(error) => {
                let why = match error {
                    HostError::Unreadable { why, .. } => why,
                    other => other.to_string(),
                };
                unread.push(UnreadFolder { folder: folder.clone(), why });
            }
        }
    }
    Disks { file_systems: found.into_iter().map(|(_, file_system)| file_system).collect(), unread }
}

/// The device and how full it is.
async fn one(folder: String, deadline: Duration) -> Result<(u64, FileSystem), HostError> {
    let path = folder.clone();
    in_time(&folder, deadline, move || {
        let device = std::fs::metadata(&path).map_err(|error| HostError::of(&path, &error))?.dev();
        let told = statvfs(path.as_str()).map_err(|error| HostError::of(&path, &error.into()))?;
        let unit = told.fragment_size();
        let inodes = told.files();
        Ok((
            device,
            FileSystem {
                folders: vec![path],
                total: told.blocks() * unit,
                used: told.blocks().saturating_sub(told.blocks_free()) * unit,
                available: told.blocks_available() * unit,
                inodes: (inodes > 0).then(|| (inodes.saturating_sub(told.files_free()), inodes)),
            },
        ))
    })
    .await
}
