//! Backups written, copied, read and deleted, on real disks, full ones among them.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use commands::archive::{About, ArchiveName, Contents, DumpFormat, Look};
use commands::backup::{Backups, Sha256Hex};
use commands::ids::RunId;
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::act::backup::{BackupWriter, copy, delete};
use crate::act::files;

fn name(text: &str) -> ArchiveName {
    ArchiveName::try_from(text.to_owned()).unwrap()
}

fn about(contents: Contents) -> About {
    About {
        created: "2026-11-26T02:00:00Z".parse().unwrap(),
        database: "acgs".to_owned(),
        contents,
        dump: Some(DumpFormat::Custom),
        alembic_version: Some("9f1c".to_owned()),
        run: Some(RunId::from_random(7)),
        tables: BTreeMap::from([("public.users".to_owned(), 3)]),
    }
}

/// Every file below it, by name, in order.
fn names(folder: &Path) -> Vec<String> {
    let output = Command::new("find").arg(folder).args(["-type", "f", "-printf", "%P\n"]).output().unwrap();
    let mut names: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn sha256sum(path: &Path) -> Sha256Hex {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    let digits = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    Sha256Hex::try_from(digits).unwrap()
}

/// A tmpfs of one megabyte, taken away in the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let user = nix::unistd::geteuid().to_string();
        let options = format!("size=1m,mode=0700,uid={user}");
        let mounted =
            as_root("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", folder.path().to_str().unwrap()]);
        assert!(mounted.status.success(), "{mounted:?}");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root("umount", &[self.0.path().to_str().unwrap()]);
    }
}

async fn written(folder: &str, name: &ArchiveName, bytes: &[u8]) {
    let mut writer = BackupWriter::begin(folder, name, bytes.len() as u64, PATIENT).await.unwrap();
    writer.write_all(bytes).await.unwrap();
    writer.finish(about(Contents::Database), PATIENT).await.unwrap();
}

async fn catalogue(folder: &str) -> Backups {
    backups(folder, PATIENT).await.unwrap()
}

#[tokio::test]
async fn a_backup_has_its_name_when_all_of_it_is_there() {
    let folder = TempDir::new().unwrap();
    let (here, name) = (folder.path().display().to_string(), name("daily/acgs.dump"));
    let mut writer = BackupWriter::begin(&here, &name, 1 << 20, PATIENT).await.unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for piece in bytes.chunks(70_000) {
        writer.write_all(piece).await.unwrap();
    }
    assert_eq!(writer.bytes(), 3_000_000);
    assert_eq!(names(folder.path()), ["daily/acgs.dump.part"]);
    let second = BackupWriter::begin(&here, &name, 0, PATIENT).await;
    assert!(matches!(second, Err(HostError::Exists(path)) if path.ends_with(".part")), "one at a time");
    let manifest = writer.finish(about(Contents::Database), PATIENT).await.unwrap();
    assert_eq!(names(folder.path()), ["daily/acgs.dump", "daily/acgs.dump.manifest.json"]);
    let path = folder.path().join("daily/acgs.dump");
    assert_eq!(manifest.sha256, sha256sum(&path));
    for file in [path.clone(), folder.path().join("daily/acgs.dump.manifest.json")] {
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    let found = catalogue(&here).await;
    assert_eq!(found.archives[0].manifest, Some(Ok(manifest.clone())));
    assert_eq!((manifest.run, manifest.dump), (Some(RunId::from_random(7)), Some(DumpFormat::Custom)));
    let third = BackupWriter::begin(&here, &name, 0, PATIENT).await;
    assert!(matches!(third, Err(HostError::Exists(_))), "nothing is written over");

    let sums = verify_sums(&here, "daily/acgs.dump", PATIENT).await.unwrap();
    assert!(sums.agree() && sums.bytes == 3_000_000);
    let (mut file, length) = open_archive(&here, "daily/acgs.dump", PATIENT).await.unwrap();
    let mut read = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut file, &mut read).await.unwrap();
    assert!(read == bytes && length == 3_000_000);
    let mut damaged = bytes;
    damaged[1_500_000] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(!verify_sums(&here, "daily/acgs.dump", PATIENT).await.unwrap().agree(), "one bit");
    let copied = copy(&here, "daily/acgs.dump", &self::name("monthly/acgs.dump"), PATIENT).await.unwrap_err();
    assert!(copied.to_string().contains("it is not what its manifest says"), "{copied}");
    assert_eq!(names(folder.path()).len(), 2, "no copy");
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let (here, name) = (folder.path().display().to_string(), name("acgs.dump"));
    let mut writer = BackupWriter::begin(&here, &name, 0, PATIENT).await.unwrap();
    writer.write_all(b"half").await.unwrap();
    writer.abandon(PATIENT).await.unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let mut writer = BackupWriter::begin(&here, &name, 0, PATIENT).await.unwrap();
    writer.write_all(b"half").await.unwrap();
    drop(writer);
    assert_eq!(names(folder.path()), Vec::<String>::new());
    // Somebody else writes to it too.
    let mut writer = BackupWriter::begin(&here, &name, 0, PATIENT).await.unwrap();
    writer.write_all(b"half").await.unwrap();
    writer.flush().await.unwrap();
    let part = folder.path().join("acgs.dump.part");
    let mut other = fs::OpenOptions::new().append(true).open(&part).unwrap();
    std::io::Write::write_all(&mut other, b"more").unwrap();
    let finished = writer.finish(about(Contents::Database), PATIENT).await;
    assert!(matches!(finished, Err(HostError::Changed(_))), "{finished:?}");
    // The name was taken meanwhile.
    let mut writer = BackupWriter::begin(&here, &name, 0, PATIENT).await.unwrap();
    writer.write_all(b"half").await.unwrap();
    fs::write(folder.path().join("acgs.dump"), b"another one").unwrap();
    let finished = writer.finish(about(Contents::Database), PATIENT).await;
    assert!(matches!(finished, Err(HostError::Exists(_))), "{finished:?}");
    assert_eq!(names(folder.path()), ["acgs.dump"]);
    assert_eq!(fs::read(folder.path().join("acgs.dump")).unwrap(), b"another one");
}

