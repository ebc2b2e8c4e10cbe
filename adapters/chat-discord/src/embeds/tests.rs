use commands::card::{Align, Column, Table};
use commands::message::{Png, Visibility};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn card(sections: Vec<Section>) -> Card {
    Card { title: "Health".to_owned(), tone: Tone::Bad, sections, buttons: Vec::new(), footer: None }
}

fn reply(card: Card) -> Reply {
    Reply { visibility: Visibility::Public, card, file: None, picture: None, mentions: Vec::new() }
}

fn shaped(card: Card) -> (Value, Vec<Attached>) {
    let rendered = render(&reply(card));
    (json!({"embeds": rendered.embeds, "components": rendered.rows}), rendered.files)
}

fn descriptions(shape: &Value) -> String {
    let embeds = shape["embeds"].as_array().expect("a list");
    embeds.iter().filter_map(|embed| embed["description"].as_str()).collect::<Vec<_>>().join("\n")
}

fn table(rows: Vec<Vec<String>>) -> Section {
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    Section::Table(Table { columns: vec![column("service", Align::Left), column("ms", Align::Right)], rows })
}

#[test]
fn a_card_becomes_an_embed_and_buttons() {
    let mut card = card(vec![
        Section::Text("1 of 6 services is *sick*".to_owned()),
        Section::Facts(vec![
            ("database".to_owned(), "12 ms".to_owned()),
            ("seats".to_owned(), "3/60".to_owned()),
        ]),
        table(vec![vec!["auth_service".to_owned(), "7".to_owned()]]),
        Section::Code("panic: `x`\n```".to_owned()),
        Section::Next(vec!["health auth_service".to_owned()]),
    ]);
    card.buttons = vec![Button {
        label: "Again".to_owned(),
        value: "line health".to_owned(),
        style: ButtonStyle::Danger,
    }];
    card.footer = Some("as of 12:00 UTC".to_owned());
    let (shape, files) = shaped(card);
    assert!(files.is_empty());
    assert_eq!(shape["embeds"][0]["title"], "🔴 Health");
    assert_eq!(shape["embeds"][0]["color"], 0x00ed_4245);
    assert_eq!(shape["embeds"][0]["footer"], json!({"text": "as of 12:00 UTC"}));
    assert_eq!(
        shape["components"],
        json!([{"type": 1, "components": [
            {"type": 2, "custom_id": "line health", "style": 4, "label": "Again", "disabled": false},
        ]}])
    );
    insta::assert_snapshot!(descriptions(&shape), @"
    1 of 6 services is \\*sick\\*

    **database** 12 ms
    **seats** 3/60

    ```
    service       ms
    auth_service   7
    ```

    ```
    panic: `x`
    ˋˋˋ
    ```

    → `/acgs health auth_service`
    ");
}

#[test]
fn a_long_text_is_parted_and_nothing_of_it_is_lost() {
    let words: Vec<String> = (0..700).map(|number| format!("word{number}")).collect();
    let (shape, files) = shaped(card(vec![Section::Text(words.join(" "))]));
    assert!(files.is_empty());
    assert_eq!(shape["embeds"].as_array().map(Vec::len), Some(2));
    let shown = descriptions(&shape);
    assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), words);
}

#[test]
fn what_does_not_fit_is_in_the_file_whole_and_the_message_says_so() {
    let log: String = (0..2000).map(|number| format!("line {number} <@7>\n")).collect();
    let (shape, files) = shaped(card(vec![Section::Code(log.clone()), Section::Text("the end".to_owned())]));
    let shown = descriptions(&shape);
    assert!(shown.starts_with("```\nline 0"), "{shown}");
    assert!(shown.len() < 2500, "a beginning only");
    assert!(shown.ends_with("This does not fit: the whole answer is in the file answer.txt."), "{shown}");
    assert_eq!(files.len(), 1);
    assert!(String::from_utf8_lossy(&files[0].content).contains(log.trim_end()));
    assert!(String::from_utf8_lossy(&files[0].content).contains("the end"));
}

#[test]
fn a_long_title_and_footer_are_shortened_above_and_whole_below() {
    let mut long = card(Vec::new());
    long.title = "title ".repeat(100);
    long.footer = Some("footer ".repeat(400));
    let (shape, _) = shaped(long);
    let shown = descriptions(&shape);
    assert!(shown.contains("title ".repeat(99).trim()), "{shown}");
    assert!(shown.contains("footer ".repeat(100).trim()), "{shown}");
    assert!(shape["embeds"][0]["title"].as_str().is_some_and(|title| title.ends_with('…')));
}

#[test]
fn a_button_that_discord_would_refuse_is_left_out_and_that_is_said() {
    let button = |value: String| Button { label: String::new(), value, style: ButtonStyle::Plain };
    let mut many = card(Vec::new());
    many.buttons = (0..26).map(|number| button(format!("b{number}"))).collect();
    many.buttons.extend([button("x".repeat(101)), button(String::new()), button("b0".to_owned())]);
    let (shape, _) = shaped(many);
    let rows = shape["components"].as_array().expect("rows");
    assert_eq!(
        rows.iter().map(|row| row["components"].as_array().map_or(0, Vec::len)).collect::<Vec<_>>(),
        [5; 5]
    );
    assert!(descriptions(&shape).contains("4 buttons can't be shown"), "{shape}");
}

