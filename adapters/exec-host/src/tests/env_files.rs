//! Env files changed, and not changed.

use std::os::unix::fs::{MetadataExt as _, symlink};

use commands::backup::Sha256Hex;
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::act::env_file::{is_unsettled, set_variables, settle, swap_back};

const TEXT: &str = "# KEY=comment\r\nexport KEY = 'old value'  \nOTHER=a=b # c\n\nKEY=older\nlast=\u{e9}";

struct EnvFolder(TempDir);

impl EnvFolder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(".env"), TEXT).unwrap();
        fs::set_permissions(folder.path().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().join(".env").display().to_string()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn sum(&self) -> Sha256Hex {
        env_file(&self.path(), Vec::new(), PATIENT).await.unwrap().sha256
    }

    async fn set(&self, variables: &[(&str, &str)]) -> Result<Sha256Hex, HostError> {
        set_variables(&self.path(), &self.sum().await, secret(variables), PATIENT).await
    }
}

fn secret(variables: &[(&str, &str)]) -> Vec<(String, SecretString)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SecretString::from((*value).to_owned())))
        .collect()
}

#[tokio::test]
async fn variables_are_set_and_the_rest_stays_byte_for_byte() {
    let file = EnvFolder::new();
    let before = file.sum().await;
    let after = file.set(&[("KEY", "new-1"), ("NEW", "with space"), ("last", "x")]).await.unwrap();
    let expected =
        "# KEY=comment\r\nexport KEY=new-1\nOTHER=a=b # c\n\nKEY=new-1\nlast=x\nNEW='with space'\n";
    assert_eq!(file.text(), expected);
    assert_eq!(after, file.sum().await);
    assert_eq!(file.names(), [".env", ".env.acgs-before"]);
    for name in file.names() {
        assert_eq!(fs::metadata(file.0.path().join(name)).unwrap().mode() & 0o777, 0o600);
    }
    // Until somebody has said which one is good, there is no second change.
    let second = file.set(&[("KEY", "new-2")]).await;
    assert!(matches!(second, Err(HostError::Exists(_))), "{second:?}");
    assert_eq!((file.text().as_str(), file.names().len()), (expected, 2));

    let wrong = swap_back(&file.path(), &before, PATIENT).await;
    assert!(matches!(wrong, Err(HostError::Changed(_))), "{wrong:?}");
    swap_back(&file.path(), &after, PATIENT).await.unwrap();
    assert_eq!((file.text().as_str(), file.names()), (TEXT, vec![".env".to_owned()]));
    let nothing = swap_back(&file.path(), &before, PATIENT).await;
    assert!(matches!(nothing, Err(HostError::Unreadable { .. })), "{nothing:?}");
    assert_eq!(settle(&file.path(), PATIENT).await, Ok(false));
    file.set(&[("KEY", "new-3")]).await.unwrap();
    assert_eq!(settle(&file.path(), PATIENT).await, Ok(true));
    assert_eq!(file.names(), [".env"]);
    assert!(file.text().contains("\nKEY=new-3\n"));
}

