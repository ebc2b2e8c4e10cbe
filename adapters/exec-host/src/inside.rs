//! Files below a folder by their names there, without leaving it: no part of a name is a link, and what is
//! opened is a regular file. The folder itself is the operators' word and may be a link.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

use crate::HostError;

const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// A file's place: an open folder, and a name in it.
pub struct Place {
    folder: OwnedFd,
    name: String,
    /// For messages.
    shown: String,
}

/// Whether folders on the way are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They have to be there.
    Fails,
    /// They are made, for the owner alone.
    IsMade,
}

impl Place {
    /// The place of `name`, such as `daily/x.dump`, below `folder`.
    pub fn find(folder: &str, name: &str, missing: Missing) -> Result<Self, HostError> {
        let shown = format!("{folder}/{name}");
        let failed = |errno: Errno| of_errno(&shown, errno);
        let mut open =
            openat(AT_FDCWD, folder, FOLDER, Mode::empty()).map_err(|errno| of_errno(folder, errno))?;
        let mut parts: Vec<&str> = name.split('/').collect();
        if parts.iter().any(|part| part.is_empty() || *part == "." || *part == ".." || part.contains('\0')) {
            return Err(HostError::Refused {
                path: shown,
                why: "its name leads out of its folder".to_owned(),
            });
        }
        let file = parts.pop().unwrap_or_default().to_owned();
        for part in parts {
            let next = || openat(&open, part, FOLDER | OFlag::O_NOFOLLOW, Mode::empty());
            let found = match next() {
                Err(Errno::ENOENT) if missing == Missing::IsMade => {
                    match mkdirat(&open, part, Mode::S_IRWXU) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(errno) => return Err(failed(errno)),
                    }
                    fsync(&open).map_err(failed)?;
                    next()
                }
                found => found,
            };
            open = found.map_err(failed)?;
        }
        Ok(Self { folder: open, name: file, shown })
    }

    /// The place of a file by its whole path; the folders on the way may be links.
    pub fn of_path(path: &str) -> Result<Self, HostError> {
        let split = Path::new(path);
        let (Some(folder), Some(name)) = (split.parent(), split.file_name().and_then(|name| name.to_str()))
        else {
            return Err(HostError::Refused { path: path.to_owned(), why: "it names no file".to_owned() });
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let open = openat(AT_FDCWD, folder, FOLDER, Mode::empty()).map_err(|errno| of_errno(path, errno))?;
        Ok(Self { folder: open, name: name.to_owned(), shown: path.to_owned() })
    }

    /// A place beside it, whose name has this ending.
    pub fn beside(&self, ending: &str) -> Result<Self, HostError> {
        Ok(Self {
            folder: self.folder.try_clone().map_err(|error| self.failed(&error))?,
            name: format!("{}{ending}", self.name),
            shown: format!("{}{ending}", self.shown),
        })
    }

    /// For messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What is there, a link itself and not what it points to; `None` where nothing is.
    pub fn look(&self) -> Result<Option<FileStat>, HostError> {
        match fstatat(&self.folder, self.name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.failed_by(errno)),
        }
    }

    /// The regular file that is there, to be read.
    pub fn open(&self) -> Result<File, HostError> {
        let refused =
            || HostError::Refused { path: self.shown.clone(), why: "it is no regular file".to_owned() };
        // A pipe would hold the thread until somebody writes to it.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(&self.folder, self.name.as_str(), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::ELOOP) => return Err(refused()),
            Err(errno) => return Err(self.failed_by(errno)),
        };
        let metadata = file.metadata().map_err(|error| self.failed(&error))?;
        if metadata.is_file() { Ok(file) } else { Err(refused()) }
    }

    /// A new file for its owner alone; an error where anything has the name.
    pub fn create(&self) -> Result<File, HostError> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(&self.folder, self.name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(file) => Ok(file.into()),
            Err(Errno::EEXIST) => Err(HostError::Exists(self.shown.clone())),
            Err(errno) => Err(self.failed_by(errno)),
        }
    }

    /// Gives what is here the name `to` in the same folder, in one step, whatever had it before.
    pub fn rename(&self, to: &Self) -> Result<(), HostError> {
        renameat(&self.folder, self.name.as_str(), &to.folder, to.name.as_str())
            .map_err(|errno| self.failed_by(errno))
    }

    /// Takes the name away; `false` where there was none.
    pub fn remove(&self) -> Result<bool, HostError> {
        match unlinkat(&self.folder, self.name.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed_by(errno)),
        }
    }

    /// Names that were changed in the folder stay so after a power cut.
    pub fn sync_folder(&self) -> Result<(), HostError> {
        fsync(&self.folder).map_err(|errno| self.failed_by(errno))
    }

    /// Bytes that are free for the bot where it is.
    pub fn free(&self) -> Result<u64, HostError> {
        let disk = fstatvfs(&self.folder).map_err(|errno| self.failed_by(errno))?;
        Ok(disk.blocks_available() * disk.fragment_size())
    }

    pub fn failed(&self, error: &io::Error) -> HostError {
        HostError::of(&self.shown, error)
    }

    fn failed_by(&self, errno: Errno) -> HostError {
        of_errno(&self.shown, errno)
    }
}

/// Whether it is a regular file.
pub fn is_file(found: &FileStat) -> bool {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

fn of_errno(path: &str, errno: Errno) -> HostError {
    match errno {
        // `O_NOFOLLOW` on a link, with and without `O_DIRECTORY`.
        Errno::ELOOP | Errno::ENOTDIR => HostError::Refused {
            path: path.to_owned(),
            why: "a part of it is a link, or no folder".to_owned(),
        },
        errno => HostError::of(path, &io::Error::from(errno)),
    }
}