#[tokio::test]
async fn a_full_disk_is_told_and_keeps_nothing() {
    let disk = SmallDisk::new();
    let here = disk.0.path().display().to_string();
    let refused = BackupWriter::begin(&here, &name("acgs.dump"), 2 << 20, PATIENT).await.err().unwrap();
    assert!(
        matches!(refused, HostError::NoRoom { needed, free, .. } if needed > 2 << 20 && free <= 1 << 20),
        "{refused}"
    );
    assert_eq!(names(disk.0.path()), Vec::<String>::new());
    // It was said to be small.
    let mut writer = BackupWriter::begin(&here, &name("acgs.dump"), 1_000, PATIENT).await.unwrap();
    let mut failed = Ok(());
    for _ in 0..40 {
        failed = writer.write_all(&[7; 65_536]).await;
        if failed.is_err() {
            break;
        }
    }
    let failed = match failed {
        Err(error) => error.to_string(),
        Ok(()) => writer.flush().await.unwrap_err().to_string(),
    };
    assert!(failed.contains("No space left"), "{failed}");
    writer.abandon(PATIENT).await.unwrap();
    assert_eq!(names(disk.0.path()), Vec::<String>::new());

    // A backup that fits, and neither a copy of it nor the files beside it.
    written(&here, &name("acgs.dump"), &[7; 600_000]).await;
    let copied = copy(&here, "acgs.dump", &name("monthly/acgs.dump"), PATIENT).await.unwrap_err();
    assert!(matches!(copied, HostError::NoRoom { .. }), "{copied}");
    let source = TempDir::new().unwrap();
    let random = Command::new("head").args(["-c", "900000", "/dev/urandom"]).output().unwrap().stdout;
    fs::write(source.path().join("large"), random).unwrap();
    let paths = vec![source.path().to_owned()];
    let archived =
        files::archive(&here, &name("files.tar.gz"), paths, (about(Contents::Files), 0), PATIENT).await;
    assert!(archived.unwrap_err().to_string().contains("No space left"));
    assert_eq!(names(disk.0.path()), ["acgs.dump", "acgs.dump.manifest.json"]);
}

