//! Known holes of the services' images: what a scanner reported of them, or how far their Debian packages
//! are behind.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

/// New holes are found every day: older data than a month says little.
pub const OLD: Duration = Duration::from_secs(35 * 86_400);

/// How bad a hole is, by the scanner's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoleSeverity {
    /// Not judged, or in a word that is not known.
    Unknown,
    /// Hard to use or of little harm.
    Low,
    /// In between.
    Medium,
    /// To be closed soon.
    High,
    /// To be closed now.
    Critical,
}

impl HoleSeverity {
    /// Every one, the worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Unknown];

    /// In lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// As scanners write it.
    #[must_use]
    pub fn read(word: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word)).unwrap_or(Self::Unknown)
    }
}

/// A known hole in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// Such as `CVE-2026-1234`.
    pub id: String,
    /// How bad.
    pub severity: HoleSeverity,
    /// In which package.
    pub package: String,
    /// The version that is there.
    pub installed: String,
    /// The version without it; `None` while there is none.
    pub fixed: Option<String>,
}

/// What a scanner wrote of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerReport {
    /// The report's file, without its folder.
    pub file: String,
    /// When the scanner looked.
    pub at: Timestamp,
    /// What it was told to look at.
    pub artifact: String,
    /// The image's id, `sha256:…`.
    pub image_id: Option<String>,
    /// Names of the image, with tags.
    pub tags: Vec<String>,
    /// Names of the image, with digests.
    pub digests: Vec<String>,
    /// Known holes, in the report's order.
    pub holes: Vec<Hole>,
}

/// The image that a container runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningImage {
    /// The container's id.
    pub container: String,
    /// As the container was told.
    pub name: String,
    /// `sha256:…`
    pub id: String,
    /// Names with digests, under which it was pulled or pushed.
    pub digests: Vec<String>,
}

/// How well a report fits an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// By a name, which another build may have had.
    Name,
    /// By content.
    Content,
}

impl ScannerReport {
    fn fits(&self, image: &RunningImage) -> Option<Fit> {
        let same_id = self.image_id.as_ref().is_some_and(|id| *id == image.id);
        let same_digest = self.digests.iter().any(|digest| image.digests.contains(digest));
        if same_id || same_digest {
            return Some(Fit::Content);
        }
        let name = with_tag(&image.name);
        let named = with_tag(&self.artifact) == name || self.tags.iter().any(|tag| with_tag(tag) == name);
        named.then_some(Fit::Name)
    }
}

/// A name without a tag means the newest.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

/// The newest report of an image, one of its content before one of its name alone; and whether it is of
/// another build that had the same name.
#[must_use]
pub fn report_of<'a>(
    image: &RunningImage,
    reports: &'a [ScannerReport],
) -> Option<(&'a ScannerReport, bool)> {
    let fitting = reports.iter().filter_map(|report| Some((report.fits(image)?, report.at, report)));
    let (fit, _, report) = fitting.max_by_key(|(fit, at, _)| (*fit, *at))?;
    Some((report, fit == Fit::Name && report.image_id.is_some()))
}

/// A package as an image's own list has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// As Debian writes versions.
    pub version: String,
    /// Such as `amd64`, or `all`.
    pub architecture: String,
}

/// What an image has of Debian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPackages {
    /// The release's name, such as `bookworm`, where the image tells it.
    pub release: Option<String>,
    /// By name.
    pub packages: Vec<Package>,
}

/// A package that is older than the distribution's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// Its name.
    pub package: String,
    /// The version that is there.
    pub have: String,
    /// The newest one.
    pub available: String,
    /// The suite that has it, such as `bookworm-security`.
    pub suite: String,
    /// Whether that suite is the one for holes.
    pub security: bool,
}

/// An image's packages beside the distribution's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// How many the image has.
    pub all: usize,
    /// Those that are older, the ones with holes first, then by name.
    pub behind: Vec<Behind>,
    /// Those that the lists do not have at all: nobody says anything of them.
    pub unlisted: usize,
    /// The date of the lists.
    pub at: Timestamp,
}

/// What is known of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// A scanner's report.
    Report {
        /// It.
        report: ScannerReport,
        /// It is of another build that had the same name.
        other_build: bool,
    },
    /// The image's packages beside the distribution's.
    Packages(Compared),
    /// No report is of this image, and nothing else is configured.
    NoReport,
    /// It has no list of packages: a single program, or another system than Debian.
    NoPackageList,
    /// The lists are not of its release.
    NoLists {
        /// Its release, where it tells.
        release: Option<String>,
    },
    /// It could not be looked into, and why.
    Unread(String),
}

