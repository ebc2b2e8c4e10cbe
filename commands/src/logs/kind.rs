//! What a line of a log says it is: how bad, and whether it speaks of security.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::RegexSet;
use serde::{Deserialize, Serialize};

/// What `--level` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Errors and worse: ERROR, FATAL, CRITICAL, PANIC.
    Error,
    /// Warnings and worse.
    Warning,
    /// Notes and worse, without what has no level or is for debugging.
    Info,
    /// Lines that say SECURITY, whatever their level.
    Security,
}

impl Level {
    /// Every level, as help names them.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Info, Self::Security];

    /// The word that is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Security => "security",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let same = |level: &Self| level.as_str().eq_ignore_ascii_case(typed);
        Self::ALL.into_iter().find(same).ok_or_else(|| "error, warning, info or security".to_owned())
    }
}

/// How bad a line is by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not say, or it is for debugging.
    Unmarked,
    /// A note.
    Info,
    /// A warning.
    Warning,
    /// An error or worse.
    Error,
}

/// What a line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// How bad.
    pub severity: Severity,
    /// Whether it speaks of security; such a line may have any severity.
    pub security: bool,
}

/// How programs mark lines about security: the word in capitals, or a level of that name.
pub const SECURITY_MARK: &str =
    r#"(?-u:\bSECURITY\b)|(?i-u:\b(?:level|levelname|lvl|severity)\\?["']?\s*[:=]\s*\\?["']?security\b)"#;

/// The words and fields by which programs mark their lines: capitals anywhere, `level=error`,
/// `"level":"error"`, `[error]`, pino's numbers, `klog`'s letters are left out as too short.
static MARKS: LazyLock<RegexSet> = LazyLock::new(|| {
    let field = |words: &str, numbers: &str| {
        format!(
            r#"(?i-u:\b(?:level|levelname|lvl|severity|log\.level)\\?["']?\s*[:=]\s*\\?["']?(?:{words})\b)|(?i-u:"level"\s*:\s*{numbers}\b)|(?i-u:[\[<](?:{words})[\]>])"#
        )
    };
    let errors =
        field("error|eror|err|fatal|critical|crit|panic|dpanic|alert|emerg|emergency|severe", "[56]0");
    let warnings = field("warn|warning", "40");
    let notes = field("info|information|informational|notice", "30");
    RegexSet::new([
        SECURITY_MARK.to_owned(),
        format!(
            r"(?-u:\b(?:ERROR|FATAL|CRITICAL|PANIC|EMERG|EMERGENCY|SEVERE)\b)|{errors}|(?-u:\bpanicked at )|(?-u:^Traceback \(most recent call last\))|(?i-u:^(?:error|fatal|panic): )"
        ),
        format!(r"(?-u:\b(?:WARN|WARNING)\b)|{warnings}|(?i-u:^warning: )"),
        format!(r"(?-u:\b(?:INFO|NOTICE|LOG)\b)|{notes}"),
    ])
    .expect("patterns are constants")
});

impl Kind {
    /// What `line`, free of colours, says it is.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let marks = MARKS.matches(line);
        let severity = match (marks.matched(1), marks.matched(2), marks.matched(3)) {
            (true, _, _) => Severity::Error,
            (false, true, _) => Severity::Warning,
            (false, false, true) => Severity::Info,
            (false, false, false) => Severity::Unmarked,
        };
        Self { severity, security: marks.matched(0) }
    }

    /// Whether `--level` asks for it.
    #[must_use]
    pub fn is(self, level: Level) -> bool {
        match level {
            Level::Error => self.severity == Severity::Error,
            Level::Warning => self.severity >= Severity::Warning,
            Level::Info => self.severity >= Severity::Info,
            Level::Security => self.security,
        }
    }
}
