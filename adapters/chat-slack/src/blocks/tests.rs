use commands::card::{Align, Column, Table};
use commands::message::Visibility;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn card(sections: Vec<Section>) -> Card {
    Card { title: "Health".to_owned(), tone: Tone::Bad, sections, buttons: Vec::new(), footer: None }
}

fn rendered(card: Card) -> Value {
    let reply =
        Reply { visibility: Visibility::Public, card, file: None, picture: None, mentions: Vec::new() };
    let rendered = render(&reply, &[]);
    json!({ "blocks": rendered.blocks, "text": rendered.text })
}

fn table(rows: Vec<Vec<String>>) -> Section {
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    Section::Table(Table { columns: vec![column("service", Align::Left), column("ms", Align::Right)], rows })
}

#[test]
fn a_card_becomes_blocks() {
    let mut card = card(vec![
        Section::Text("1 of 6 services is <sick>".to_owned()),
        Section::Facts(vec![("database".to_owned(), "12 ms & 3/60".to_owned())]),
        table(vec![vec!["auth_service".to_owned(), "7".to_owned()]]),
        Section::Next(vec!["health auth_service".to_owned()]),
    ]);
    card.buttons =
        vec![Button { label: "Again".to_owned(), value: "again:1".to_owned(), style: ButtonStyle::Danger }];
    card.footer = Some("as of 12:00 UTC".to_owned());
    let blocks = rendered(card)["blocks"].clone();
    let lines: Vec<String> = blocks.as_array().unwrap().iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"text":{"emoji":false,"text":"🔴 Health","type":"plain_text"},"type":"header"}
    {"text":{"text":"1 of 6 services is &lt;sick&gt;","type":"mrkdwn","verbatim":true},"type":"section"}
    {"text":{"text":"*database*  12 ms &amp; 3/60","type":"mrkdwn","verbatim":true},"type":"section"}
    {"elements":[{"elements":[{"text":"service       ms\nauth_service   7","type":"text"}],"type":"rich_text_preformatted"}],"type":"rich_text"}
    {"text":{"text":"→ `/acgs health auth_service`","type":"mrkdwn","verbatim":true},"type":"section"}
    {"elements":[{"action_id":"button-0","style":"danger","text":{"emoji":false,"text":"Again","type":"plain_text"},"type":"button","value":"again:1"}],"type":"actions"}
    {"elements":[{"text":"as of 12:00 UTC","type":"mrkdwn","verbatim":true}],"type":"context"}
    "#);
}

#[test]
fn the_fallback_text_reads_like_the_card() {
    let text = rendered(card(vec![Section::Text("a < b".to_owned())]))["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "🔴 Health\na &lt; b");
}

#[test]
fn a_long_text_is_parted_and_nothing_of_it_is_lost() {
    let words: Vec<String> = (0..600).map(|number| format!("word{number}")).collect();
    let long = card(vec![Section::Text(words.join(" "))]);
    assert_eq!(overflow(&long), None);
    let value = rendered(long);
    let texts: String = value["blocks"].as_array().unwrap()[1..]
        .iter()
        .map(|block| block["text"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, words.join(" "));
}

#[test]
fn what_does_not_fit_is_in_the_file_whole() {
    let log: String = (0..1000).map(|number| format!("line {number} & <more>\n")).collect();
    let long = card(vec![Section::Code(log.clone()), Section::Text("the end".to_owned())]);
    let file = overflow(&long).unwrap();
    assert!(file.content.contains(log.trim_end()) && file.content.contains("the end"));
    assert!(file.content.starts_with("Health\n"));
}

#[test]
fn a_title_that_is_too_long_is_shown_whole_below() {
    let mut long = card(Vec::new());
    long.title = "x".repeat(200);
    let value = rendered(long);
    assert!(value["blocks"][0]["text"]["text"].as_str().unwrap().ends_with('…'));
    assert!(value["blocks"][1]["text"]["text"].as_str().unwrap().contains(&"x".repeat(200)));
}

#[test]
fn a_footer_that_is_no_small_print_and_buttons_beyond_the_room_are_not_lost() {
    let mut odd = card(Vec::new());
    odd.footer = Some("f".repeat(700));
    let button = |value: String| Button { label: "b".to_owned(), value, style: ButtonStyle::Plain };
    odd.buttons =
        (0..52).map(|number| button(number.to_string())).chain([button("v".repeat(2001))]).collect();
    assert_eq!(overflow(&odd), None);
    let shown = rendered(odd)["blocks"].to_string();
    assert!(shown.contains(&"f".repeat(700)));
    assert!(shown.contains("3 buttons do not fit and are left out."));
}

#[test]
fn code_can_not_close_its_block() {
    let value = rendered(card(vec![Section::Code("```\n<!channel>".to_owned())]));
    assert_eq!(value["blocks"][1]["elements"][0]["type"], "rich_text_preformatted");
    assert_eq!(value["blocks"][1]["elements"][0]["elements"][0]["text"], "```\n<!channel>");
}

/// Text with everything in it that Slack could take for more than text.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@U123ABC>".to_owned()),
        Just("<http://evil|ok>".to_owned()),
        Just("&lt;!here&gt;".to_owned()),
        Just("```".to_owned()),
        Just("\u{202e}\u{200b}\0".to_owned()),
        Just("*_~`>".to_owned()),
        Just("\n".to_owned()),
        Just("👩‍👩‍👧‍👦".to_owned()),
        "\\PC{0,20}",
        "[a-z &<>]{0,800}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_section() -> impl Strategy<Value = Section> {
    prop_oneof![
        hostile().prop_map(Section::Text),
        hostile().prop_map(Section::Code),
        proptest::collection::vec((hostile(), hostile()), 0..6).prop_map(Section::Facts),
        proptest::collection::vec(hostile(), 0..6).prop_map(Section::Next),
        proptest::collection::vec((hostile(), hostile()), 0..12)
            .prop_map(|rows| table(rows.into_iter().map(|(a, b)| vec![a, b]).collect())),
    ]
}

fn any_card() -> impl Strategy<Value = Card> {
    let style = prop_oneof![Just(ButtonStyle::Plain), Just(ButtonStyle::Primary), Just(ButtonStyle::Danger)];
    let button =
        (hostile(), hostile(), style).prop_map(|(label, value, style)| Button { label, value, style });
    let tone = prop_oneof![Just(Tone::Good), Just(Tone::Neutral), Just(Tone::Warning), Just(Tone::Bad)];
    (
        hostile(),
        tone,
        proptest::collection::vec(any_section(), 0..30),
        proptest::collection::vec(button, 0..300),
        proptest::option::of(hostile()),
    )
        .prop_map(|(title, tone, sections, buttons, footer)| Card {
            title,
            tone,
            sections,
            buttons,
            footer,
        })
}

fn utf16(text: &Value) -> usize {
    text.as_str().unwrap().encode_utf16().count()
}

/// Everything that Slack counts for `msg_blocks_too_long`.
fn all_text(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(all_text).sum(),
        Value::Object(fields) => {
            let own =
                fields.get("text").and_then(Value::as_str).map_or(0, |text| text.encode_utf16().count());
            own + fields.values().map(all_text).sum::<usize>()
        }
        _ => 0,
    }
}

