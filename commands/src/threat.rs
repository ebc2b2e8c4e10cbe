//! Signs of an attack in a line of a log: what it looks like, and from which address.
//!
//! Words count as whole words and not inside of paths, names or settings: most lines that hold "security"
//! are about headers, policies and modules, and a look-up that is full of them is not read twice.

use core::net::{IpAddr, SocketAddr};
use std::fmt;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

use crate::logs::kind::{Kind, SECURITY_MARK, Severity};

/// What an attack looks like, the most telling first: the first that fits a line is the line's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody is or was inside.
    Intrusion,
    /// Somebody got rights that they should not have.
    Escalation,
    /// Hostile programs.
    Malware,
    /// Something was changed that should not be.
    Tampering,
    /// Code where data was expected.
    Injection,
    /// Paths out of the folder that is served.
    Traversal,
    /// Scripts in pages for others.
    Scripting,
    /// Requests in the name of others.
    Forgery,
    /// Known holes tried.
    Exploit,
    /// Passwords tried one after another.
    BruteForce,
    /// More than can be answered.
    Flood,
    /// A login with a wrong password.
    FailedLogin,
    /// A token that is none.
    BadToken,
    /// An attack of no kind above.
    Attack,
    /// Something that the service itself calls suspicious.
    Suspicious,
    /// A line marked SECURITY, with no word of the above.
    Other,
}

impl Event {
    /// Every kind, in the order in which they are looked for.
    pub const ALL: [Self; 16] = [
        Self::Intrusion,
        Self::Escalation,
        Self::Malware,
        Self::Tampering,
        Self::Injection,
        Self::Traversal,
        Self::Scripting,
        Self::Forgery,
        Self::Exploit,
        Self::BruteForce,
        Self::Flood,
        Self::FailedLogin,
        Self::BadToken,
        Self::Attack,
        Self::Suspicious,
        Self::Other,
    ];

    /// A word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intrusion => "intrusion",
            Self::Escalation => "more rights",
            Self::Malware => "malware",
            Self::Tampering => "tampering",
            Self::Injection => "injection",
            Self::Traversal => "path traversal",
            Self::Scripting => "scripting",
            Self::Forgery => "forged request",
            Self::Exploit => "exploit",
            Self::BruteForce => "brute force",
            Self::Flood => "flood",
            Self::FailedLogin => "failed login",
            Self::BadToken => "bad token",
            Self::Attack => "attack",
            Self::Suspicious => "suspicious",
            Self::Other => "other",
        }
    }

    /// Whole words, as a pattern.
    const fn words(self) -> &'static str {
        match self {
            Self::Intrusion => {
                r"breach(?:es|ed)?|intrusions?|intruders?|compromised|unauthori[sz]ed\s+access|exfiltrat(?:ion|ed|ing)"
            }
            Self::Escalation => r"privilege\s+escalation",
            Self::Malware => r"malware|ransomware|trojan|rootkit|backdoor|web\s?shell|cryptominer",
            Self::Tampering => r"tamper(?:ed|ing)",
            Self::Injection => r"injections?|sqli",
            Self::Traversal => r"(?:path|directory)[ -]traversal",
            Self::Scripting => r"xss|cross[ -]site[ -]scripting",
            Self::Forgery => r"csrf|xsrf|ssrf|cross[ -]site[ -]request[ -]forgery|request[ -]forgery",
            Self::Exploit => r"exploit(?:s|ed|ing|ation)?",
            Self::BruteForce => {
                r"brute[ -]?forc(?:e|ed|ing)|credential[ -]stuffing|password[ -]spray(?:ing)?"
            }
            Self::Flood => r"ddos|denial[ -]of[ -]service|syn[ -]flood(?:ing)?",
            Self::FailedLogin => {
                r"failed\s+(?:logins?|password|authentication)|login\s+(?:failed|failure)|authentication\s+(?:failed|failure)|(?:invalid|wrong)\s+(?:password|credentials)|account\s+locked"
            }
            Self::BadToken => {
                r"(?:invalid|forged|bad)\s+(?:jwt|token|signature)|(?:jwt|token|signature)\s+(?:invalid|forged|replayed)"
            }
            Self::Attack => r"attack(?:s|ed|er|ers|ing)?",
            Self::Suspicious => r"suspicious|malicious|hostile",
            // By its mark and not by a word.
            Self::Other => r"security",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Each event's words, in their order.
static EVENTS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = Event::ALL.map(|event| format!(r"(?i-u:\b(?:{})\b)", event.words()));
    RegexSet::new(patterns).expect("patterns are constants")
});

