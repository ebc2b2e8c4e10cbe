use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::card::{Align, ButtonStyle, Tone};
use crate::message::{Png, Visibility};

const CANARY: &str = "c4n/ry p@ss\"word+1";

fn redactor() -> Redactor {
    Redactor::new([
        CANARY.to_owned(),
        "hunter22".to_owned(),
        "hunter22-and-more".to_owned(),
        "five5".to_owned(),
    ])
}

#[test]
fn known_values_go_in_every_encoding() {
    let table = [
        ("a hunter22 b", "a [redacted] b"),
        ("hunter22-and-more", "[redacted]"),
        ("xhunter22x", "x[redacted]x"),
        ("c4n/ry p@ss\"word+1", "[redacted]"),
        ("c4n%2Fry%20p%40ss%22word%2B1", "[redacted]"),
        ("c4n%2fry%20p%40ss%22word%2b1", "[redacted]"),
        ("c4n%2Fry+p%40ss%22word%2B1", "[redacted]"),
        (r#"{"x":"c4n/ry p@ss\"word+1"}"#, r#"{"x":"[redacted]"}"#),
        ("five5 is too short to be taken out", "five5 is too short to be taken out"),
    ];
    for (text, safe) in table {
        assert_eq!(redactor().text(text), safe);
    }
}

#[test]
fn known_values_go_wherever_they_stand_in_base64() {
    for before in ["", "u", "ur", "usr", "user:"] {
        for after in ["", "x", "xy", "xyz"] {
            let encoded = STANDARD.encode(format!("{before}{CANARY}{after}"));
            let safe = redactor().text(&encoded);
            assert!(safe.contains(GONE), "{before:?} {after:?}");
            let left = safe.replace(GONE, "");
            assert!(left.len() <= (before.len() + after.len()) * 2 + 6, "{left} is left of {encoded}");
        }
    }
}

#[test]
fn secrets_are_known_by_their_shape() {
    let discord = format!("{}.{}.{}", "MTIzNDU2Nzg5MDEyMzQ1Njc4", "GaBcDe", "a1".repeat(19));
    let table = [
        ("SLACK", "at xoxb-1234567890-abcdefghij end".to_owned(), "at [redacted] end"),
        ("Slack app", "xapp-1-A012-345-abcdef".to_owned(), "[redacted]"),
        ("Slack rotated", "xoxe.xoxb-1-Mi0xLTEyMzQ".to_owned(), "[redacted]"),
        (
            "Slack address",
            "https://hooks.slack.com/commands/T1/2/abc".to_owned(),
            "https://hooks.slack.com/commands/[redacted]",
        ),
        ("Discord", format!("token {discord} end"), "token [redacted] end"),
        (
            "Discord address",
            "https://discord.com/api/v10/webhooks/123/abc-def_1".to_owned(),
            "https://discord.com/api/v10/webhooks/123/[redacted]",
        ),
        ("GitHub", format!("ghp_{}", "a1".repeat(18)), "[redacted]"),
        ("GitHub fine", format!("github_pat_{}", "a1".repeat(18)), "[redacted]"),
        ("AWS", "id AKIAIOSFODNN7EXAMPLE.".to_owned(), "id [redacted]."),
        ("JWT", "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end".to_owned(), "jwt [redacted] end"),
        ("Stripe", "sk_live_abcdef1234567890".to_owned(), "[redacted]"),
        ("bearer", "Authorization: Bearer abc.def".to_owned(), "Authorization: Bearer [redacted]"),
        ("basic", "authorization: basic dTpw".to_owned(), "authorization: basic [redacted]"),
        ("bearer alone", "bearer abcdefghijklmn".to_owned(), "bearer [redacted]"),
        (
            "JSON header",
            r#"{"Authorization": "Bearer abc", "a": 1}"#.to_owned(),
            r#"{"Authorization": "Bearer [redacted]", "a": 1}"#,
        ),
        ("cookie", "Set-Cookie: sid=abc; Path=/\nnext".to_owned(), "Set-Cookie: [redacted]\nnext"),
        ("password", "password=abc next".to_owned(), "password=[redacted] next"),
        (
            "environment",
            "AUTH_SERVICE_SECRET_KEY=abc PGPASSWORD='a b'".to_owned(),
            "AUTH_SERVICE_SECRET_KEY=[redacted] PGPASSWORD='[redacted]'",
        ),
        ("JSON", r#"{"db_password":"a\"b","x":1}"#.to_owned(), r#"{"db_password":"[redacted]","x":1}"#),
        (
            "JSON in JSON",
            r#"{\"token\":\"abc\",\"x\":1}"#.to_owned(),
            r#"{\"token\":\"[redacted]\",\"x\":1}"#,
        ),
        ("YAML", "api_key: abc".to_owned(), "api_key: [redacted]"),
        ("query", "/x?token=abc&user=1".to_owned(), "/x?token=[redacted]&user=1"),
        (
            "address",
            "postgres://acgs:p@ss@db:5432/acgs".to_owned(),
            "postgres://acgs:[redacted]@db:5432/acgs",
        ),
        (
            "address with a token",
            "https://0123456789abcdef0@git.example/x".to_owned(),
            "https://[redacted]@git.example/x",
        ),
        (
            "PEM",
            "key\n-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\nend".to_owned(),
            "key\n[redacted]\nend",
        ),
        ("PEM cut off", "-----BEGIN PRIVATE KEY-----\nabc\ndef".to_owned(), "[redacted]"),
    ];
    let redactor = Redactor::new([]);
    for (name, text, safe) in table {
        assert_eq!(redactor.text(&text), safe, "{name}");
        assert_eq!(redactor.text(safe), safe, "{name}, twice");
    }
}

#[test]
fn ordinary_text_stays() {
    let redactor = Redactor::new([]);
    for text in [
        "auth_service is healthy: 200 in 12 ms, up 3 d 4 h",
        "http://127.0.0.1:8000/health and postgres://acgs@db:5432/acgs",
        "basic authentication failed for user \"acgs_user\"",
        "container 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef exited with 137",
        "passed: 10, author: alice, run 00c0ffee1234 at 2024-05-01T12:00:00Z",
        "health auth_service --wait 60",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn no_text_of_a_reply_is_forgotten() {
    let canary = || "see hunter22".to_owned();
    let column = Column { heading: canary(), align: Align::Left };
    let reply = Reply {
        visibility: Visibility::Private,
        card: Card {
            title: canary(),
            tone: Tone::Bad,
            sections: vec![
                Section::Text(canary()),
                Section::Facts(vec![(canary(), canary())]),
                Section::Table(Table { columns: vec![column], rows: vec![vec![canary(), canary()]] }),
                Section::Code(canary()),
                Section::Next(vec![canary()]),
            ],
            buttons: vec![Button { label: canary(), value: canary(), style: ButtonStyle::Plain }],
            footer: Some(canary()),
        },
        file: Some(TextFile { name: canary(), content: canary() }),
        picture: Some(Picture { name: canary(), alt: canary(), png: Png(Vec::new()) }),
        mentions: Vec::new(),
    };
    let count = |reply: &Reply, word: &str| serde_json::to_string(reply).unwrap().matches(word).count();
    assert_eq!(count(&reply, "hunter22"), 16);
    let safe = redactor().reply(reply);
    assert_eq!((count(&safe, "hunter22"), count(&safe, "see [redacted]")), (0, 16));
    assert_eq!((safe.visibility, safe.card.tone), (Visibility::Private, Tone::Bad));
}

#[test]
fn a_value_is_a_secret_by_its_label() {
    let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let column = |heading: &str| Column { heading: heading.to_owned(), align: Align::Left };
    let card = Card {
        title: String::new(),
        tone: Tone::Neutral,
        sections: vec![
            Section::Facts(vec![pair("user", "alice"), pair("Password", "a b"), pair("secret", "")]),
            Section::Table(Table {
                columns: vec![column("NAME"), column("TOKEN")],
                rows: vec![vec!["auth_service".to_owned(), "abc def".to_owned()]],
            }),
        ],
        buttons: vec![],
        footer: None,
    };
    let card = Redactor::new([]).card(card);
    assert_eq!(
        card.sections[0],
        Section::Facts(vec![pair("user", "alice"), pair("Password", GONE), pair("secret", "")])
    );
    let Section::Table(table) = &card.sections[1] else { panic!("the table is gone") };
    assert_eq!(table.rows, [["auth_service", GONE]]);
}

#[test]
fn a_redactor_does_not_tell_what_it_knows() {
    assert_eq!(format!("{:?}", redactor()), "Redactor { .. }");
}

#[test]
fn hostile_texts_take_time_in_proportion() {
    let redactor = redactor();
    for text in [
        "password",
        "token=\"",
        "://a:",
        "-----BEGIN A-----",
        "eyJaaaaaaaaa.",
        "a",
        "secret: \\\"",
        "bearer ",
        "hunter2",
    ] {
        let text = text.repeat(128 * 1024 / text.len());
        let begin = std::time::Instant::now();
        let safe = redactor.text(&text);
        assert!(safe.len() <= 2 * text.len());
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}", begin.elapsed());
    }
}

proptest! {
    #[test]
    fn a_known_value_never_leaves(
        secret in "[!-~]{6,20}", before in "[ -~]{0,20}", after in "\\PC{0,20}"
    ) {
        // What stands for a secret may hold a part of one that looks like it.
        prop_assume!(!GONE.contains(&secret));
        let safe = Redactor::new([secret.clone()]).text(&format!("{before}{secret}{after}"));
        prop_assert!(!safe.replace(GONE, "\0").contains(&secret), "{}", safe);
    }
}