#[tokio::test]
async fn names_and_links_do_not_lead_out_of_the_folder() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = folder.path().display().to_string();
    fs::write(elsewhere.path().join("secret"), "PGDMP").unwrap();
    symlink(elsewhere.path(), folder.path().join("away")).unwrap();
    symlink(elsewhere.path().join("secret"), folder.path().join("link.dump")).unwrap();
    nix::unistd::mkfifo(&folder.path().join("pipe.dump"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let secret = elsewhere.path().join("secret").display().to_string();
    for name in [
        "away/secret",
        "link.dump",
        "pipe.dump",
        "../secret",
        "a/../../secret",
        "",
        "/",
        ".",
        &secret,
        "a\0b",
        "link.dump/x",
    ] {
        let refused = [
            inspect(&here, name, PATIENT).await.err(),
            open_archive(&here, name, PATIENT).await.err(),
            verify_sums(&here, name, PATIENT).await.err(),
        ];
        assert!(
            refused
                .iter()
                .all(|error| matches!(error, Some(HostError::Refused { .. } | HostError::Unreadable { .. }))),
            "{name:?}: {refused:?}"
        );
    }
    let written = BackupWriter::begin(&here, &name("away/x.dump"), 0, PATIENT).await.err();
    assert!(matches!(written, Some(HostError::Refused { .. })), "{written:?}");
    assert_eq!(names(elsewhere.path()), ["secret"]);
    // A name that is taken by a link is not followed either.
    symlink(elsewhere.path().join("new"), folder.path().join("x.dump.part")).unwrap();
    let written = BackupWriter::begin(&here, &name("x.dump"), 0, PATIENT).await.err();
    assert!(matches!(written, Some(HostError::Exists(_))), "{written:?}");
    assert_eq!(names(elsewhere.path()), ["secret"]);
}

#[tokio::test]
async fn only_what_the_catalogue_shows_is_deleted() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = folder.path().display().to_string();
    for one in ["daily/a.dump", "daily/b.dump"] {
        written(&here, &name(one), b"some bytes").await;
    }
    fs::write(folder.path().join("daily/a.dump.sha256"), "x").unwrap();
    fs::write(folder.path().join("odd \"name\"\n.sql"), "by hand").unwrap();
    let shown = catalogue(&here).await;
    let one = |name: &str| shown.archives.iter().find(|archive| archive.name == name).unwrap();
    assert_eq!(delete(&here, one("daily/a.dump"), PATIENT).await, Ok(10));
    assert_eq!(delete(&here, one("odd \"name\"\n.sql"), PATIENT).await, Ok(7));
    assert_eq!(names(folder.path()), ["daily/b.dump", "daily/b.dump.manifest.json"]);
    let again = delete(&here, one("daily/a.dump"), PATIENT).await;
    assert!(matches!(again, Err(HostError::Changed(_))), "{again:?}");
    fs::write(folder.path().join("daily/b.dump"), "other bytes").unwrap();
    let changed = delete(&here, one("daily/b.dump"), PATIENT).await;
    assert!(matches!(changed, Err(HostError::Changed(_))), "{changed:?}");
    // Its folder has become a link.
    fs::write(elsewhere.path().join("b.dump"), "some bytes").unwrap();
    fs::rename(folder.path().join("daily"), folder.path().join("moved")).unwrap();
    symlink(elsewhere.path(), folder.path().join("daily")).unwrap();
    let linked = delete(&here, one("daily/b.dump"), PATIENT).await;
    assert!(matches!(linked, Err(HostError::Refused { .. })), "{linked:?}");
    let mut out = one("daily/b.dump").clone();
    out.name = format!("../{}/b.dump", elsewhere.path().file_name().unwrap().to_str().unwrap());
    assert!(matches!(delete(&here, &out, PATIENT).await, Err(HostError::Refused { .. })));
    assert_eq!(names(elsewhere.path()), ["b.dump"]);
}

#[tokio::test]
async fn a_copy_is_the_same_and_no_newer() {
    let folder = TempDir::new().unwrap();
    let here = folder.path().display().to_string();
    written(&here, &name("weekly/a.dump"), b"some bytes").await;
    let monthly = name("weekly/a.dump").in_folder("monthly").unwrap();
    let sums = copy(&here, "weekly/a.dump", &monthly, PATIENT).await.unwrap();
    assert!(sums.agree());
    let shown = catalogue(&here).await;
    let made: Vec<_> = shown.archives.iter().map(commands::backup::Archive::made).collect();
    assert_eq!((made.len(), made[0]), (2, made[1]));
    let again = copy(&here, "weekly/a.dump", &monthly, PATIENT).await;
    assert!(matches!(again, Err(HostError::Exists(_))), "{again:?}");
    fs::write(folder.path().join("weekly/bare.dump"), "x").unwrap();
    let bare = copy(&here, "weekly/bare.dump", &name("monthly/bare.dump"), PATIENT).await.unwrap_err();
    assert!(bare.to_string().contains("it has no manifest"), "{bare}");
}

