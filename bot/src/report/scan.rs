//! The card about known holes of images.

use std::fmt::Write as _;

use commands::card::{Section, Tone};
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::scan::{Behind, Compared, Hole, HoleSeverity, Known, Scanned, ScannerReport, UnreadFile};
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// Packages or holes named for each image; the file has all.
const NAMED: usize = 3;
/// Files named that were of no use.
const FILES_IN_CARD: usize = 5;

/// What is known of every image, the ones that need somebody first.
#[must_use]
pub fn scanned(scanned: &[Scanned], files: &[UnreadFile], now: Timestamp) -> Reply {
    if scanned.is_empty() {
        let text = "No [[service]] is in the bot's configuration.".to_owned();
        return public(card("No image to look at", Tone::Neutral, vec![Section::Text(text)]));
    }
    let urgent = scanned.iter().filter(|one| one.urgency(now) >= 4).count();
    let found = scanned.iter().filter(|one| matches!(one.urgency(now), 2 | 4)).count();
    let unknown = scanned.iter().filter(|one| matches!(one.urgency(now), 1 | 3)).count();
    let all = scanned.len();
    let images = |count: usize| if count == 1 { "1 image".to_owned() } else { format!("{count} images") };
    let title = match (found, unknown) {
        (0, 0) => format!("{}, no known hole", images(all)),
        (0, unknown) => format!("{unknown} of {} can't be judged", images(all)),
        (found, 0) => format!("{found} of {} to be updated", images(all)),
        (found, unknown) => {
            format!("{found} of {} to be updated, {unknown} can't be judged", images(all))
        }
    };
    let mut sections = Vec::new();
    if !files.is_empty() {
        let lines: Vec<String> = files
            .iter()
            .take(FILES_IN_CARD)
            .map(|file| format!("{}: {}", file.file, layout::short(&file.why, 150)))
            .chain(
                (files.len() > FILES_IN_CARD).then(|| format!("… and {} more", files.len() - FILES_IN_CARD)),
            )
            .collect();
        sections.push(Section::Text(format!("Not read:\n{}", lines.join("\n"))));
    }
    sections.push(Section::Facts(scanned.iter().map(|one| fact(one, now)).collect()));
    sections.push(Section::Next(vec!["deploy list".to_owned(), "security tasks".to_owned()]));
    let tone = match (urgent, found, unknown) {
        (0, 0, 0) if files.is_empty() => Tone::Good,
        (0, ..) => Tone::Warning,
        _ => Tone::Bad,
    };
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("{}, as of {}", dates(scanned), clock_time(now)));
    let file = TextFile { name: "security-scan.txt".to_owned(), content: whole(scanned, files, now) };
    Reply { file: Some(file), ..public(card) }
}

/// The dates of all data, the oldest first.
fn dates(scanned: &[Scanned]) -> String {
    let dates = scanned.iter().filter_map(Scanned::at);
    match (dates.clone().min(), dates.max()) {
        (Some(oldest), Some(newest)) if day(oldest) == day(newest) => format!("data of {}", day(newest)),
        (Some(oldest), Some(newest)) => format!("data of {} to {}", day(oldest), day(newest)),
        _ => "no data".to_owned(),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn fact(one: &Scanned, now: Timestamp) -> (String, String) {
    let services: Vec<&str> = one.services.iter().map(|service| service.as_str()).collect();
    (services.join(", "), format!("{}: {}{}", one.name, words(&one.known), old(one, now)))
}

fn old(one: &Scanned, now: Timestamp) -> String {
    match one.at() {
        Some(at) if one.is_old(now) => format!(". The data is old: {}, {}", day(at), layout::ago(at, now)),
        Some(at) => format!(" ({})", day(at)),
        None => String::new(),
    }
}

fn words(known: &Known) -> String {
    match known {
        Known::Report { report, other_build } => {
            let other = if *other_build { "the report is of another build of this name; " } else { "" };
            format!("{other}{}", report_words(report))
        }
        Known::Packages(compared) => packages_words(compared),
        Known::NoReport => "no report".to_owned(),
        Known::NoPackageList => "no report and no package list in it: nobody can say".to_owned(),
        Known::NoLists { release: Some(release) } => format!("no lists of its release {release}"),
        Known::NoLists { release: None } => {
            "no lists to compare with: it does not tell its release, and they are not of one alone".to_owned()
        }
        Known::Unread(why) => format!("could not be looked into: {}", layout::short(why, 200)),
    }
}

fn report_words(report: &ScannerReport) -> String {
    if report.holes.is_empty() {
        return "no known hole".to_owned();
    }
    let counts: Vec<String> = HoleSeverity::ALL
        .into_iter()
        .map(|severity| (report.holes.iter().filter(|hole| hole.severity == severity).count(), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {}", severity.as_str()))
        .collect();
    let worst = worst_first(&report.holes);
    let named: Vec<String> = worst.iter().take(NAMED).map(|hole| hole_words(hole)).collect();
    format!("{}; {}", counts.join(", "), named.join("; "))
}

/// The worst first, and among them those that can be closed.
fn worst_first(holes: &[Hole]) -> Vec<&Hole> {
    let mut worst: Vec<&Hole> = holes.iter().collect();
    worst.sort_by_key(|hole| std::cmp::Reverse((hole.severity, hole.fixed.is_some())));
    worst
}

fn hole_words(hole: &Hole) -> String {
    let fixed =
        hole.fixed.as_ref().map_or_else(|| "no fix yet".to_owned(), |fixed| format!("fixed in {fixed}"));
    format!("{} {} {}, {fixed}", hole.id, hole.package, hole.installed)
}

fn packages_words(compared: &Compared) -> String {
    let unlisted = match compared.unlisted {
        0 => String::new(),
        unlisted => format!(", {unlisted} not in the lists"),
    };
    if compared.behind.is_empty() {
        return format!("none of {} packages is behind{unlisted}", compared.all);
    }
    let security = compared.behind.iter().filter(|behind| behind.security).count();
    let named: Vec<String> = compared.behind.iter().take(NAMED).map(behind_words).collect();
    format!(
        "{} of {} packages are behind, {security} of them for security{unlisted}; {}",
        compared.behind.len(),
        compared.all,
        named.join("; ")
    )
}

fn behind_words(behind: &Behind) -> String {
    format!("{} {} -> {} ({})", behind.package, behind.have, behind.available, behind.suite)
}

/// Every hole and every package.
fn whole(scanned: &[Scanned], files: &[UnreadFile], now: Timestamp) -> String {
    let mut text = String::new();
    for one in scanned {
        let services: Vec<&str> = one.services.iter().map(|service| service.as_str()).collect();
        let _ =
            writeln!(text, "{} ({}): {}{}", one.name, services.join(", "), words(&one.known), old(one, now));
        match &one.known {
            Known::Report { report, .. } => {
                let _ = writeln!(text, "  report {} of {}", report.file, clock_time(report.at));
                for hole in worst_first(&report.holes) {
                    let _ = writeln!(text, "  {} {}", hole.severity.as_str(), hole_words(hole));
                }
            }
            Known::Packages(compared) => {
                for behind in &compared.behind {
                    let _ = writeln!(text, "  {}", behind_words(behind));
                }
            }
            Known::NoReport | Known::NoPackageList | Known::NoLists { .. } | Known::Unread(_) => {}
        }
        text.push('\n');
    }
    for file in files {
        let _ = writeln!(text, "not read: {}: {}", file.file, file.why);
    }
    text
}