#[test]
fn the_file_of_a_reply_keeps_its_content_and_gets_a_harmless_name() {
    let mut with_file = reply(card(Vec::new()));
    with_file.file = Some(TextFile { name: "../../etc/\"passwd\".txt".to_owned(), content: String::new() });
    let files = render(&with_file).files;
    assert_eq!(files, [Attached { name: "etcpasswd.txt".to_owned(), content: b"\n".to_vec(), alt: None }]);
    with_file.file = Some(TextFile { name: "log.txt".to_owned(), content: "ä".repeat(FILE) });
    let rendered = render(&with_file);
    assert!(rendered.files[0].content.len() <= FILE);
    let shown = descriptions(&json!({"embeds": rendered.embeds}));
    assert!(shown.contains("log.txt ends after 8 MiB"), "{shown}");
}

#[test]
fn a_picture_stands_below_the_text_and_says_what_it_shows() {
    let mut pictured = reply(card(vec![Section::Text("text".to_owned())]));
    let png = b"\x89PNG not really".to_vec();
    let alt = "a line \u{202e}".repeat(400);
    pictured.picture = Some(Picture { name: "errors.png".to_owned(), alt, png: Png(png.clone()) });
    pictured.file = Some(TextFile { name: "a.txt".to_owned(), content: "a".to_owned() });
    let rendered = render(&pictured);
    let shape = json!({"embeds": rendered.embeds});
    let last = shape["embeds"].as_array().unwrap().last().unwrap();
    assert_eq!(last["image"]["url"], "attachment://errors.png");
    let [text, picture] = &rendered.files[..] else { panic!("{:?}", rendered.files) };
    assert_eq!((text.name.as_str(), text.alt.as_deref()), ("a.txt", None));
    assert_eq!((picture.name.as_str(), &picture.content), ("errors.png", &png));
    let alt = picture.alt.as_deref().unwrap();
    assert!(alt.starts_with("a line") && !alt.contains('\u{202e}') && length(alt) <= ALT, "{alt}");
}

/// A text as hostile as chat gets.
fn text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("@everyone".to_owned()),
        Just("<@7>".to_owned()),
        Just("<@&7>".to_owned()),
        Just("<#7>".to_owned()),
        Just("```".to_owned()),
        Just("`".to_owned()),
        Just("\n".to_owned()),
        Just("[a](https://b)".to_owned()),
        Just("😀\u{202e}\u{0}".to_owned()),
        "\\PC{0,40}",
        "[a-z @<>`*_#|~\\\\-]{0,400}",
    ];
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

fn section() -> impl Strategy<Value = Section> {
    prop_oneof![
        text().prop_map(Section::Text),
        prop::collection::vec((text(), text()), 0..6).prop_map(Section::Facts),
        prop::collection::vec((text(), text()), 0..30)
            .prop_map(|rows| table(rows.into_iter().map(|(a, b)| vec![a, b]).collect())),
        text().prop_map(Section::Code),
        prop::collection::vec(text(), 0..6).prop_map(Section::Next),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let button =
        (text(), text()).prop_map(|(label, value)| Button { label, value, style: ButtonStyle::Primary });
    let file = (text(), text()).prop_map(|(name, content)| TextFile { name, content });
    let picture = (text(), text()).prop_map(|(name, alt)| Picture { name, alt, png: Png(vec![0x89]) });
    let parts = (
        text(),
        prop::collection::vec(section(), 0..10),
        prop::collection::vec(button, 0..8),
        prop::option::of(text()),
        prop::option::of(file),
        prop::option::of(picture),
    );
    parts.prop_map(|(title, sections, buttons, footer, file, picture)| Reply {
        visibility: Visibility::Public,
        card: Card { title, tone: Tone::Warning, sections, buttons, footer },
        file,
        picture,
        mentions: Vec::new(),
    })
}

/// Descriptions without what stands in code, where nothing is live.
fn outside_code(markdown: &str) -> String {
    let outside = markdown.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    // Next lines are inline code; an escaped backtick is none.
    let lines = outside.lines().filter(|line| !line.starts_with("→ `"));
    lines.collect::<Vec<_>>().join("\n")
}

fn has_live_mention(markdown: &str) -> bool {
    let text = outside_code(markdown);
    let angle = text.match_indices('<').any(|(at, _)| {
        let escapes = text[..at].chars().rev().take_while(|c| *c == '\\').count();
        escapes % 2 == 0
    });
    angle || text.contains("@everyone") || text.contains("@here")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_card_is_within_discords_limits_and_mentions_nobody(reply in any_reply()) {
        let rendered = render(&reply);
        let shape = json!({"embeds": rendered.embeds, "components": rendered.rows});
        let embeds = shape["embeds"].as_array().expect("a list");
        let size = |value: &Value| value.as_str().map_or(0, length);
        let mut total = 0;
        prop_assert!((1..=10).contains(&embeds.len()));
        for embed in embeds {
            let parts = [(&embed["title"], TITLE), (&embed["description"], DESCRIPTION), (&embed["footer"]["text"], FOOTER)];
            for (part, most) in parts {
                total += size(part);
                prop_assert!(size(part) <= most, "{part}");
                prop_assert!(part.is_null() || !part.as_str().unwrap_or_default().trim().is_empty());
            }
            for part in [&embed["title"], &embed["description"]] {
                prop_assert!(!has_live_mention(part.as_str().unwrap_or_default()), "{part}");
            }
        }
        prop_assert!(total <= ALL_TEXT, "{total}");
        let rows = shape["components"].as_array().expect("a list");
        prop_assert!(rows.len() <= 5);
        let mut values = std::collections::BTreeSet::new();
        for button in rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten()) {
            prop_assert!((1..=BUTTON_VALUE).contains(&size(&button["custom_id"])));
            prop_assert!((1..=BUTTON_LABEL).contains(&size(&button["label"])));
            prop_assert!(values.insert(button["custom_id"].to_string()));
        }
        prop_assert!(rendered.files.iter().all(|file| !file.content.is_empty() && !file.name.is_empty()));
    }
}
