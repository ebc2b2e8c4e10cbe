//! A log as the Engine streams it, cut into lines in constant memory. Pure.
//!
//! Without a terminal the two outputs of a container come in frames: a byte for which one, three zeros,
//! four for the length (<https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach>).
//! A line longer than 16 KiB comes in several frames, each with a time of its own. With a terminal
//! there are no frames.

use commands::escape::clean;
use commands::logs::LogLine;
use jiff::Timestamp;

use crate::DockerError;

/// Bytes kept of one line, below the 16 KiB at which the Engine cuts: what is shown, and enough more to
/// see a secret whole.
const LINE: usize = commands::logs::LINE + (2 << 10);

/// The Engine's times have a fixed width: `2006-01-02T15:04:05.000000000Z `.
const STAMP: usize = 31;

/// Where in the stream it stands.
enum At {
    /// In a header, of which so many bytes are there.
    Header([u8; 8], usize),
    /// In a frame of this output with so many bytes left, at its beginning or further.
    Frame { output: usize, left: usize, begins: bool },
    /// There are no frames.
    Bare,
}

/// A line whose end has not come yet.
#[derive(Default)]
struct Open {
    kept: Vec<u8>,
    missing: u64,
    /// The time before a later part of the line, as far as it has come; it is no part of the line.
    stamp: Option<Vec<u8>>,
}

/// Cuts what it is fed into lines.
pub struct Frames {
    at: At,
    /// Standard output and standard error; with a terminal the first alone.
    open: [Open; 2],
    entries: u64,
}

impl Frames {
    /// Of a container with or without a terminal.
    pub fn new(terminal: bool) -> Self {
        let at = if terminal { At::Bare } else { At::Header([0; 8], 0) };
        Self { at, open: [Open::default(), Open::default()], entries: 0 }
    }

    /// What the Engine counts as lines: frames, or lines of a terminal.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Reads on; each whole line goes to `each`.
    pub fn feed(&mut self, mut bytes: &[u8], each: &mut impl FnMut(LogLine)) -> Result<(), DockerError> {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Bare => {
                    self.entries += bytes.iter().filter(|byte| **byte == b'\n').fold(0, |sum, _| sum + 1);
                    self.open[0].extend(bytes, each);
                    return Ok(());
                }
                At::Header(header, there) => {
                    let taken = bytes.len().min(header.len() - *there);
                    header[*there..*there + taken].copy_from_slice(&bytes[..taken]);
                    *there += taken;
                    bytes = &bytes[taken..];
                    if *there == header.len() {
                        self.at = frame(*header)?;
                        self.entries += 1;
                    }
                }
                At::Frame { output, left, begins } => {
                    let open = &mut self.open[*output];
                    if std::mem::take(begins) && !open.is_empty() {
                        open.stamp = Some(Vec::with_capacity(STAMP));
                    }
                    let taken = bytes.len().min(*left);
                    open.extend(&bytes[..taken], each);
                    bytes = &bytes[taken..];
                    *left -= taken;
                    if *left == 0 {
                        self.at = At::Header([0; 8], 0);
                    }
                }
            }
            if matches!(self.at, At::Frame { left: 0, .. }) {
                self.at = At::Header([0; 8], 0);
            }
        }
        Ok(())
    }

    /// The stream has ended: lines that have no end yet end here.
    pub fn finish(self, each: &mut impl FnMut(LogLine)) {
        for mut open in self.open {
            open.end_stamp();
            if !open.is_empty() {
                each(open.line());
            }
        }
    }
}

fn frame(header: [u8; 8]) -> Result<At, DockerError> {
    let [output, 0, 0, 0, length @ ..] = header else {
        return Err(DockerError::BadAnswer("a log that is not in frames".to_owned()));
    };
    let output = match output {
        // The input is never part of a log; the Engine shows it as output.
        0 | 1 => 0,
        2 => 1,
        3 => return Err(DockerError::BadAnswer("the Engine can't read this log to its end".to_owned())),
        _ => return Err(DockerError::BadAnswer("a log that is not in frames".to_owned())),
    };
    let left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    Ok(At::Frame { output, left, begins: true })
}

impl Open {
    fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.missing == 0
    }

    fn extend(&mut self, mut bytes: &[u8], each: &mut impl FnMut(LogLine)) {
        if let Some(stamp) = &mut self.stamp {
            let taken = bytes.len().min(STAMP - stamp.len());
            stamp.extend(&bytes[..taken]);
            bytes = &bytes[taken..];
            if stamp.len() < STAMP {
                return;
            }
            self.end_stamp();
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.push(&bytes[..end]);
            each(self.line());
            bytes = &bytes[end + 1..];
        }
        self.push(bytes);
    }

    /// What stood where a time was expected and is none belongs to the line.
    fn end_stamp(&mut self) {
        if let Some(stamp) = self.stamp.take()
            && stamped(&stamp).is_none()
        {
            self.push(&stamp);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(LINE - self.kept.len());
        self.kept.extend(&bytes[..kept]);
        self.missing += u64::try_from(bytes.len() - kept).unwrap_or(u64::MAX);
    }

    fn line(&mut self) -> LogLine {
        let bytes = std::mem::take(&mut self.kept);
        let (at, written) = stamped(&bytes).unwrap_or((None, &bytes));
        // Of a line that was written over, a terminal shows what came last.
        let written = written.strip_suffix(b"\r").unwrap_or(written);
        let shown = written.rsplit(|byte| *byte == b'\r').next().unwrap_or(written);
        LogLine {
            at,
            text: clean(&String::from_utf8_lossy(shown)),
            missing: std::mem::take(&mut self.missing),
        }
    }
}

/// The time at the beginning, and the rest.
fn stamped(bytes: &[u8]) -> Option<(Option<Timestamp>, &[u8])> {
    let end = bytes.iter().take(STAMP + 6).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    Some((Some(at), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests;
