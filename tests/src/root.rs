//! What takes the machine's administrator: networks and disks of a test's own.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a program as the administrator.
///
/// # Panics
/// When there is no such program.
#[must_use]
pub fn as_root(program: &str, arguments: &[&str]) -> Output {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new(program)
    } else {
        let mut sudo = Command::new("/usr/bin/sudo");
        sudo.args(["-n", program]);
        sudo
    };
    command.args(arguments).output().expect("a program")
}

/// A disk of a few megabytes, gone when dropped.
pub struct Disk(TempDir);

impl Disk {
    /// One of so many megabytes.
    ///
    /// # Panics
    /// When it can't be mounted.
    #[must_use]
    pub fn of(megabytes: u32) -> Self {
        let disk = Self(TempDir::new().expect("a folder"));
        let size = format!("size={megabytes}m,mode=0777");
        let mounted = as_root("/usr/bin/mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &disk.shown()]);
        assert!(mounted.status.success(), "{mounted:?}");
        disk
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn shown(&self) -> String {
        self.path().display().to_string()
    }

    /// Writes to it until nothing fits any more.
    ///
    /// # Panics
    /// When there is an end to it.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.path().join("filler")).expect("a file");
        let piece = [0_u8; 4_096];
        let full = (0..1_000_000).find_map(|_| file.write_all(&piece).err()).expect("a disk has an end");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    }

    /// Takes that away.
    ///
    /// # Panics
    /// When it is not there.
    pub fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).expect("the file");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = as_root("/usr/bin/umount", &["-l", &self.shown()]);
    }
}
