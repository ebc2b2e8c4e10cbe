#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod acts;
mod blocks;
mod env_files;
mod repository;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use commands::backup::{Flaw, MOST_FILES};
use commands::host::{Memory, Pressure};
use commands::scan::{HoleSeverity, InstalledPackages, Package};
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

#[tokio::test]
async fn backups_are_regular_files_and_no_link_is_followed() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = folder.path();
    let digest = "ab".repeat(32);
    let manifest = format!(
        r#"{{"format":1,"created":"2026-01-02T03:04:05Z","database":"acgs","archive_bytes":500,"sha256":"{digest}","tables":{{"public.users":3}}}}"#
    );
    let write = |name: &str, bytes: &[u8]| {
        let path = here.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("daily/good.sql.gz", &[1; 500]);
    write("daily/good.sql.gz.manifest.json", manifest.as_bytes());
    write("daily/good.sql.gz.sha256", digest.as_bytes());
    write("broken.sql.gz", &[1; 500]);
    write("broken.sql.gz.manifest.json", b"{\"format\":1");
    write("huge.sql.gz", &[1; 500]);
    write("huge.sql.gz.manifest.json", manifest.replace("acgs", &"x".repeat(2 << 20)).as_bytes());
    let nothing = Command::new("sh").args(["-c", "gzip < /dev/null"]).output().unwrap().stdout;
    write("nothing.sql.gz", &nothing);
    write("zero.sql.gz", b"");
    write("left.sql.gz.part", &[1; 30]);
    fs::write(elsewhere.path().join("secret.sql.gz"), [1; 500]).unwrap();
    fs::write(elsewhere.path().join("m"), &manifest).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), here.join("linked-folder")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret.sql.gz"), here.join("linked.sql.gz")).unwrap();
    // A link where a manifest should be is none.
    std::os::unix::fs::symlink(elsewhere.path().join("m"), here.join("zero.sql.gz.manifest.json")).unwrap();
    nix::unistd::mkfifo(&here.join("nothing.sql.gz.manifest.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let found = backups(&here.display().to_string(), PATIENT).await.unwrap();
    assert!(!found.has_more);
    let mut names: Vec<&str> = found.archives.iter().map(|archive| archive.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "broken.sql.gz",
        "daily/good.sql.gz",
        "huge.sql.gz",
        "left.sql.gz.part",
        "nothing.sql.gz",
        "zero.sql.gz",
    ];
    assert_eq!(names, expected);
    let now = found.archives[0].modified;
    let one = |name: &str| found.archives.iter().find(|archive| archive.name == name).unwrap();
    let good = one("daily/good.sql.gz");
    assert!(good.has_checksum && good.flaw(now).is_none());
    let read = good.manifest.clone().unwrap().unwrap();
    assert_eq!((read.tables["public.users"], good.made().to_string().as_str()), (3, "2026-01-02T03:04:05Z"));
    assert!(one("broken.sql.gz").manifest.clone().unwrap().unwrap_err().contains("EOF"));
    assert_eq!(one("huge.sql.gz").manifest, Some(Err("it has more than 1 MiB".to_owned())));
    assert_eq!(one("nothing.sql.gz").flaw(now), Some(Flaw::EmptyGzip), "{} bytes", nothing.len());
    assert_eq!((one("zero.sql.gz").flaw(now), &one("zero.sql.gz").manifest), (Some(Flaw::Empty), &None));
    assert_eq!(one("nothing.sql.gz").manifest, None);
    assert_eq!(one("left.sql.gz.part").flaw(now), Some(Flaw::BeingMade));
}

#[tokio::test]
async fn a_folder_without_end_is_looked_at_in_part_and_a_missing_one_says_so() {
    let folder = TempDir::new().unwrap();
    for number in 0..=MOST_FILES {
        fs::write(folder.path().join(format!("{number:04}.gz")), b"x").unwrap();
    }
    let found = backups(&folder.path().display().to_string(), PATIENT).await.unwrap();
    assert_eq!((found.archives.len(), found.has_more), (MOST_FILES, true));
    let missing = backups("/no/such/folder", PATIENT).await.unwrap_err();
    assert!(missing.to_string().starts_with("/no/such/folder: No such file"), "{missing}");
}

/// A program that only root may run.
fn as_root(program: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("sudo");
        command.arg("-n").arg(program);
        command
    };
    command.args(arguments).output().unwrap()
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

#[tokio::test]
async fn a_broken_report_hides_no_other() {
    let folder = TempDir::new().unwrap();
    let good = r#"{"SchemaVersion": 2, "CreatedAt": "2026-11-20T10:00:00.5+01:00", "ArtifactName": "auth:1",
        "Metadata": {"ImageID": "sha256:aa", "RepoTags": ["auth:1"], "RepoDigests": null, "More": {}},
        "Results": [{"Target": "none"}, {"Target": "os", "Vulnerabilities": [
            {"VulnerabilityID": "CVE-2026-1", "PkgName": "openssl", "InstalledVersion": "3.0.1", "FixedVersion": "3.0.2", "Severity": "HIGH"},
            {"VulnerabilityID": "CVE-2026-2", "PkgName": "zlib", "InstalledVersion": "1.2", "Severity": "NEW WORD"}]}]}"#;
    write(&folder, "good.json", good);
    write(&folder, "clean.json", r#"{"CreatedAt": "2026-11-20T09:00:00Z", "Results": null}"#);
    write(&folder, "broken.json", "{\"CreatedAt\": ");
    write(&folder, "undated.json", "{\"ArtifactName\": \"auth:1\"}");
    write(&folder, "binary.json", "\u{0}\u{1}");
    write(&folder, "notes.txt", "no report");
    let large = fs::File::create(folder.path().join("large.json")).unwrap();
    large.set_len(65 << 20).unwrap();
    Command::new("mkfifo").arg(folder.path().join("pipe.json")).status().unwrap();
    let read = trivy_reports(folder.path(), PATIENT).await.unwrap();
    let reports: Vec<&str> = read.reports.iter().map(|report| report.file.as_str()).collect();
    let unread: Vec<&str> = read.unread.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(reports, ["clean.json", "good.json"]);
    assert_eq!(unread, ["binary.json", "broken.json", "large.json", "undated.json"]);
    assert!(read.unread[2].why.contains("65 MB, and at most 64 MB are read"), "{:?}", read.unread);
    assert!(read.unread[3].why.contains("CreatedAt"), "{:?}", read.unread);
    let report = &read.reports[1];
    assert_eq!(report.at, "2026-11-20T09:00:00.5Z".parse().unwrap());
    assert_eq!((report.image_id.as_deref(), report.tags.len()), (Some("sha256:aa"), 1));
    let holes: Vec<_> = report.holes.iter().map(|hole| (hole.severity, hole.fixed.as_deref())).collect();
    assert_eq!(holes, [(HoleSeverity::High, Some("3.0.2")), (HoleSeverity::Unknown, None)]);
    let missing = trivy_reports(&folder.path().join("none"), PATIENT).await.unwrap_err();
    assert!(missing.to_string().contains("No such file"), "{missing}");
}

/// A suite as apt keeps it.
fn suite(folder: &TempDir, codename: &str, date: &str, packages: &str) {
    let prefix = format!("deb.example_debian_dists_{codename}_");
    let release = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nCodename: {codename}\nDate: {date}\n"
    );
    write(folder, &format!("{prefix}InRelease"), &release);
    write(folder, &format!("{prefix}main_binary-amd64_Packages"), packages);
}

