//! The machine's memory, and how long work waits for what it needs.

use commands::host::{Memory, Pressure, Pressures};

use crate::{HostError, read};

/// Files of `/proc` are short.
const LARGEST: u64 = 64 << 10;

/// From `/proc/meminfo` (proc_meminfo(5)).
pub fn memory() -> Result<Memory, HostError> {
    let path = "/proc/meminfo";
    parse_memory(&read(path, LARGEST)?).ok_or_else(|| HostError::BadContent(path.to_owned()))
}

/// From `/proc/pressure`, which kernels may be built or started without:
/// <https://docs.kernel.org/accounting/psi.html>.
#[must_use]
pub fn pressures() -> Pressures {
    let pressure = |what: &str| parse_pressure(&read(&format!("/proc/pressure/{what}"), LARGEST).ok()?);
    Pressures { cpu: pressure("cpu"), io: pressure("io"), memory: pressure("memory") }
}

pub fn parse_memory(text: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let swap = (bytes("SwapTotal").unwrap_or(0), bytes("SwapFree").unwrap_or(0));
    Some(Memory { total: bytes("MemTotal")?, available: bytes("MemAvailable")?, swap })
}

pub fn parse_pressure(text: &str) -> Option<Pressure> {
    let averages = |kind: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(kind))?;
        let value = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)?.parse::<f64>().ok());
        Some((value("avg10=")?, value("avg300=")?))
    };
    Some(Pressure { some: averages("some")?, full: averages("full") })
}
