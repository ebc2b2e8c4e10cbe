//! The card about space.

use commands::card::{Align, Section, Table, Tone};
use commands::host::{
    DockerDisk, FILLING, FileSystem, Memory, NEARLY_FULL, Pressure, Pressures, Share, Space,
};
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// Units of a thousand, as disks are sold and as `docker` counts.
const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

/// A number of bytes with three digits: `1.25 GB`.
pub(super) fn bytes(number: u64) -> String {
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut shown = number as f64;
    while shown >= 999.5 && unit + 1 < UNITS.len() {
        shown /= 1000.0;
        unit += 1;
    }
    let digits = match shown {
        _ if unit == 0 => 0,
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{shown:.digits$} {}", UNITS[unit])
}

/// Disks, memory and Docker's share, the fullest first.
#[must_use]
pub fn disk(space: &Space, now: Timestamp) -> Reply {
    let mut disks: Vec<&FileSystem> = space.disks.file_systems.iter().collect();
    disks.sort_by_key(|disk| std::cmp::Reverse(disk.worst()));
    let mut sections = Vec::new();
    let unread: Vec<String> = space
        .disks
        .unread
        .iter()
        .map(|one| format!("{} can't be looked at: {}", one.folder, one.why))
        .collect();
    if !unread.is_empty() {
        sections.push(Section::Text(unread.join("\n")));
    }
    if !disks.is_empty() {
        sections.push(Section::Table(disks_table(&disks)));
    }
    sections.push(Section::Facts(memory_facts(space)));
    match &space.docker {
        None => {}
        Some(Ok(docker)) => sections.push(Section::Table(docker_table(docker))),
        Some(Err(why)) => sections.push(Section::Text(format!("Docker could not be asked: {why}"))),
    }
    let worst = space.worst();
    let tone = match worst {
        NEARLY_FULL.. => Tone::Bad,
        FILLING.. => Tone::Warning,
        _ if unread.is_empty() && !matches!(space.docker, Some(Err(_))) => Tone::Good,
        _ => Tone::Warning,
    };
    let mut card = card(title(&disks, unread.len()), tone, sections);
    card.footer = Some(format!("as of {}, looked for {}", clock_time(now), layout::duration(space.took)));
    public(card)
}

fn title(disks: &[&FileSystem], unread: usize) -> String {
    let unread = match unread {
        0 => String::new(),
        1 => "; 1 folder can't be looked at".to_owned(),
        more => format!("; {more} folders can't be looked at"),
    };
    let Some(fullest) = disks.first() else { return format!("No disk could be looked at{unread}") };
    let what = if fullest.inodes_percent().unwrap_or(0) > fullest.percent() { " of its inodes" } else { "" };
    let place = fullest.folders.first().map_or("", String::as_str);
    match fullest.worst() {
        NEARLY_FULL.. => format!("Nearly full: {place}, {} %{what} used{unread}", fullest.worst()),
        FILLING.. => format!("Filling up: {place}, {} %{what} used{unread}", fullest.worst()),
        worst => format!("Space enough: at most {worst} %{what} used, on {place}{unread}"),
    }
}

fn disks_table(disks: &[&FileSystem]) -> Table {
    let row = |disk: &&FileSystem| {
        let inodes =
            disk.inodes_percent().map_or_else(|| "none".to_owned(), |percent| format!("{percent} %"));
        vec![
            disk.folders.join(", "),
            format!("{} %", disk.percent()),
            bytes(disk.available),
            bytes(disk.total),
            inodes,
        ]
    };
    Table {
        columns: vec![
            column("folder", Align::Left),
            column("used", Align::Right),
            column("free", Align::Right),
            column("of", Align::Right),
            column("inodes", Align::Right),
        ],
        rows: disks.iter().map(row).collect(),
    }
}

fn memory_facts(space: &Space) -> Vec<(String, String)> {
    let memory = match &space.memory {
        Ok(memory) => memory_words(memory),
        Err(why) => format!("not known: {why}"),
    };
    let Pressures { cpu, io, memory: for_memory } = space.pressures;
    let facts = [
        ("memory", memory),
        ("waits for CPU", pressure(cpu)),
        ("waits for disks", pressure(io)),
        ("waits for memory", pressure(for_memory)),
    ];
    facts.map(|(label, value)| (label.to_owned(), value)).into()
}

fn memory_words(memory: &Memory) -> String {
    let (total, free) = memory.swap;
    let swap = if total == 0 {
        "no swap".to_owned()
    } else {
        format!("swap {} of {}", bytes(total - free.min(total)), bytes(total))
    };
    format!(
        "{} % used: {} of {} available, {swap}",
        memory.percent(),
        bytes(memory.available),
        bytes(memory.total)
    )
}

fn pressure(pressure: Option<Pressure>) -> String {
    let Some(Pressure { some, full }) = pressure else { return "not reported".to_owned() };
    let all = full.map_or_else(String::new, |full| format!("; all of it {:.1} %", full.0));
    format!("{:.1} % of the last 10 s, {:.1} % of 5 min{all}", some.0, some.1)
}

fn docker_table(docker: &DockerDisk) -> Table {
    let row = |(name, share): (&str, Share)| {
        vec![
            name.to_owned(),
            share.count.to_string(),
            share.active.to_string(),
            bytes(share.size),
            bytes(share.reclaimable),
        ]
    };
    let rows = [
        ("images", docker.images),
        ("containers", docker.containers),
        ("volumes", docker.volumes),
        ("build cache", docker.build_cache),
    ];
    Table {
        columns: vec![
            column("Docker", Align::Left),
            column("no.", Align::Right),
            column("in use", Align::Right),
            column("size", Align::Right),
            column("to free", Align::Right),
        ],
        rows: rows.map(row).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_have_three_digits() {
        let shown = [0, 999, 1_000, 12_345, 188_123_456, 999_600_000, 23_540_000_000].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.00 kB", "12.3 kB", "188 MB", "1.00 GB", "23.5 GB"]);
    }
}