fn listed(packages: &[(&str, &str, &str)]) -> String {
    let one = |(name, version, architecture): &(&str, &str, &str)| {
        format!(
            "Package: {name}\nArchitecture: {architecture}\nVersion: {version}\nDescription: it: is\n Version: 99\n\n"
        )
    };
    packages.iter().map(one).collect()
}

#[tokio::test]
async fn packages_are_behind_by_debians_order_of_versions_within_their_release() {
    let folder = TempDir::new().unwrap();
    let july = "Sat, 11 Jul 2026 10:16:37 UTC";
    suite(
        &folder,
        "bookworm",
        july,
        &listed(&[
            ("openssl", "3.0.9-1", "amd64"),
            ("openssl", "9.9", "arm64"),
            ("zlib1g", "1:1.2.13.dfsg-1", "amd64"),
            ("tzdata", "2024a-0+deb12u1", "all"),
            ("grub", "2.06~rc1-1", "amd64"),
            ("other", "7", "amd64"),
        ]),
    );
    suite(
        &folder,
        "bookworm-security",
        "Tue, 24 Nov 2026 00:34:33 UTC",
        &listed(&[("openssl", "3.0.10-1~deb12u1", "amd64")]),
    );
    suite(&folder, "trixie", july, &listed(&[("zlib1g", "1:1.3", "amd64")]));
    let package = |name: &str, version: &str| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: if name == "tzdata" { "all" } else { "amd64" }.to_owned(),
    };
    let mut installed = InstalledPackages {
        release: Some("bookworm".to_owned()),
        packages: vec![
            package("grub", "2.06-1"),
            package("openssl", "3.0.9-1"),
            package("ours", "1.0"),
            package("tzdata", "2024a-0+deb12u0"),
            package("zlib1g", "1:1.2.13.dfsg-1"),
        ],
    };
    let names = installed.packages.iter().map(|package| package.name.clone()).collect();
    let lists = package_lists(folder.path(), names, PATIENT).await.unwrap();
    assert_eq!(lists.unread, []);
    let compared = lists.compare(&installed).unwrap();
    let behind: Vec<String> = compared
        .behind
        .iter()
        .map(|one| format!("{} {} {} {} {}", one.package, one.have, one.available, one.suite, one.security))
        .collect();
    assert_eq!(
        behind,
        [
            "openssl 3.0.9-1 3.0.10-1~deb12u1 bookworm-security true",
            "tzdata 2024a-0+deb12u0 2024a-0+deb12u1 bookworm false",
        ]
    );
    assert_eq!((compared.all, compared.unlisted), (5, 1));
    assert_eq!(compared.at, "2026-11-24T00:34:33Z".parse().unwrap());
    installed.release = Some("sid".to_owned());
    assert_eq!(lists.compare(&installed), None);
    installed.release = None;
    assert_eq!(lists.compare(&installed), None, "two releases are there, and it is of nobody knows which");
}

