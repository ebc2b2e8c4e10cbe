//! What is printed: measures beside what they are measured against, with ratios, and the aims.

use std::fmt;
use std::time::Duration;

use crate::samples::Samples;

/// A number with the unit that it is read in.
#[derive(Clone, Copy)]
pub enum Value {
    /// Shown in milliseconds or, when short, in microseconds.
    Time(Duration),
    /// Bytes, shown in MB of 10^6 or, when few, in kB.
    Memory(f64),
    /// Things a second.
    Rate(f64),
}

impl Value {
    const fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Memory(number) | Self::Rate(number) => number,
        }
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(time) if time < Duration::from_micros(10) => write!(f, "{} ns", time.as_nanos()),
            Self::Time(time) => write!(f, "{:.3} ms", time.as_secs_f64() * 1e3),
            Self::Memory(bytes) if bytes < 1e3 => write!(f, "{bytes:.0} B"),
            Self::Memory(bytes) if bytes < 1e6 => write!(f, "{:.1} kB", bytes / 1e3),
            Self::Memory(bytes) => write!(f, "{:.1} MB", bytes / 1e6),
            Self::Rate(rate) => write!(f, "{rate:.0}/s"),
        }
    }
}

/// One line of the table.
struct Row {
    what: String,
    value: Value,
    beside: Option<(String, Value)>,
}

/// One thing that was aimed at.
struct Aim {
    what: String,
    value: Value,
    limit: Value,
}

/// Everything that one run found.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    aims: Vec<Aim>,
}

impl Table {
    /// A measure by itself.
    pub fn alone(&mut self, what: impl Into<String>, value: impl Into<Value>) {
        self.rows.push(Row { what: what.into(), value: value.into(), beside: None });
    }

    /// A measure and what it is measured against.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        value: impl Into<Value>,
        against: impl Into<String>,
        other: impl Into<Value>,
    ) {
        let beside = Some((against.into(), other.into()));
        self.rows.push(Row { what: what.into(), value: value.into(), beside });
    }

    /// The usual and the worst hundredth of two measures.
    pub fn latencies(&mut self, what: &str, measured: &Samples, against: &str, other: &Samples) {
        self.row(format!("{what}, p50"), measured.p50(), against, other.p50());
        self.row(format!("{what}, p99"), measured.p99(), against, other.p99());
    }

    /// Something that is to be at most `limit`.
    pub fn aim(&mut self, what: impl Into<String>, value: impl Into<Value>, limit: impl Into<Value>) {
        self.aims.push(Aim { what: what.into(), value: value.into(), limit: limit.into() });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<48} {:>12}   {:<33} {:>12} {:>8}", "measure", "acgs", "against", "", "ratio")?;
        for Row { what, value, beside } in &self.rows {
            write!(f, "{what:<48} {:>12}", value.to_string())?;
            if let Some((against, other)) = beside {
                let ratio = value.number() / other.number();
                write!(f, "   {against:<33} {:>12} {ratio:>7.2}x", other.to_string())?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for Aim { what, value, limit } in &self.aims {
            let verdict = if value.number() <= limit.number() { "met" } else { "missed" };
            writeln!(f, "aim: {what}: {value} vs {limit}, {verdict}")?;
        }
        Ok(())
    }
}
