//! The package lists that `apt-get update` leaves, and how far packages are behind them.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use commands::scan::{Behind, Compared, InstalledPackages, UnreadFile};
use debversion::Version;
use jiff::Timestamp;

use crate::{HostError, folder, in_time};

/// Debian's own list of everything has some fifty megabytes.
const LARGEST: u64 = 256 << 20;

/// A Release file has some hundred kilobytes.
const LARGEST_RELEASE: u64 = 8 << 20;

/// Longer ones are no versions.
const LONGEST_VERSION: usize = 200;

/// The lists of a folder, as far as they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageLists {
    suites: Vec<Suite>,
    /// Broken, too large, compressed, or not allowed to be read.
    pub unread: Vec<UnreadFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Suite {
    /// Such as `bookworm-security`.
    codename: String,
    security: bool,
    at: Timestamp,
    /// The newest version by name and architecture.
    packages: HashMap<(String, String), String>,
}

/// What the folder (such as `/var/lib/apt/lists`) has of the packages in `names`. A list that is broken or
/// too large hides no other.
pub async fn package_lists(
    folder: &Path,
    names: HashSet<String>,
    deadline: Duration,
) -> Result<PackageLists, HostError> {
    let shown = folder.display().to_string();
    let folder = folder.to_owned();
    in_time(&shown, deadline, move || {
        let files = folder::files(&folder)?;
        let mut lists = PackageLists::default();
        for (file, path) in &files {
            let Some(prefix) = file.strip_suffix("InRelease").or_else(|| file.strip_suffix("Release")) else {
                continue;
            };
            let mut suite = match release(path) {
                Ok(suite) => suite,
                Err(why) => {
                    lists.unread.push(UnreadFile { file: file.clone(), why });
                    continue;
                }
            };
            let mut whole = true;
            for (file, path) in files.iter().filter(|(file, _)| file.starts_with(prefix)) {
                let read = match file.rsplit_once("_Packages") {
                    Some((_, "")) => packages(path, &names, &mut suite.packages),
                    Some((_, compressed)) => {
                        Err(format!("compressed ({compressed}): set Acquire::GzipIndexes \"false\" for apt"))
                    }
                    None => continue,
                };
                if let Err(why) = read {
                    whole = false;
                    lists.unread.push(UnreadFile { file: file.clone(), why });
                }
            }
            // Half a list would make packages look newer than they are.
            if whole {
                lists.suites.push(suite);
            }
        }
        Ok(lists)
    })
    .await
}

fn release(path: &Path) -> Result<Suite, String> {
    let mut text = String::new();
    let file = folder::open(path, LARGEST_RELEASE)?;
    file.take(LARGEST_RELEASE).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    let codename = field("Codename").ok_or("a Release file without Codename")?.to_owned();
    let date = field("Date").ok_or("a Release file without Date")?;
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date.replace("UTC", "+0000"))
        .map_err(|_| "a Release file whose Date is none")?;
    let security =
        codename.ends_with("-security") || field("Label").is_some_and(|label| label.ends_with("-Security"));
    Ok(Suite { codename, security, at, packages: HashMap::new() })
}

/// Reads line by line: a list has a thousand times more than is wanted of it.
fn packages(
    path: &Path,
    names: &HashSet<String>,
    found: &mut HashMap<(String, String), String>,
) -> Result<(), String> {
    let file = folder::open(path, LARGEST)?;
    let mut reader = BufReader::new(file.take(LARGEST));
    let mut line = Vec::new();
    let (mut name, mut version, mut architecture) = (None, None, None);
    let (mut paragraphs, mut bytes) = (0_usize, 0_usize);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        bytes += read;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            if let (Some(name), Some(version), Some(architecture)) =
                (name.take(), version.take(), architecture.take())
            {
                paragraphs += 1;
                if names.contains(&name) {
                    keep(found, (name, architecture), version);
                }
            }
            if read == 0 {
                break;
            }
        } else if let Some((key, value)) = text.split_once(": ") {
            match key {
                "Package" => name = Some(value.to_owned()),
                "Version" => version = Some(value.to_owned()),
                "Architecture" => architecture = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    // A mirror of a suite without a single package is an empty file.
    if paragraphs == 0 && bytes > 0 {
        return Err("no list of packages".to_owned());
    }
    Ok(())
}

fn keep(found: &mut HashMap<(String, String), String>, key: (String, String), version: String) {
    match found.get(&key) {
        Some(known) if !is_newer(&version, known) => {}
        _ => {
            found.insert(key, version);
        }
    }
}

/// By Debian's own order (deb-version(7)). What is no version is newer than nothing.
fn is_newer(one: &str, other: &str) -> bool {
    let read = |text: &str| (text.len() <= LONGEST_VERSION).then(|| text.parse::<Version>().ok()).flatten();
    match (read(one), read(other)) {
        (Some(one), Some(other)) => one > other,
        _ => false,
    }
}

impl PackageLists {
    /// The image's packages beside the lists of its release; `None` if there are none of that. An image that
    /// does not tell its release is compared with what the folder has, if that is of one release alone.
    #[must_use]
    pub fn compare(&self, installed: &InstalledPackages) -> Option<Compared> {
        let release = |suite: &Suite| suite.codename.split('-').next().unwrap_or_default().to_owned();
        let releases: HashSet<String> = self.suites.iter().map(release).collect();
        let meant = match &installed.release {
            Some(release) => release.clone(),
            None if releases.len() == 1 => releases.into_iter().next()?,
            None => return None,
        };
        let suites: Vec<&Suite> = self.suites.iter().filter(|suite| release(suite) == meant).collect();
        // Point releases are months old and good; the newest date is that of the last update.
        let at = suites.iter().map(|suite| suite.at).max()?;
        let mut compared = Compared { all: installed.packages.len(), behind: Vec::new(), unlisted: 0, at };
        for package in &installed.packages {
            let mut newest: Option<(&Suite, &String)> = None;
            for suite in &suites {
                for architecture in [package.architecture.as_str(), "all"] {
                    let key = (package.name.clone(), architecture.to_owned());
                    if let Some(version) = suite.packages.get(&key)
                        && newest.is_none_or(|(known, newest)| {
                            is_newer(version, newest)
                                || (version == newest && suite.security && !known.security)
                        })
                    {
                        newest = Some((suite, version));
                    }
                }
            }
            match newest {
                None => compared.unlisted += 1,
                Some((suite, version)) if is_newer(version, &package.version) => {
                    compared.behind.push(Behind {
                        package: package.name.clone(),
                        have: package.version.clone(),
                        available: version.clone(),
                        suite: suite.codename.clone(),
                        security: suite.security,
                    });
                }
                Some(_) => {}
            }
        }
        compared
            .behind
            .sort_by(|one, other| (other.security, &one.package).cmp(&(one.security, &other.package)));
        Some(compared)
    }
}
