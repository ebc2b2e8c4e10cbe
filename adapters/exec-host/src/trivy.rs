//! Reports that the scanner Trivy has written as JSON
//! (<https://trivy.dev/latest/docs/configuration/reporting/#json>).

use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use commands::scan::{Hole, HoleSeverity, ScannerReport, UnreadFile};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{HostError, folder, in_time};

/// A report of a large image takes a few megabytes.
const LARGEST: u64 = 64 << 20;

/// The reports of a folder, and the files that are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// In the order of their files.
    pub reports: Vec<ScannerReport>,
    /// Broken, too large, or not allowed to be read.
    pub unread: Vec<UnreadFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    created_at: Timestamp,
    #[serde(default)]
    artifact_name: String,
    #[serde(default)]
    metadata: Metadata,
    results: Option<Vec<ResultSection>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    #[serde(rename = "ImageID")]
    image_id: Option<String>,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultSection {
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(default)]
    pkg_name: String,
    #[serde(default)]
    installed_version: String,
    fixed_version: Option<String>,
    #[serde(default)]
    severity: String,
}

/// Every `*.json` of the folder. One that is broken or too large hides no other.
pub async fn trivy_reports(folder: &Path, deadline: Duration) -> Result<Reports, HostError> {
    let shown = folder.display().to_string();
    let folder = folder.to_owned();
    in_time(&shown, deadline, move || {
        let mut reports = Reports::default();
        for (file, path) in folder::files(&folder)? {
            if !file.ends_with(".json") {
                continue;
            }
            match read(&file, &path) {
                Ok(report) => reports.reports.push(report),
                Err(why) => reports.unread.push(UnreadFile { file, why }),
            }
        }
        Ok(reports)
    })
    .await
}

fn read(file: &str, path: &Path) -> Result<ScannerReport, String> {
    let open = folder::open(path, LARGEST)?;
    let report: Report = serde_json::from_reader(BufReader::new(open.take(LARGEST)))
        .map_err(|error| format!("no report of Trivy: {error}"))?;
    let holes = report.results.unwrap_or_default().into_iter().flat_map(|result| {
        result.vulnerabilities.unwrap_or_default().into_iter().map(|hole| Hole {
            severity: HoleSeverity::read(&hole.severity),
            id: hole.id,
            package: hole.pkg_name,
            installed: hole.installed_version,
            fixed: hole.fixed_version.filter(|version| !version.is_empty()),
        })
    });
    Ok(ScannerReport {
        file: file.to_owned(),
        at: report.created_at,
        artifact: report.artifact_name,
        image_id: report.metadata.image_id,
        tags: report.metadata.repo_tags.unwrap_or_default(),
        digests: report.metadata.repo_digests.unwrap_or_default(),
        holes: holes.collect(),
    })
}