#[tokio::test]
async fn a_dump_is_known_by_its_beginning_and_its_end() {
    let folder = TempDir::new().unwrap();
    let here = folder.path().display().to_string();
    let plain = format!("--\n-- PostgreSQL database dump\n--\n\n{}", "INSERT;\n".repeat(1_000));
    let end = "--\n-- PostgreSQL database dump complete\n--\n\n";
    for (name, bytes, look) in [
        ("custom", b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec(), Look::Custom { version: (1, 14) }),
        ("whole", format!("{plain}{end}").into_bytes(), Look::Plain { is_whole: true }),
        ("newer", format!("{plain}{end}\\unrestrict abc\n\n").into_bytes(), Look::Plain { is_whole: true }),
        ("half", plain.clone().into_bytes(), Look::Plain { is_whole: false }),
        (
            "early",
            format!("{end}{plain}-- PostgreSQL database dump complete?").into_bytes(),
            Look::Plain { is_whole: false },
        ),
        ("empty", Vec::new(), Look::Empty),
        ("gzip", vec![0x1f, 0x8b, 8], Look::Gzip),
        ("html", b"<html>".to_vec(), Look::Unknown),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let found = inspect(&here, name, PATIENT).await.unwrap();
        assert_eq!(found, look, "{name}");
        assert_eq!(found.dump().is_some(), ["custom", "whole", "newer"].contains(&name), "{name}");
    }
}

#[tokio::test]
async fn files_are_archived_and_links_are_not_followed() {
    let (source, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = folder.path().display().to_string();
    let root = source.path();
    fs::create_dir(root.join("deep")).unwrap();
    fs::write(root.join(".env"), "KEY=hunter2").unwrap();
    fs::set_permissions(root.join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    let long = "n".repeat(150);
    fs::write(root.join("deep").join(&long), "long").unwrap();
    fs::write(root.join("deep/quo\"te\nnew"), "").unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("/", root.join("deep/everything")).unwrap();
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let paths = vec![root.to_owned(), folder.path().to_owned()];
    let archived = files::archive(&here, &name("files.tar.gz"), paths, (about(Contents::Files), 0), PATIENT)
        .await
        .unwrap();
    assert_eq!((archived.files, archived.links), (3, 2));
    assert_eq!(archived.left_out, [root.join("pipe"), folder.path().to_owned()]);
    assert!(verify_sums(&here, "files.tar.gz", PATIENT).await.unwrap().agree());
    assert_eq!(inspect(&here, "files.tar.gz", PATIENT).await, Ok(Look::Gzip));

    // What tar makes of it.
    let out = TempDir::new().unwrap();
    let path = folder.path().join("files.tar.gz");
    let unpacked = Command::new("tar").arg("-xzf").arg(&path).arg("-C").arg(out.path()).output().unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let base = out.path().join(root.strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(base.join(".env")).unwrap(), "KEY=hunter2");
    assert_eq!(fs::metadata(base.join(".env")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(base.join("deep").join(&long)).unwrap(), "long");
    assert!(base.join("deep/quo\"te\nnew").is_file());
    assert_eq!(fs::read_link(base.join("link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::read_link(base.join("deep/everything")).unwrap(), Path::new("/"));

    let missing = vec![root.to_owned(), root.join("missing")];
    for paths in [missing, vec![PathBuf::from("relative")], vec![root.join("../x")]] {
        let failed =
            files::archive(&here, &name("other.tar.gz"), paths, (about(Contents::Files), 0), PATIENT).await;
        assert!(
            matches!(failed, Err(HostError::Unreadable { .. } | HostError::Refused { .. })),
            "{failed:?}"
        );
    }
    assert_eq!(names(folder.path()), ["files.tar.gz", "files.tar.gz.manifest.json"]);
}
