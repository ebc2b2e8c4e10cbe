use super::*;

/// Known to be one; it has no shape.
const SECRET: &str = "correct horse battery staple";

fn line(second: i64, text: &str) -> LogLine {
    LogLine { at: Timestamp::from_second(second).ok(), text: text.to_owned(), missing: 0 }
}

fn wanted(tail: u16) -> Wanted {
    Wanted { tail, since: None, grep: None, level: None, subject: None }
}

fn sieved(wanted: &Wanted, texts: &[&str]) -> Sieved {
    let redactor = Redactor::new([SECRET.to_owned()]);
    let mut sieve = Sieve::new(wanted, &redactor);
    for (second, text) in (0..).zip(texts) {
        sieve.take(line(second, text));
    }
    sieve.finish()
}

fn texts(sieved: &Sieved) -> Vec<&str> {
    sieved.lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn every_way_to_mark_an_error_is_known() {
    for text in [
        "2026-11-24 03:12:00 ERROR no route",
        "2026-11-24 03:12:00.000 UTC [36] FATAL:  sorry, too many clients already",
        "[CRITICAL] disk",
        "PANIC: could not write",
        "ts=2026-11-25T22:44:04.567Z caller=main.go:1012 level=error msg=\"x\"",
        r#"{"time":"x","level":"error","msg":"y"}"#,
        r#"{"severity": "CRITICAL"}"#,
        r#"{"level":50,"msg":"pino"}"#,
        "2026/11/24 [error] 7#7: *1 connect() failed",
        "thread 'main' panicked at src/main.rs:1:1:",
        "Traceback (most recent call last):",
        "error: no such file",
    ] {
        assert_eq!(Kind::of(text).severity, Severity::Error, "{text}");
    }
    for text in [
        "INFO 0 errors, error_count=0",
        "TERRORS",
        "level=errors_total",
        r#"{"level":500}"#,
        "GET /error 200",
        "no_error=true level=info",
    ] {
        assert!(Kind::of(text).severity < Severity::Error, "{text}");
    }
}

#[test]
fn warnings_notes_and_security_are_told_apart() {
    for (text, severity) in [
        ("WARN low", Severity::Warning),
        ("level=warning msg=x", Severity::Warning),
        ("LOG:  checkpoint starting", Severity::Info),
        (r#"{"level":"info"}"#, Severity::Info),
        ("DEBUG x", Severity::Unmarked),
        ("    at frame 1", Severity::Unmarked),
    ] {
        assert_eq!(Kind::of(text), Kind { severity, security: false }, "{text}");
    }
    let failed = Kind::of("WARN SECURITY failed login");
    assert_eq!(failed, Kind { severity: Severity::Warning, security: true });
    assert!(failed.is(Level::Security) && failed.is(Level::Warning) && !failed.is(Level::Error));
    assert!(Kind::of("ERROR SECURITY x").is(Level::Error));
}

#[test]
fn the_newest_wanted_lines_are_kept_and_all_are_counted() {
    let all = ["ERROR a", "INFO b", "ERROR c", "WARN SECURITY d", "e", "ERROR f"];
    let counts = Counts { security: 1, errors: 3, warnings: 0, notes: 1, unmarked: 1 };
    let newest = sieved(&wanted(2), &all);
    assert_eq!((texts(&newest), newest.read, newest.wanted.all()), (vec!["e", "ERROR f"], counts, 6));
    let errors = sieved(&Wanted { level: Some(Level::Error), ..wanted(2) }, &all);
    assert_eq!((texts(&errors), errors.read, errors.wanted.errors), (vec!["ERROR c", "ERROR f"], counts, 3));
}

#[test]
fn grep_is_a_plain_text_whatever_the_case() {
    let grep = |typed: &str| Wanted { grep: Some(typed.parse().unwrap()), ..wanted(9) };
    let all = ["ERROR a.b", "axb", "Security [x", "JWT bad", "ÄRGER"];
    assert_eq!(texts(&sieved(&grep("A.B"), &all)), ["ERROR a.b"]);
    assert_eq!(texts(&sieved(&grep("security|jwt||"), &all)), ["Security [x", "JWT bad"]);
    assert_eq!(texts(&sieved(&grep("[x|("), &all)), ["Security [x"]);
    assert_eq!(texts(&sieved(&grep("ärg"), &all)), ["ÄRGER"]);
    for typed in ["", "|", " | ", &"x".repeat(201)] {
        assert!(typed.parse::<Grep>().is_err(), "{typed:?}");
    }
}

#[test]
fn lines_that_differ_in_times_and_ids_are_one_group() {
    let groups = sieved(
        &wanted(10),
        &[
            "2026-11-24T03:12:00Z user 17 failed from 10.0.0.1:4431",
            "other",
            "2026-11-24T03:13:09Z user 4 failed from 10.0.0.7:99",
            "id=6f1b2c3d-0000-4000-8000-000000000001 gone",
            "id=7f1b2c3d-0000-4000-8000-000000000002 gone",
            "2026-11-24T03:14:09Z user 4 failed from 10.0.0.7:99",
        ],
    )
    .groups;
    let shown: Vec<_> = groups.iter().map(|group| (group.count, group.newest.text.as_str())).collect();
    assert_eq!(
        shown,
        [
            (3, "2026-11-24T03:14:09Z user 4 failed from 10.0.0.7:99"),
            (2, "id=7f1b2c3d-0000-4000-8000-000000000002 gone"),
            (1, "other"),
        ]
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let wanted = wanted(10_000);
    let redactor = Redactor::new([]);
    let mut sieve = Sieve::new(&wanted, &redactor);
    let long = "x y ".repeat(2_000);
    for second in 0..2_000 {
        sieve.take(line(
            second,
            &format!("{} {long}", "abcdefghij".repeat(usize::try_from(second % 7).unwrap())),
        ));
    }
    let kept = sieve.finish();
    assert!(kept.lines.iter().map(|line| line.text.len()).sum::<usize>() <= KEPT);
    assert_eq!((kept.read.all(), kept.lines.last().unwrap().at), (2_000, Timestamp::from_second(1_999).ok()));
}

#[test]
fn secrets_are_gone_before_lines_are_compared_grouped_or_cut() {
    let grep = |typed: &str| Wanted { grep: Some(typed.parse().unwrap()), ..wanted(9) };
    let all = [&format!("ERROR key={SECRET}"), "ERROR password=hunter2"];
    assert_eq!(sieved(&grep("horse|hunter2"), &all).wanted.all(), 0);
    let errors = sieved(&grep("error"), &all);
    assert_eq!(texts(&errors), ["ERROR key=[redacted]", "ERROR password=[redacted]"]);
    assert!(!format!("{errors:?}").contains("horse"));

    let straddling = format!("{}{SECRET} and more {}", "x ".repeat(LINE / 2 - 5), "y ".repeat(500));
    let cut = sieved(&wanted(1), &[&straddling]);
    assert!(cut.lines[0].text.len() <= LINE && cut.lines[0].missing > 0);
    assert!(!cut.lines[0].text.contains("corr"), "{}", &cut.lines[0].text[LINE - 40..]);
}

#[test]
fn the_lines_of_a_key_are_gone_also_when_its_first_line_was_not_read() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let short = "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu";
    let key = ["a", "-----BEGIN PRIVATE KEY-----", body, "shortlastline=", "-----END PRIVATE KEY-----", "b"];
    let gone = "[redacted]";
    assert_eq!(texts(&sieved(&wanted(9), &key)), ["a", gone, gone, gone, gone, "b"]);
    assert_eq!(texts(&sieved(&wanted(9), &[body, short, "c"])), [gone, gone, "c"]);
    let groups = sieved(&wanted(9), &key).groups;
    assert!(!format!("{groups:?}").contains("MIIE"));
}
