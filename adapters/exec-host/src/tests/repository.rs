//! Real repositories: one to fetch from, and a clone that is brought forward.

use std::path::{Path, PathBuf};

use commands::commit::CommitId;

use super::*;
use crate::act::git::{fast_forward, fetch};

struct Repositories(TempDir);

impl Repositories {
    /// An origin with one commit, and its clone.
    fn new() -> Self {
        let all = Self(TempDir::new().unwrap());
        fs::create_dir(all.origin()).unwrap();
        run(&all.origin(), &["init", "--quiet", "--initial-branch=main"]);
        all.commit("first");
        run(all.0.path(), &["clone", "--quiet", "origin", "clone"]);
        all
    }

    fn origin(&self) -> PathBuf {
        self.0.path().join("origin")
    }

    fn clone(&self) -> PathBuf {
        self.0.path().join("clone")
    }

    /// One more commit at the origin.
    fn commit(&self, subject: &str) -> CommitId {
        fs::write(self.origin().join("file"), subject).unwrap();
        run(&self.origin(), &["add", "file"]);
        run(&self.origin(), &["commit", "--quiet", "-m", subject]);
        id(&self.origin())
    }
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn id(folder: &Path) -> CommitId {
    CommitId::try_from(run(folder, &["rev-parse", "HEAD"])).unwrap()
}

#[tokio::test]
async fn a_clone_is_brought_forward_to_the_commit_that_was_looked_at() {
    let repositories = Repositories::new();
    let clone = repositories.clone();
    let first = id(&clone);
    let second = repositories.commit("second\nand more");
    let third = repositories.commit("third \u{1b}[31m");
    let unknown = fast_forward(&clone, &first, &second, PATIENT).await.unwrap_err();
    assert!(unknown.to_string().contains("fetch first"), "{unknown}");
    // A hook that would run is not run.
    let hook = clone.join(".git/hooks/post-merge");
    fs::write(&hook, "#!/bin/sh\ntouch hooked\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();

    fetch(&clone, PATIENT).await.unwrap();
    assert_eq!(id(&clone), first, "what is checked out stays");
    assert_eq!(upstream(&clone, PATIENT).await, Ok(third.clone()));
    let between = commits_between(&clone, &first, &third, PATIENT).await.unwrap();
    let subjects: Vec<&str> = between.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!(subjects, ["third  [31m", "second and more"]);
    assert_eq!(commits_between(&clone, &third, &first, PATIENT).await, Ok(Vec::new()));

    fs::write(clone.join("untracked"), "in nobody's way").unwrap();
    let head = fast_forward(&clone, &first, &second, PATIENT).await.unwrap();
    assert_eq!((head.commit, head.branch.as_deref(), head.is_changed), (second.clone(), Some("main"), false));
    assert_eq!(fs::read_to_string(clone.join("file")).unwrap(), "second\nand more");
    assert!(!clone.join("hooked").exists());
    let stale = fast_forward(&clone, &first, &third, PATIENT).await;
    assert!(matches!(stale, Err(HostError::Changed(_))), "{stale:?}");
    let backwards = fast_forward(&clone, &second, &first, PATIENT).await.unwrap_err();
    assert!(backwards.to_string().contains("not at the commit that was asked for"), "{backwards}");
    assert_eq!(id(&clone), second);
}

#[tokio::test]
async fn somebody_s_own_work_is_in_nobody_s_way() {
    let repositories = Repositories::new();
    let clone = repositories.clone();
    let first = id(&clone);
    let second = repositories.commit("second");
    fetch(&clone, PATIENT).await.unwrap();
    fs::write(clone.join("file"), "mended in a hurry").unwrap();
    assert!(head(&clone, PATIENT).await.unwrap().is_changed);
    let refused = fast_forward(&clone, &first, &second, PATIENT).await.unwrap_err();
    assert!(refused.to_string().contains("tracked files are changed"), "{refused}");
    assert_eq!(fs::read_to_string(clone.join("file")).unwrap(), "mended in a hurry");

    run(&clone, &["commit", "--quiet", "-am", "own"]);
    let own = id(&clone);
    let refused = fast_forward(&clone, &own, &second, PATIENT).await.unwrap_err();
    assert!(refused.to_string().contains("does not follow"), "{refused}");
    assert_eq!(id(&clone), own);
    run(&clone, &["checkout", "--quiet", "--detach", first.as_str()]);
    assert_eq!(head(&clone, PATIENT).await.unwrap().branch, None);
    let refused = fast_forward(&clone, &first, &second, PATIENT).await.unwrap_err();
    assert!(refused.to_string().contains("no branch"), "{refused}");
}

#[tokio::test]
async fn a_remote_s_address_is_never_told() {
    let repositories = Repositories::new();
    let clone = repositories.clone();
    for url in [
        "http://ada:hunter2@127.0.0.1:1/x.git",
        "/nowhere/hunter2",
        "ext::sh -c \"touch hunter2\"",
        "ssh://hunter2@127.0.0.1:1/x",
    ] {
        run(&clone, &["remote", "set-url", "origin", url]);
        let failed = fetch(&clone, PATIENT).await.unwrap_err();
        assert!(matches!(failed, HostError::Program { .. }), "{failed:?}");
        assert!(!format!("{failed} {failed:?}").contains("hunter2"), "{failed:?}");
    }
    let none = fetch(repositories.0.path(), PATIENT).await.unwrap_err();
    assert!(none.to_string().contains("it is no repository"), "{none}");
}