/// What holds such words and is no sign: paths, names with dots, headers, counts of none, features that
/// were switched on, words of other trades.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    let threats: Vec<&str> = Event::ALL.iter().map(|event| event.words()).collect();
    let threat = threats.join("|");
    let harmless = [
        // Paths and addresses of pages: what was asked for, and not what it was taken for.
        r#"\b[a-z]+://[^\s"']*"#.to_owned(),
        r#"(?:^|[\s"'=(\[,])/[^\s"']*"#.to_owned(),
        r"\b[a-z_][a-z0-9_]*(?:(?:\.|::)[a-z_][a-z0-9_]*)+\b".to_owned(),
        r"\b(?:x-xss-protection|content-security-policy(?:-report-only)?|strict-transport-security|anti-[a-z-]+)\b"
            .to_owned(),
        format!(
            r"\b(?:no|0|zero|without(?:\s+any)?)\s+(?:(?:new|known|open|active|further|signs?\s+of)\s+)*(?:{threat})\b"
        ),
        format!(r#"\b(?:{threat})(?:\s+(?:count|attempts|events))?["']?\s*[:=]\s*["']?(?:0|false|no|none|null|off)\b"#),
        format!(
            r"\b(?:{threat})\s+(?:[a-z]+\s+){{0,2}}(?:enabled|disabled|loaded|started|active|initiali[sz]ed|registered|configured|installed|passed|ready|updated|applied|issued)\b"
        ),
        r"\battack\s+(?:surface|vectors?)\b".to_owned(),
        r"\b(?:dependency|constructor|property|setter|bean|fault)\s+injections?\b".to_owned(),
        r"\b(?:heart|panic)\s+attacks?\b".to_owned(),
        r"\brow[ -]level\s+security\b".to_owned(),
        r"\bsecurity\s+(?:definer|invoker|label|barrier|headers?|contexts?|updates?|groups?|polic(?:y|ies)|managers?|modules?|filter)\b"
            .to_owned(),
    ];
    Regex::new(&format!("(?i:{})", harmless.join("|"))).expect("patterns are constants")
});

/// A line that says so itself.
static MARKED: LazyLock<Regex> = LazyLock::new(|| Regex::new(SECURITY_MARK).expect("a constant"));

/// A sign of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Threat {
    /// What it looks like.
    pub event: Event,
    /// Where it came from, where the line names an address.
    pub source: Option<IpAddr>,
}

impl Threat {
    /// What `line`, free of colours, is a sign of; `None` for all the others.
    #[must_use]
    pub fn of(line: &str) -> Option<Self> {
        // Most lines end here, without the costlier look.
        if !EVENTS.is_match(line) {
            return None;
        }
        let told = HARMLESS.replace_all(line, " ");
        let event = EVENTS.matches(&told).iter().next().map(|place| Event::ALL[place])?;
        // The word alone is in many a note; a mark, or a warning, is meant.
        if event == Event::Other && !MARKED.is_match(&told) && Kind::of(line).severity < Severity::Warning {
            return None;
        }
        Some(Self { event, source: source(line) })
    }
}

/// Words before the address that is meant where a line holds several.
const BEFORE: [&str; 16] = [
    "from",
    "client",
    "client_ip",
    "clientip",
    "ip",
    "ip_address",
    "src",
    "src_ip",
    "source",
    "source_ip",
    "remote",
    "remote_addr",
    "remote_ip",
    "peer",
    "addr",
    "x-forwarded-for",
];

/// The address that a line is about: after a word that says so, or else the first that is not the machine
/// itself.
fn source(line: &str) -> Option<IpAddr> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '_' | '-');
    let mut before = "";
    let mut first: Option<IpAddr> = None;
    for word in line.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
        let (label, found) = address(word);
        if let Some(address) = found {
            let said = if label.is_empty() { before.trim_end_matches(':') } else { label };
            if BEFORE.iter().any(|known| said.eq_ignore_ascii_case(known)) {
                return Some(address);
            }
            if first.is_none_or(|first| first.is_loopback()) {
                first = Some(address);
            }
        }
        before = word;
    }
    first
}

/// The address in a word, with or without a port, and the name before it as in `ip:192.0.2.1`.
fn address(word: &str) -> (&str, Option<IpAddr>) {
    let word = word.trim_end_matches(['.', ':', '-']);
    let read = |text: &str| {
        let bare = text.parse::<IpAddr>().ok();
        let address = bare.or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
        address.map(|address| address.to_canonical()).filter(|address| !address.is_unspecified())
    };
    if let Some(found) = read(word) {
        return ("", Some(found));
    }
    match word.split_once(':') {
        Some((label, rest)) => (label, read(rest)),
        None => ("", None),
    }
}

#[cfg(test)]
mod tests;
