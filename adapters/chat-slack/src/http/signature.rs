//! Slack's request signature, version 0: HMAC-SHA256 over `v0:timestamp:body`
//! (docs.slack.dev/authentication/verifying-requests-from-slack), and the memory that the scheme
//! lacks: a request that was accepted is not accepted a second time.

use std::collections::{HashSet, VecDeque};

use axum::http::HeaderMap;
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The signature itself.
pub(super) type Mac = [u8; 32];

/// How far Slack's clock and ours may be apart, either way.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// As long as any timestamp can be within the window.
const MEMORY: SignedDuration = SignedDuration::from_mins(10);
/// Some 160 requests a second over the whole time, about 10 MB. Beyond, the oldest are forgotten first and
/// the delivery id still stops the repeat.
const MOST: usize = 100_000;

/// Checks the signature over the raw body in constant time. The error is a metric's label.
pub(super) fn verify(
    secret: &SecretString,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Mac, &'static str> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("x-slack-request-timestamp").ok_or("unsigned")?;
    let signature = header("x-slack-signature").ok_or("unsigned")?;
    let seconds: i64 = timestamp.parse().map_err(|_| "timestamp")?;
    let sent = Timestamp::from_second(seconds).map_err(|_| "timestamp")?;
    if now.duration_since(sent).abs() > WINDOW {
        return Err("timestamp");
    }
    let mut claimed = Mac::default();
    let digits = signature.strip_prefix("v0=").ok_or("signature")?;
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| "signature")?;
    let mut hmac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(|_| "signature")?;
    hmac.update(b"v0:");
    hmac.update(timestamp.as_bytes());
    hmac.update(b":");
    hmac.update(body);
    // Compares without telling by its duration how much of it was right.
    hmac.verify_slice(&claimed).map_err(|_| "signature")?;
    Ok(claimed)
}

/// The signatures of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Replays {
    known: HashSet<Mac>,
    /// In the order they came.
    queue: VecDeque<(Timestamp, Mac)>,
}

impl Replays {
    /// Remembers a signature. `false` if it is known already.
    pub(super) fn admit(&mut self, mac: Mac, now: Timestamp) -> bool {
        while self.queue.front().is_some_and(|(at, _)| now.duration_since(*at) > MEMORY)
            || self.queue.len() >= MOST
        {
            if let Some((_, old)) = self.queue.pop_front() {
                self.known.remove(&old);
            }
        }
        if !self.known.insert(mac) {
            return false;
        }
        self.queue.push_back((now, mac));
        true
    }

    /// The request was not dealt with, so the same one may come again.
    pub(super) fn forget(&mut self, mac: &Mac) {
        if self.known.remove(mac) {
            self.queue.retain(|(_, known)| known != mac);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000;

    fn sign(secret: &str, timestamp: &str, body: &[u8]) -> HeaderMap {
        let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(format!("v0:{timestamp}:").as_bytes());
        hmac.update(body);
        let signature = format!("v0={}", hex::encode(hmac.finalize().into_bytes()));
        headers(timestamp, &signature)
    }

    fn headers(timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", timestamp.parse().unwrap());
        headers.insert("x-slack-signature", signature.parse().unwrap());
        headers
    }

    fn check(headers: &HeaderMap, body: &[u8]) -> Result<Mac, &'static str> {
        verify(&"s3cret".into(), headers, body, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn the_example_of_slacks_own_documentation_verifies() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let headers =
            headers("1531420618", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
        let secret = "8f742231b10e8888abcd99yyyzzz85a5".into();
        let then = Timestamp::from_second(1_531_420_618).unwrap();
        assert!(verify(&secret, &headers, body.as_bytes(), then).is_ok());
    }

    #[test]
    fn five_minutes_either_way_and_no_second_more() {
        for (offset, fits) in
            [(-300, true), (300, true), (-301, false), (301, false), (i64::MAX - NOW, false)]
        {
            let timestamp = (NOW + offset).to_string();
            assert_eq!(check(&sign("s3cret", &timestamp, b"x"), b"x").is_ok(), fits, "{offset}");
        }
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let now = NOW.to_string();
        assert_eq!(check(&HeaderMap::new(), b"x"), Err("unsigned"));
        for bad in ["", "v0=", "v1=00", "v0=zz", "v0=00"] {
            assert_eq!(check(&headers(&now, bad), b"x"), Err("signature"), "{bad}");
        }
        assert_eq!(check(&sign("other", &now, b"x"), b"x"), Err("signature"));
        assert_eq!(check(&sign("s3cret", "soon", b"x"), b"x"), Err("timestamp"));
    }

    #[test]
    fn a_signature_is_good_once_in_ten_minutes() {
        let mut replays = Replays::default();
        let at = |seconds| Timestamp::from_second(NOW + seconds).unwrap();
        assert!(replays.admit([1; 32], at(0)));
        assert!(!replays.admit([1; 32], at(600)));
        assert!(replays.admit([1; 32], at(601)));
        replays.forget(&[1; 32]);
        assert!(replays.admit([1; 32], at(601)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut replays = Replays::default();
        let now = Timestamp::from_second(NOW).unwrap();
        for number in 0..=MOST {
            let mut mac = Mac::default();
            mac[..8].copy_from_slice(&number.to_le_bytes());
            assert!(replays.admit(mac, now));
        }
        assert_eq!((replays.known.len(), replays.queue.len()), (MOST, MOST));
    }

    proptest! {
        #[test]
        fn one_flipped_bit_anywhere_is_refused(body in proptest::collection::vec(any::<u8>(), 1..200), bit: usize) {
            let now = NOW.to_string();
            let headers = sign("s3cret", &now, &body);
            let mac = check(&headers, &body).unwrap();
            let mut flipped = body.clone();
            let bit_of_body = bit % (body.len() * 8);
            flipped[bit_of_body / 8] ^= 1 << (bit_of_body % 8);
            prop_assert_eq!(check(&headers, &flipped), Err("signature"));
            let mut forged = mac;
            forged[bit % 256 / 8] ^= 1 << (bit % 8);
            let headers = self::headers(&now, &format!("v0={}", hex::encode(forged)));
            prop_assert_eq!(check(&headers, &body), Err("signature"));
        }
    }
}
