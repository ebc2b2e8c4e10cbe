use super::*;

fn told(line: &str) -> Option<(Event, Option<String>)> {
    Threat::of(line).map(|threat| (threat.event, threat.source.map(|source| source.to_string())))
}

#[test]
fn an_attack_is_known_by_its_words_and_its_address() {
    for (line, event, source) in [
        ("WARN SECURITY attack: suspicious request from 203.0.113.9", Event::Attack, "203.0.113.9"),
        ("INFO SQL injection attempt, client 10.0.0.1:4431, server 10.0.0.2", Event::Injection, "10.0.0.1"),
        ("Brute-force attack on /login ip=198.51.100.7", Event::BruteForce, "198.51.100.7"),
        (
            r#"{"level":"warn","msg":"data breach","client_ip":"2001:db8::17"}"#,
            Event::Intrusion,
            "2001:db8::17",
        ),
        ("xss blocked for [2001:db8::2]:443", Event::Scripting, "2001:db8::2"),
        ("unauthorised access by ::ffff:192.0.2.4.", Event::Intrusion, "192.0.2.4"),
        ("listening on 127.0.0.1, malicious peer 192.0.2.5", Event::Suspicious, "192.0.2.5"),
        ("ip:192.0.2.6 path traversal at 12:34:56", Event::Traversal, "192.0.2.6"),
        (
            "FATAL:  password authentication failed for user \"a\" (192.0.2.7)",
            Event::FailedLogin,
            "192.0.2.7",
        ),
    ] {
        assert_eq!(told(line), Some((event, Some(source.to_owned()))), "{line}");
    }
}

#[test]
fn a_line_may_name_no_address_or_no_kind() {
    for (line, event) in [
        ("WARN SECURITY failed login", Event::FailedLogin),
        ("WARN SECURITY invalid JWT", Event::BadToken),
        ("SECURITY key 7 was used twice", Event::Other),
        ("WARN security: key 7 was used twice", Event::Other),
        (r#"{"level":"security","msg":"key 7 was used twice"}"#, Event::Other),
        ("attackers: 3, version 1.2.3, at 03:12:45", Event::Attack),
        ("ERROR GET /api/security 500: token replayed", Event::BadToken),
    ] {
        assert_eq!(told(line), Some((event, None)), "{line}");
    }
}

#[test]
fn harmless_lines_with_such_words_are_left_out() {
    for line in [
        "INFO security headers set",
        "INFO application security configured",
        "WARN GET /api/security/attack 404 in 3 ms",
        "INFO https://example.com/security?breach=1 fetched",
        "INFO org.springframework.security.web.FilterChain: ready",
        "WARN acgs::security::headers: slow start",
        "INFO 0 attacks, no breach found, no signs of intrusion",
        r#"{"level":"warn","attacks":0,"injection":false}"#,
        "INFO CSRF protection enabled, XSS filter loaded",
        "ERROR dependency injection of Clock",
        "ERROR relation has ROW LEVEL SECURITY, see SECURITY DEFINER",
        "WARN Strict-Transport-Security is not set",
        "attack_count=3 attacks_total 4",
        "insecurity, counterattacked, breachable",
        "WARN low on disk",
        "",
    ] {
        assert_eq!(told(line), None, "{line}");
    }
}

#[test]
fn what_is_harmless_hides_no_threat_in_the_same_line() {
    for (line, event) in [
        ("no breach found, but an attack from 192.0.2.1", Event::Attack),
        ("GET /security 403: SQL injection", Event::Injection),
        ("not found: possible injection", Event::Injection),
        ("SECURITY headers missing; SECURITY rule 7 hit", Event::Other),
    ] {
        assert_eq!(Threat::of(line).map(|threat| threat.event), Some(event), "{line}");
    }
}
