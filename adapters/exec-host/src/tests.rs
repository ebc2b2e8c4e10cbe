#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use commands::host::{Memory, Pressure};
use commands::secrets::Found;
use tempfile::TempDir;

use super::*;

/// For answers that come by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn disks_are_those_of_df_and_each_is_told_once() {
    let folder = TempDir::new().unwrap();
    let here = folder.path().display().to_string();
    let asked = ["/", "/proc", &here, &format!("{here}/missing"), "/"].map(str::to_owned);
    let disks = disks(&asked, PATIENT).await;
    assert_eq!((disks.unread.len(), &disks.unread[0].folder), (1, &asked[3]));
    assert!(disks.unread[0].why.contains("No such file"), "{disks:?}");
    let all: Vec<&String> = disks.file_systems.iter().flat_map(|disk| &disk.folders).collect();
    assert_eq!(all.iter().filter(|folder| **folder == "/").count(), 1, "{all:?}");

    let df = Command::new("df").args(["--block-size=1", "--output=size,used,itotal", "/"]).output().unwrap();
    let df = String::from_utf8(df.stdout).unwrap();
    let numbers: Vec<u64> =
        df.lines().nth(1).unwrap().split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
    let root = &disks.file_systems[0];
    assert_eq!(root.total, numbers[0]);
    assert_eq!(root.inodes.map_or(0, |(_, total)| total), numbers[2]);
    // Others write meanwhile.
    assert!(root.used.abs_diff(numbers[1]) < 4 << 30, "{root:?} {df}");
}

#[test]
fn memory_is_what_the_kernel_estimates() {
    let text = "MemTotal:       24681234 kB\nMemFree: 1 kB\nMemAvailable:   1000 kB\nSwapTotal: 2 kB\nSwapFree:  1 kB\n";
    let read = Memory { total: 24_681_234 * 1024, available: 1_024_000, swap: (2_048, 1_024) };
    assert_eq!(memory::parse_memory(text), Some(read));
    assert_eq!(memory::parse_memory("MemTotal: 1 kB\n"), None);
    let now = memory().unwrap();
    assert!(now.available > 0 && now.available <= now.total);
}

#[test]
fn pressure_is_read_or_not_reported() {
    let text = "some avg10=95.47 avg60=94.95 avg300=86.88 total=2583511818\nfull avg10=0.50 avg60=0.00 avg300=1.25 total=0\n";
    let pressure = Pressure { some: (95.47, 86.88), full: Some((0.5, 1.25)) };
    assert_eq!(memory::parse_pressure(text), Some(pressure));
    let some = text.lines().next().unwrap();
    assert_eq!(memory::parse_pressure(some), Some(Pressure { full: None, ..pressure }));
    assert_eq!(memory::parse_pressure(""), None);
}

#[tokio::test]
async fn an_env_file_tells_of_each_variable_and_no_value() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("env");
    fs::write(&path, "# KEY=no\nKEY=first\n export KEY = \"a value that is long\" \nBLANK=\nOTHER='x'\n")
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let shown = path.display().to_string();
    let variables: Vec<String> = ["KEY", "BLANK", "OTHER", "KE", "# KEY"].map(str::to_owned).into();
    let file = env_file(&shown, variables.clone(), PATIENT).await.unwrap();
    let Found::Set(key) = file.found[0] else { panic!("{file:?}") };
    // printf %s 'a value that is long' | sha256sum
    let output =
        Command::new("sh").args(["-c", "printf %s 'a value that is long' | sha256sum"]).output().unwrap();
    let digest = String::from_utf8(output.stdout).unwrap();
    assert_eq!((key.length, key.short()), (20, digest[..8].to_owned()));
    assert_eq!((file.found[1], file.found[3], file.is_open), (Found::Blank, Found::Missing, false));
    assert!(!format!("{file:?}").contains("a value"));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(env_file(&shown, variables.clone(), PATIENT).await.unwrap().is_open);
    fs::write(&path, b"KEY=\xff\xfe-not-text").unwrap();
    let error = env_file(&shown, variables.clone(), PATIENT).await.unwrap_err();
    assert_eq!(error, HostError::BadContent(shown.clone()));
    fs::remove_file(&path).unwrap();
    assert!(matches!(env_file(&shown, variables, PATIENT).await, Err(HostError::Unreadable { .. })));
}
