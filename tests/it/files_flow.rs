//! The platform's files are archived, and archives are copied to where they stay longer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::people::{BO, CY, DEE};
use tempfile::TempDir;

/// A dump is made and files are read.
const DONE: Duration = Duration::from_secs(60);

/// Files to archive, and where.
struct Ground {
    backups: TempDir,
    platform: TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { backups: tempfile::tempdir().unwrap(), platform: tempfile::tempdir().unwrap() };
        let here = ground.platform.path();
        std::fs::write(here.join(".env"), "JWT=secret\n").unwrap();
        std::fs::create_dir(here.join("infrastructure")).unwrap();
        std::fs::write(here.join("infrastructure/compose.yml"), "services: {}\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", here.join("infrastructure/link")).unwrap();
        ground
    }

    fn toml(&self) -> String {
        let files = [".env", "infrastructure"].map(|name| self.platform.path().join(name));
        format!("[backups]\ndir = {:?}\nfiles = {files:?}", self.backups.path())
    }

    /// Names below the backups' folder.
    fn names(&self, below: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.backups.path().join(below)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

async fn done(scene: &Scene, line: &str) {
    let card = scene.asks(DEE, line).await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, &format!("Done: {line}"), DONE).await;
}

#[tokio::test]
async fn files_are_archived_for_the_owner_alone_and_copied_with_the_same_digest() {
    let ground = Ground::new();
    let scene = Scene::with(&ground.toml()).await;
    scene.types(DEE, "backup archive").await;
    scene.message("Nothing to archive", SOON).await;
    done(&scene, "backup create --files").await;
    let names = ground.names("");
    let [archive, manifest] = names.as_slice() else { panic!("{names:?}") };
    assert!(archive.starts_with("files-") && archive.ends_with(".tar.gz"), "{archive}");
    for name in [archive, manifest] {
        let mode = std::fs::metadata(ground.backups.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let path = ground.backups.path().join(archive);
    let listed = Command::new("tar").arg("-tzvf").arg(&path).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for part in ["/.env\n", "infrastructure/compose.yml\n", "infrastructure/link -> /etc/passwd\n"] {
        assert!(listed.contains(part), "{part} in {listed}");
    }
    scene.types(CY, &format!("backup verify {archive}")).await;
    scene.message(&format!("{archive} is whole"), SOON).await;

    done(&scene, "backup create").await;
    let dump = ground.names("").into_iter().find(|name| name.ends_with(".dump")).unwrap();
    done(&scene, "backup archive").await;
    for name in [archive, &dump] {
        let copy = ground.backups.path().join("monthly").join(name);
        assert_eq!(sha256(&copy), sha256(&ground.backups.path().join(name)));
        let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(ground.names("monthly").len(), 4, "each with its manifest");
    scene.types(DEE, "backup archive").await;
    scene.message("Archived already", SOON).await;
    // The copy is no newer backup than its original.
    scene.types(CY, "backup verify newest").await;
    scene.message(&format!("{dump} is whole"), SOON).await;
}

#[tokio::test]
async fn what_is_not_whole_is_not_archived_and_without_files_it_says_what_to_add() {
    let ground = Ground::new();
    let scene = Scene::with(&ground.toml()).await;
    done(&scene, "backup create --files").await;
    let archive = ground.names("").into_iter().find(|name| name.ends_with(".tar.gz")).unwrap();
    let path = ground.backups.path().join(&archive);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    scene.types(DEE, "backup archive").await;
    scene.message("its manifest says", SOON).await;
    assert_eq!(ground.names("monthly"), [] as [String; 0]);
    // A file that goes between the vote and the begin.
    let card = scene.asks(DEE, "backup create --files").await;
    std::fs::remove_file(ground.platform.path().join(".env")).unwrap();
    let before = ground.names("");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Not done: backup create --files", DONE).await;
    assert_eq!(ground.names(""), before);
    drop(scene);
    let scene = Scene::with(&format!("[backups]\ndir = {:?}", ground.backups.path())).await;
    scene.types(DEE, "backup create --files").await;
    scene.message("[backups] files is not in the bot's configuration", SOON).await;
}

#[tokio::test]
async fn a_bot_that_dies_while_it_archives_leaves_one_whole_archive() {
    let ground = Ground::new();
    let mut scene = Scene::with(&ground.toml()).await;
    for (failpoint, archives) in [("after-step-begun", 1), ("after-step-acted", 2)] {
        scene.bot.stop().await;
        scene.bot.set("ACGS_FAILPOINT", Some(failpoint));
        scene.bot.restart().await;
        scene.slack.wait_sockets(2, SOON).await;
        let card = scene.asks(DEE, "backup create --files").await;
        scene.slack.react(BO, &card, "white_check_mark").await;
        scene.bot.dies(DONE).await;
        scene.bot.set("ACGS_FAILPOINT", None);
        scene.bot.restart().await;
        scene.says(&card, "Done: backup create --files", DONE).await;
        let names = ground.names("");
        let whole = names.iter().filter(|name| name.ends_with(".tar.gz")).count();
        assert_eq!((whole, names.len()), (archives, 2 * archives), "{failpoint}: {names:?}");
    }
}
