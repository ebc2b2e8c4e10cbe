//! Discord's limits, which of them are closed by a 429, and the pace of calls that nobody else paces.
//!
//! Discord documents one number (topics/rate-limits): 50 calls a second for the whole bot, interactions exempt.
//! The rest it says in its headers; what stands here is what it is seen to allow. The bot's governor asks for
//! what a message certainly needs. Everything else (reading back, registering, a second way in the middle of a
//! try) goes by the small part of the 50 that the governor leaves, and nothing is called that a 429 forbids.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use commands::message::RateKey;
use reqwest::Method;

/// Messages by the governor: no second sees more than 35.
const GOVERNED: (u32, Duration) = (10, Duration::from_millis(40));
/// All other calls: no second sees more than 12. Together they stay under 50.
const BESIDE: (u32, Duration) = (4, Duration::from_millis(125));
/// Messages in a channel, and edits of them.
const MESSAGES: (u32, Duration) = (5, Duration::from_secs(1));
/// Edits by one interaction's token.
const TOKEN: (u32, Duration) = (5, Duration::from_millis(400));

fn limit(key: &str, (burst, every): (u32, Duration)) -> RateKey {
    RateKey { key: format!("discord:{key}"), burst, every }
}

/// That of the whole bot.
pub(crate) fn global() -> RateKey {
    limit("global", GOVERNED)
}

pub(crate) fn post(channel: &str) -> RateKey {
    limit(&format!("post:{channel}"), MESSAGES)
}

/// Messages to one user, whose channel is not known before.
pub(crate) fn direct(user: &str) -> RateKey {
    limit(&format!("direct:{user}"), MESSAGES)
}

pub(crate) fn edit(channel: &str) -> RateKey {
    limit(&format!("edit:{channel}"), MESSAGES)
}

/// The token is a secret, and keys are logged.
pub(crate) fn token(secret: &str) -> RateKey {
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    limit(&format!("token:{:016x}", hasher.finish()), TOKEN)
}

/// What a call counts against: its method and route, and what Discord names first in it.
pub(crate) fn of(method: &Method, path: &[&str]) -> RateKey {
    match (method.as_str(), path) {
        ("POST", ["channels", channel, "messages"]) => post(channel),
        ("PATCH", ["channels", channel, "messages", _]) => edit(channel),
        (_, ["webhooks", _, secret, ..]) => token(secret),
        // The id of an interaction is no secret; its token is behind it.
        (_, [first, major, rest @ ..]) => {
            let rest = rest.iter().find(|segment| segment.bytes().all(|byte| byte.is_ascii_lowercase()));
            limit(&format!("{method} {first}/{major}/{}", rest.unwrap_or(&"")), MESSAGES)
        }
        _ => limit(&format!("{method} {}", path.join("/")), MESSAGES),
    }
}

/// What may not be called yet.
#[derive(Default)]
pub(crate) struct Closed(Mutex<HashMap<String, Instant>>);

impl Closed {
    /// Nothing on `key` before `until`.
    pub(crate) fn close(&self, key: &RateKey, until: Instant) {
        self.0.lock().expect("no code panics while holding it").insert(key.key.clone(), until);
    }

    /// How long `key` stays closed; `None` when it is open.
    pub(crate) fn rest(&self, key: &RateKey, now: Instant) -> Option<Duration> {
        let mut closed = self.0.lock().expect("no code panics while holding it");
        closed.retain(|_, until| *until > now);
        closed.get(&key.key).map(|until| *until - now)
    }
}

/// The turns of the calls beside the governor's.
#[derive(Default)]
pub(crate) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// When the next call may go; it is counted.
    pub(crate) fn turn(&self, now: Instant) -> Instant {
        let (burst, every) = BESIDE;
        let mut full_at = self.0.lock().expect("no code panics while holding it");
        let full = full_at.map_or(now, |at| at.max(now));
        *full_at = Some(full + every);
        full.checked_sub(every * (burst - 1)).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_calls_together_stay_under_fifty_a_second() {
        let a_second = |(burst, every): (u32, Duration)| f64::from(burst) + 1.0 / every.as_secs_f64();
        assert!(a_second(GOVERNED) + a_second(BESIDE) < 50.0);
        let (pace, start) = (Pace::default(), Instant::now());
        let turns: Vec<_> = (0..6).map(|_| pace.turn(start).duration_since(start).as_millis()).collect();
        assert_eq!(turns, [0, 0, 0, 0, 125, 250]);
        assert_eq!(pace.turn(start + Duration::from_secs(9)), start + Duration::from_secs(9));
    }

    #[test]
    fn calls_of_one_route_share_a_limit_and_no_key_has_a_token() {
        let get = |path: &[&str]| of(&Method::GET, path).key;
        assert_eq!(get(&["channels", "4", "messages"]), "discord:GET channels/4/messages");
        assert_eq!(get(&["guilds", "3", "members", "2"]), get(&["guilds", "3", "members", "9"]));
        assert_ne!(get(&["channels", "4", "messages"]), get(&["channels", "5", "messages"]));
        let callback = of(&Method::POST, &["interactions", "7", "SECRET1", "callback"]).key;
        let original = of(&Method::PATCH, &["webhooks", "9", "SECRET1", "messages", "@original"]).key;
        assert!(!callback.contains("SECRET") && !original.contains("SECRET"), "{callback} {original}");
    }
}