/// Block Kit's limits, written down once more and independently.
fn breach(block: &Value) -> Option<String> {
    let within = |text: &Value, most| (1..=most).contains(&utf16(text));
    let elements = || block["elements"].as_array().unwrap();
    let fine = match block["type"].as_str().unwrap() {
        "header" => within(&block["text"]["text"], 150) && block["text"]["type"] == "plain_text",
        "section" => within(&block["text"]["text"], 3000) && harmless(&block["text"]),
        "context" => {
            (1..=10).contains(&elements().len())
                && elements().iter().all(|text| within(&text["text"], 3000) && harmless(text))
        }
        "actions" => {
            (1..=25).contains(&elements().len())
                && elements().iter().all(|button| {
                    within(&button["text"]["text"], 75)
                        && within(&button["value"], 2000)
                        && within(&button["action_id"], 255)
                })
        }
        "rich_text" => within(&block["elements"][0]["elements"][0]["text"], 3000),
        _ => false,
    };
    (!fine).then(|| block.to_string())
}

/// Slack sees markup only behind a `<`, and none of ours is meant.
fn harmless(text: &Value) -> bool {
    text["type"] == "mrkdwn" && text["verbatim"] == true && !text["text"].as_str().unwrap().contains('<')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_card_yields_valid_blocks_without_a_live_mention(card in any_card(), notice in hostile()) {
        let reply = Reply { visibility: Visibility::Public, card, file: None, picture: None, mentions: Vec::new() };
        let rendered = render(&reply, &[notice]);
        prop_assert!(rendered.blocks.len() <= 50, "{} blocks", rendered.blocks.len());
        let blocks = json!(rendered.blocks);
        for block in blocks.as_array().unwrap() {
            prop_assert_eq!(breach(block), None);
        }
        prop_assert!(!rendered.text.contains('<') && !rendered.text.trim().is_empty());
        prop_assert!(rendered.text.encode_utf16().count() <= 4000);
        let ids: Vec<_> = blocks.as_array().unwrap().iter().filter(|block| block["type"] == "actions")
            .flat_map(|block| block["elements"].as_array().unwrap()).map(|button| button["action_id"].to_string()).collect();
        let all: usize = blocks.as_array().unwrap().iter().map(all_text).sum();
        prop_assert!(all <= 11_000, "{} characters", all);
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        prop_assert_eq!(unique.len(), ids.len());
        prop_assert!(overflow(&reply.card).is_none_or(|file| !file.content.is_empty()));
    }
}
