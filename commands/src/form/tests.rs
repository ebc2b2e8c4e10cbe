use proptest::prelude::*;

use super::*;
use crate::grammar::Grammar;
use crate::incident::Severity;
use crate::intent::{IncidentAsk, Intent};

const FORMS: [Ask; 3] = [Ask::Update(IncidentNumber(7)), Ask::Resolve(IncidentNumber(u32::MAX)), Ask::Open];

fn meant(line: &str) -> IncidentAsk {
    match Grammar::new(Vec::new()).parse(line).unwrap_or_else(|error| panic!("{line}: {error}")) {
        Intent::Incident(ask) => ask,
        other => panic!("{line}: {other}"),
    }
}

fn answers(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn every_form_keeps_to_the_platforms_limits() {
    for ask in FORMS {
        let form = Form::new(ask);
        assert_eq!(Form::of(&ask.value()).as_ref(), Some(&form));
        assert_eq!(form.value(), ask.value());
        assert!(form.value().len() <= 100 && form.title.len() <= 24, "{form:?}");
        assert!((1..=5).contains(&form.fields.len()));
        for field in &form.fields {
            assert!(field.label.len() <= 45 && field.max <= 3000, "{field:?}");
        }
        meant(&form.example());
    }
}

#[test]
fn another_button_opens_no_form() {
    for value in [
        "",
        "ask",
        "ask ",
        "ask update",
        "ask update 0",
        "ask update 07",
        "ask update +7",
        "ask update 7 8",
        "ask update 99999999999",
        "ask open 7",
        "ask drop 7",
        "line ask update 7",
        "approve 00c0ffee1234",
    ] {
        assert_eq!(Form::of(value), None, "{value:?}");
    }
}

#[test]
fn what_is_filled_in_is_a_line_that_could_have_been_typed() {
    let update = Form::new(Ask::Update(IncidentNumber(7)));
    assert_eq!(
        update.line(&answers(&[("text", "the disk is full")])),
        "incident update 'the disk is full' --number 7"
    );
    assert_eq!(update.line(&answers(&[("text", "--anyway")])), "incident update --number 7 -- --anyway");
    assert_eq!(update.example(), "incident update 'in a few words' --number 7");
    let resolve = Form::new(Ask::Resolve(IncidentNumber(7)));
    let line = resolve.line(&answers(&[("how", "it's\nmended"), ("anyway", " \n")]));
    assert_eq!(line, "incident resolve \"it's mended\" --number 7");
    let line = resolve.line(&answers(&[("how", "done"), ("anyway", "-1 of 6")]));
    assert_eq!(line, "incident resolve done '--anyway=-1 of 6' --number 7");
    let open = Form::new(Ask::Open);
    let line = open.line(&answers(&[("severity", "p0"), ("title", "all is gone")]));
    assert!(matches!(meant(&line), IncidentAsk::Open { severity: Severity::P0, .. }), "{line}");
}

#[test]
fn what_is_missing_or_too_long_is_for_the_grammar_to_say() {
    let grammar = Grammar::new(Vec::new());
    let update = Form::new(Ask::Update(IncidentNumber(7)));
    for text in ["", " \u{200b} ", &"x".repeat(Words::LONGEST + 1), &"x".repeat(5_000)] {
        assert!(grammar.parse(&update.line(&answers(&[("text", text)]))).is_err(), "{text:?}");
    }
    assert!(grammar.parse(&update.line(&[])).is_err());
    let open = Form::new(Ask::Open);
    assert!(grammar.parse(&open.line(&answers(&[("severity", "P3"), ("title", "x")]))).is_err());
}

#[test]
fn a_messages_text_is_cut_to_a_title() {
    let form = Form::about("  logins\n fail \u{202e} ");
    assert_eq!(form.fields[1].value, "logins fail");
    let long = Form::about(&"😀é".repeat(500)).fields[1].value.clone();
    assert!(long.ends_with('…') && long.encode_utf16().count() <= Words::LONGEST, "{long}");
    assert_eq!(Form::about("").fields[1].value, "");
}

proptest! {
    /// Typographic quotes and dashes are read as everywhere in a line; nothing else of a text is changed, and
    /// nothing in it becomes an option.
    #[test]
    fn what_is_typed_into_a_form_comes_back_from_the_grammar(
        how in r#"[ -~äß’‘“”—–«日✔\n\t\u{200b}]{1,60}"#,
        anyway in r#"(--[a-z]{1,6} )?[ -~’“\n]{0,40}"#,
    ) {
        let expected = plain(&how);
        prop_assume!(!expected.is_empty());
        let resolve = Form::new(Ask::Resolve(IncidentNumber(7)));
        let line = resolve.line(&answers(&[("how", &how), ("anyway", &anyway)]));
        let IncidentAsk::Resolve { how: read, anyway: why, which } = meant(&line) else { panic!("{line}") };
        prop_assert_eq!(read.as_str(), &expected);
        prop_assert_eq!(why.map(|why| why.to_string()).unwrap_or_default(), plain(&anyway));
        prop_assert_eq!(which.number, Some(IncidentNumber(7)));
        let straight = how.chars().all(|c| c.is_ascii() || matches!(c, 'ä' | 'ß' | '日' | '✔'));
        prop_assert!(!straight || expected.split(' ').eq(how.split_whitespace()));
    }
}