#[tokio::test]
async fn a_list_of_no_use_is_told_and_its_suite_is_not_half_used() {
    let folder = TempDir::new().unwrap();
    let july = "Sat, 11 Jul 2026 10:16:37 UTC";
    suite(&folder, "bookworm", july, &listed(&[("openssl", "3.0.9-1", "amd64")]));
    suite(&folder, "bookworm-updates", july, "<html>\nnot here\n");
    suite(&folder, "bookworm-security", july, &listed(&[("openssl", "3.0.10-1", "amd64")]));
    write(&folder, "deb.example_debian_dists_bookworm-security_contrib_binary-amd64_Packages.lz4", "x");
    suite(&folder, "bookworm-backports", "yesterday", "");
    suite(&folder, "bookworm-empty", july, "");
    let names = std::iter::once("openssl".to_owned()).collect();
    let lists = package_lists(folder.path(), names, PATIENT).await.unwrap();
    let unread: Vec<String> = lists
        .unread
        .iter()
        .map(|file| {
            let name = file.file.strip_prefix("deb.example_debian_dists_bookworm-").unwrap();
            format!("{name}: {}", file.why)
        })
        .collect();
    assert_eq!(
        unread,
        [
            "backports_InRelease: a Release file whose Date is none",
            "security_contrib_binary-amd64_Packages.lz4: compressed (.lz4): set Acquire::GzipIndexes \"false\" for apt",
            "updates_main_binary-amd64_Packages: no list of packages",
        ]
    );
    let installed = InstalledPackages {
        release: Some("bookworm".to_owned()),
        packages: vec![Package {
            name: "openssl".to_owned(),
            version: "3.0.9-1".to_owned(),
            architecture: "amd64".to_owned(),
        }],
    };
    assert_eq!(lists.compare(&installed).unwrap().behind, []);
}
