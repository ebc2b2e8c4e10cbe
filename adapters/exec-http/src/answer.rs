//! What an answer means. Pure: bytes in, a word out.

use commands::health::ProbeOutcome;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use url::Url;

/// Words of `.status` that say well, in any case.
const WELL: [&str; 4] = ["healthy", "ok", "up", "pass"];

/// What a service says of itself is shown up to this many characters.
const WORD_LIMIT: usize = 80;

/// Whether the answer sends the asker elsewhere.
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Host and path of `Location`, which may be relative. The query is left out: it may hold a token.
pub fn redirect_target(asked: &Url, headers: &HeaderMap) -> Option<String> {
    let target = asked.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    Some(shortened(&format!("{}{}", target.host_str().unwrap_or_default(), target.path())))
}

/// The media type without its parameters.
pub fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!media_type.is_empty()).then(|| shortened(&media_type))
}

/// The word for a body that is here as a whole. Only 200 and a `.status` that says well is well;
/// a `.status` that is not a word is shown as it is, and `null` is none.
pub fn judge(code: u16, content_type: Option<String>, body: &[u8]) -> ProbeOutcome {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return ProbeOutcome::NotJson { code, content_type };
    };
    match (code, json.get("status").filter(|status| !status.is_null())) {
        (200, None) => ProbeOutcome::NoStatus { code },
        (200, Some(Value::String(word))) if says_well(word) => {
            ProbeOutcome::Healthy { status: shortened(word) }
        }
        (_, status) => ProbeOutcome::Unhealthy { code, status: status.map(word_of) },
    }
}

fn says_well(word: &str) -> bool {
    WELL.iter().any(|well| word.trim().eq_ignore_ascii_case(well))
}

fn word_of(status: &Value) -> String {
    match status {
        Value::String(word) => shortened(word),
        other => shortened(&other.to_string()),
    }
}

/// On one line and not longer than [`WORD_LIMIT`].
fn shortened(text: &str) -> String {
    let mut chars = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = chars.by_ref().take(WORD_LIMIT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(code: u16, body: &str) -> ProbeOutcome {
        judge(code, Some("text/html".to_owned()), body.as_bytes())
    }

    fn unhealthy(code: u16, status: &str) -> ProbeOutcome {
        ProbeOutcome::Unhealthy { code, status: Some(status.to_owned()) }
    }

    #[test]
    fn words_that_say_well_are_well_in_any_case_and_only_with_200() {
        for well in ["healthy", "ok", "up", "pass", "OK", "Healthy", " up "] {
            let body = format!(r#"{{"status":"{well}"}}"#);
            assert_eq!(word(200, &body), ProbeOutcome::Healthy { status: well.trim().to_owned() });
            for code in [201, 204, 304, 404, 500, 503] {
                assert_eq!(word(code, &body), unhealthy(code, well.trim()));
            }
        }
        for sick in ["degraded", "unhealthy", "not ok", "down", "", "okay"] {
            assert_eq!(word(200, &format!(r#"{{"status":"{sick}"}}"#)), unhealthy(200, sick));
        }
    }

    #[test]
    fn a_status_that_is_not_a_word_is_shown_as_it_is() {
        assert_eq!(word(200, r#"{"status": true}"#), unhealthy(200, "true"));
        assert_eq!(word(200, r#"{"status": 1}"#), unhealthy(200, "1"));
        assert_eq!(word(200, r#"{"status": ["ok"]}"#), unhealthy(200, r#"["ok"]"#));
        assert_eq!(word(503, r#"{"status": {"db": "down"}}"#), unhealthy(503, r#"{"db":"down"}"#));
    }

    #[test]
    fn json_without_a_status_has_its_own_word_when_the_code_is_200() {
        for body in ["{}", r#"{"status": null}"#, r#"{"state": "ok"}"#, "[]", "\"ok\"", "7", "null"] {
            assert_eq!(word(200, body), ProbeOutcome::NoStatus { code: 200 }, "{body}");
            assert_eq!(word(500, body), ProbeOutcome::Unhealthy { code: 500, status: None }, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_not_read_as_well() {
        let html = Some("text/html".to_owned());
        let deep = "[".repeat(60_000);
        for body in ["", "OK", "<html>ok</html>", r#"{"status":"ok""#, r#"{"status":"ok"} trailing"#, &deep] {
            assert_eq!(word(200, body), ProbeOutcome::NotJson { code: 200, content_type: html.clone() });
        }
        let invalid_utf8 = judge(200, None, b"{\"status\":\"ok\xff\"}");
        assert_eq!(invalid_utf8, ProbeOutcome::NotJson { code: 200, content_type: None });
    }

    #[test]
    fn a_long_word_is_cut_and_stays_on_one_line() {
        let ProbeOutcome::Unhealthy { status: Some(status), .. } =
            word(200, &format!(r#"{{"status":"a\nb{}"}}"#, "ü".repeat(500)))
        else {
            panic!("it is unhealthy");
        };
        assert_eq!(status, format!("a b{}…", "ü".repeat(77)));
    }

    #[test]
    fn a_redirect_shows_host_and_path_only() {
        let target = |location: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            redirect_target(&"http://auth.local:8000/health".parse().unwrap(), &headers)
        };
        let shown = |text: &str| Some(text.to_owned());
        assert_eq!(
            target("https://user:pw@sso.example:8443/login?token=secret#top"),
            shown("sso.example/login")
        );
        assert_eq!(target("/maintenance?x=1"), shown("auth.local/maintenance"));
        assert_eq!(target("http://["), None);
        assert_eq!(redirect_target(&"http://a/".parse().unwrap(), &HeaderMap::new()), None);
    }
}