#[tokio::test]
async fn rights_are_never_wider_than_owner_and_group() {
    let file = EnvFolder::new();
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
    file.set(&[("KEY", "x")]).await.unwrap();
    assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_value_is_what_compose_reads() {
    let file = EnvFolder::new();
    let values = [
        ("PLAIN", "aB3_-./:@%+,=~^"),
        ("HASH", "a#b #c"),
        ("DOLLAR", "a$HOME"),
        ("DOUBLE", "a\"b\"c"),
        ("SINGLE", "it's # so"),
        ("SPACES", " leading and trailing "),
        ("WIDE", "\u{e9}"),
    ];
    file.set(&values).await.unwrap();
    let text = file.text();
    for line in [
        "HASH='a#b #c'",
        "DOLLAR='a$HOME'",
        "DOUBLE='a\"b\"c'",
        "SINGLE=\"it's # so\"",
        "PLAIN=aB3_-./:@%+,=~^",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
    for (name, value) in values {
        assert_eq!(secrets::value(&text, name), Some(value));
    }
    // What readers that know nothing of the bot make of it: Compose 1 and 2, as far as they are here.
    fs::write(file.0.path().join("compose.yaml"), compose(&values)).unwrap();
    let programs =
        [vec!["docker-compose"], vec!["docker", "compose"], vec!["/var/lib/acgs-test/docker-compose"]];
    let mut readers = 0;
    for program in programs {
        let version = Command::new(program[0]).args(&program[1..]).arg("version").output();
        if !version.is_ok_and(|version| version.status.success()) {
            continue;
        }
        readers += 1;
        let read = Command::new(program[0])
            .args(&program[1..])
            .args(["--project-directory", file.0.path().to_str().unwrap(), "-f"])
            .arg(file.0.path().join("compose.yaml"))
            .args(["--env-file", &file.path(), "config"])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", file.0.path())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(read.status.success(), "{program:?}: {read:?}");
        let read = String::from_utf8(read.stdout).unwrap();
        for line in [
            "PLAIN: aB3_-./:@%+,=~^",
            "HASH: 'a#b #c'",
            "DOLLAR: a$$HOME",
            "DOUBLE: a\"b\"c",
            "SINGLE: 'it''s # so'",
            "SPACES: ' leading and trailing '",
            "WIDE: \u{e9}",
        ] {
            assert!(read.lines().any(|one| one.trim() == line), "{program:?}: {line} in {read}");
        }
    }
    assert!(readers > 0, "tests/install installs one");
}

/// A service that takes each of these variables from the env file.
fn compose(values: &[(&str, &str)]) -> String {
    let lines: String = values.iter().map(|(name, _)| format!("      {name}: ${{{name}}}\n")).collect();
    format!("version: '3.7'\nservices:\n  one:\n    image: none\n    environment:\n{lines}")
}

#[tokio::test]
async fn what_can_not_be_written_safely_is_refused_and_nothing_is_changed() {
    let file = EnvFolder::new();
    for (name, value) in [
        ("KEY", ""),
        ("KEY", "  "),
        ("KEY", "hunter2\nEVIL=1"),
        ("KEY", "hunter2\r"),
        ("KEY", "hunter2\\n"),
        ("KEY", "hunter2'$x"),
        ("KEY", "hunter2${x}"),
        ("KEY", "hunter2'\""),
        ("KEY=x", "hunter2"),
        ("1KEY", "hunter2"),
        ("", "hunter2"),
        ("A B", "hunter2"),
        ("A\nB", "hunter2"),
    ] {
        let refused = file.set(&[("OTHER", "good"), (name, value)]).await.unwrap_err();
        assert!(matches!(refused, HostError::Refused { .. }), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        assert_eq!((file.text().as_str(), file.names()), (TEXT, vec![".env".to_owned()]));
    }
    fs::write(file.path(), "KEY=\"first\nOTHER=second\"\n").unwrap();
    let lines = file.set(&[("OTHER", "good")]).await.unwrap_err();
    assert!(lines.to_string().contains("several lines"), "{lines}");
}

#[tokio::test]
async fn a_file_that_somebody_has_changed_meanwhile_is_theirs() {
    let file = EnvFolder::new();
    let looked = file.sum().await;
    let theirs = format!("{TEXT}\nTHEIRS=1\n");
    fs::write(file.path(), &theirs).unwrap();
    let set = set_variables(&file.path(), &looked, secret(&[("KEY", "x")]), PATIENT).await;
    assert!(matches!(set, Err(HostError::Changed(_))), "{set:?}");
    assert_eq!((file.text(), file.names()), (theirs, vec![".env".to_owned()]));
    fs::remove_file(file.path()).unwrap();
    let set = set_variables(&file.path(), &looked, secret(&[("KEY", "x")]), PATIENT).await;
    assert!(matches!(set, Err(HostError::Unreadable { .. })), "{set:?}");
    // A link to the very same text.
    fs::write(file.0.path().join("real"), TEXT).unwrap();
    symlink("real", file.path()).unwrap();
    let set = set_variables(&file.path(), &looked, secret(&[("KEY", "x")]), PATIENT).await.unwrap_err();
    assert!(set.to_string().contains("name the file itself"), "{set}");
    assert_eq!(fs::read_to_string(file.0.path().join("real")).unwrap(), TEXT);
    // What was left where the new file would be written is not followed.
    fs::rename(file.0.path().join("real"), file.path()).unwrap();
    symlink("away", file.0.path().join(".env.acgs-part")).unwrap();
    let set = set_variables(&file.path(), &looked, secret(&[("KEY", "x")]), PATIENT).await;
    assert!(matches!(set, Err(HostError::Exists(_))), "{set:?}");
    assert!(!file.0.path().join("away").exists() && file.text() == TEXT);
}

#[tokio::test]
async fn values_are_read_for_whoever_has_to_have_them_and_nothing_prints_them() {
    let file = EnvFolder::new();
    fs::write(file.path(), "A=one\nB='two words'\nBLANK=  \nA=\"last\"\n").unwrap();
    let names = ["A", "B", "BLANK", "MISSING"].map(str::to_owned).to_vec();
    let found = env_values(&file.path(), names, PATIENT).await.unwrap();
    let texts: Vec<_> =
        found.iter().map(|value| value.as_ref().map(|value| value.expose_secret().to_owned())).collect();
    assert_eq!(texts, [Some("last".to_owned()), Some("two words".to_owned()), None, None]);
    assert!(!format!("{found:?}").contains("last"));
    let look = env_file(&file.path(), Vec::new(), PATIENT).await.unwrap();
    assert_eq!(look.bytes, fs::metadata(file.path()).unwrap().len());
    let nowhere = format!("{}.none", file.path());
    let error = env_values(&nowhere, Vec::new(), PATIENT).await.unwrap_err();
    assert!(matches!(error, HostError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_is_unsettled_until_somebody_says_that_the_new_one_is_good_or_not() {
    let file = EnvFolder::new();
    assert!(!is_unsettled(&file.path(), PATIENT).await.unwrap());
    file.set(&[("KEY", "new")]).await.unwrap();
    assert!(is_unsettled(&file.path(), PATIENT).await.unwrap());
    assert!(settle(&file.path(), PATIENT).await.unwrap());
    assert!(!is_unsettled(&file.path(), PATIENT).await.unwrap());
    let after = file.set(&[("KEY", "newer")]).await.unwrap();
    swap_back(&file.path(), &after, PATIENT).await.unwrap();
    assert!(!is_unsettled(&file.path(), PATIENT).await.unwrap());
}