/// An image and the services that run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// As the containers were told.
    pub name: String,
    /// In the configuration's order.
    pub services: Vec<ServiceName>,
    /// What is known of it.
    pub known: Known,
}

impl Scanned {
    /// The date of what is known.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match &self.known {
            Known::Report { report, .. } => Some(report.at),
            Known::Packages(compared) => Some(compared.at),
            Known::NoReport | Known::NoPackageList | Known::NoLists { .. } | Known::Unread(_) => None,
        }
    }

    /// Whether what is known is too old to say much.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.at().is_some_and(|at| now.duration_since(at).unsigned_abs() > OLD && at < now)
    }

    /// 0 for an image with nothing against it; more, the sooner somebody has to look.
    #[must_use]
    pub fn urgency(&self, now: Timestamp) -> u8 {
        let found = match &self.known {
            Known::Report { report, .. } => match report.holes.iter().map(|hole| hole.severity).max() {
                None => 0,
                Some(HoleSeverity::Critical | HoleSeverity::High) => 4,
                Some(HoleSeverity::Medium | HoleSeverity::Low | HoleSeverity::Unknown) => 2,
            },
            Known::Packages(compared) => match compared.behind.iter().map(|behind| behind.security).max() {
                None => 0,
                Some(true) => 4,
                Some(false) => 2,
            },
            Known::Unread(_) => 3,
            Known::NoReport | Known::NoPackageList | Known::NoLists { .. } => 1,
        };
        let stale = self.is_old(now) || matches!(&self.known, Known::Report { other_build: true, .. });
        if found == 0 && stale { 1 } else { found }
    }
}

/// A file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadFile {
    /// Its name, or its folder's.
    pub file: String,
    /// In a few words.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(file: &str, at: &str, id: Option<&str>, artifact: &str) -> ScannerReport {
        ScannerReport {
            file: file.to_owned(),
            at: at.parse().unwrap(),
            artifact: artifact.to_owned(),
            image_id: id.map(str::to_owned),
            tags: Vec::new(),
            digests: Vec::new(),
            holes: Vec::new(),
        }
    }

    #[test]
    fn a_report_of_the_content_goes_before_a_newer_one_of_the_name() {
        let image = RunningImage {
            container: "c".to_owned(),
            name: "registry:5000/auth".to_owned(),
            id: "sha256:aa".to_owned(),
            digests: vec!["registry:5000/auth@sha256:dd".to_owned()],
        };
        let by_id = report("id", "2026-01-01T00:00:00Z", Some("sha256:aa"), "other");
        let newer = report("newer", "2026-01-02T00:00:00Z", Some("sha256:aa"), "other");
        let named = report("named", "2026-03-01T00:00:00Z", Some("sha256:bb"), "registry:5000/auth:latest");
        let other = report("other", "2026-04-01T00:00:00Z", None, "registry:5000/auth:v1");
        let mut by_digest = report("digest", "2026-01-03T00:00:00Z", None, "other");
        by_digest.digests = image.digests.clone();
        let found = |reports: &[ScannerReport]| {
            report_of(&image, reports).map(|(report, other_build)| (report.file.clone(), other_build))
        };
        let all = [by_id.clone(), newer, named.clone(), other.clone()];
        assert_eq!(found(&all), Some(("newer".to_owned(), false)));
        assert_eq!(found(&[by_id, by_digest]), Some(("digest".to_owned(), false)));
        assert_eq!(found(&[named, other.clone()]), Some(("named".to_owned(), true)));
        assert_eq!(found(&[other]), None);
    }

    #[test]
    fn nothing_known_and_old_data_are_not_well() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let scanned = |known| Scanned { name: "a".to_owned(), services: Vec::new(), known };
        let compared = |days: i64, behind: Vec<Behind>| {
            let at = now - jiff::SignedDuration::from_hours(24 * days);
            scanned(Known::Packages(Compared { all: 3, behind, unlisted: 0, at }))
        };
        let one = |security| Behind {
            package: "p".to_owned(),
            have: "1".to_owned(),
            available: "2".to_owned(),
            suite: "s".to_owned(),
            security,
        };
        assert_eq!(compared(35, Vec::new()).urgency(now), 0);
        assert_eq!(compared(36, Vec::new()).urgency(now), 1);
        assert_eq!(compared(1, vec![one(false)]).urgency(now), 2);
        assert_eq!(compared(1, vec![one(false), one(true)]).urgency(now), 4);
        assert_eq!(scanned(Known::NoPackageList).urgency(now), 1);
        assert_eq!(scanned(Known::Unread("x".to_owned())).urgency(now), 3);
    }
}
