use commands::card::{Align, Button, ButtonStyle, Column, Table};
use commands::message::{TextFile, Visibility};

use super::*;

fn reply() -> Reply {
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    Reply {
        visibility: Visibility::Public,
        card: Card {
            title: "1 of 2 services is sick".to_owned(),
            tone: Tone::Bad,
            sections: vec![
                Section::Text("ac_service: dead".to_owned()),
                Section::Table(Table {
                    columns: vec![column("service", Align::Left), column("took", Align::Right)],
                    rows: vec![vec!["ac_service".to_owned(), "1 ms".to_owned()]],
                }),
                Section::Facts(vec![("PostgreSQL".to_owned(), "not configured".to_owned())]),
                Section::Next(vec!["health ac_service".to_owned()]),
            ],
            buttons: vec![Button {
                label: "Check again".to_owned(),
                value: "line health".to_owned(),
                style: ButtonStyle::Plain,
            }],
            footer: Some("as of now".to_owned()),
        },
        picture: None,
        mentions: Vec::new(),
        file: Some(TextFile { name: "a.txt".to_owned(), content: "whole output".to_owned() }),
    }
}

#[test]
fn a_card_is_plain_text_without_colours() {
    insta::assert_snapshot!(text(&reply(), None, false), @r"
    !! 1 of 2 services is sick

    ac_service: dead

    service     took
    ac_service  1 ms

    PostgreSQL  not configured

    next: acgs run -- health ac_service

    as of now

    whole output
    ");
}

#[test]
fn colours_come_with_a_sign_that_says_the_same() {
    let coloured = text(&reply(), None, true);
    assert!(coloured.starts_with("\u{1b}[1;31m!! 1 of 2 services is sick\u{1b}[0m\n"), "{coloured:?}");
}

#[test]
fn escape_sequences_of_others_never_reach_the_terminal() {
    let mut hostile = reply();
    hostile.card.sections = vec![Section::Code("\u{1b}]0;owned\u{7}\u{202e}x".to_owned())];
    hostile.file = None;
    assert!(!text(&hostile, None, false).contains(['\u{1b}', '\u{7}', '\u{202e}']));
}
