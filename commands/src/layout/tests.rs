use proptest::prelude::*;

use super::*;
use crate::card::Column;

fn table(columns: &[(&str, Align)], rows: &[&[&str]]) -> Table {
    Table {
        columns: columns
            .iter()
            .map(|(heading, align)| Column { heading: (*heading).to_owned(), align: *align })
            .collect(),
        rows: rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect(),
    }
}

#[test]
fn columns_line_up() {
    let table = table(
        &[("SERVICE", Align::Left), ("CODE", Align::Right), ("STATE", Align::Left)],
        &[&["auth_service", "200", "running"], &["日本", "-", "paused"], &["ac", "503", ""]],
    );
    insta::assert_snapshot!(table.to_text(PHONE), @r"
    SERVICE       CODE  STATE
    auth_service   200  running
    日本             -  paused
    ac             503
    ");
}

#[test]
fn a_wide_table_loses_words_and_never_numbers() {
    let table = table(
        &[("SERVICE", Align::Left), ("LATENCY", Align::Right), ("WHAT", Align::Left)],
        &[
            &["integrity_service_number_one", "12345 ms", "the answer was no JSON\nbut\ta page"],
            &["gs", "3 ms", "ok"],
        ],
    );
    insta::assert_snapshot!(table.to_text(PHONE), @r"
    SERVICE            LATENCY  WHAT
    integrity_servi…  12345 ms  the answer was …
    gs                    3 ms  ok
    ");
    insta::assert_snapshot!(table.to_text(10), @r"
    SERVI…   LATENCY  WHAT
    integ…  12345 ms  the a…
    gs          3 ms  ok
    ");
}

#[test]
fn a_table_of_nothing_is_nothing() {
    assert_eq!(table(&[], &[]).to_text(PHONE), "");
    assert_eq!(table(&[("A", Align::Left)], &[]).to_text(PHONE), "A");
}

#[test]
fn short_counts_characters_as_people_do() {
    let table = [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("", 3, ""),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5, "👨‍👩‍👧‍👦…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ("日本語", 3, "日本語"),
        ("ab", 1, "…"),
    ];
    for (text, most, expected) in table {
        assert_eq!(short(text, most), expected, "{text:?}");
    }
    let zalgo = format!("a{}", "\u{301}".repeat(100_000));
    assert_eq!(short(&zalgo, 40), "…");
}

#[test]
fn times_are_in_one_or_two_units() {
    let table = [
        (0, "0 ms"),
        (400, "<1 ms"),
        (12_900, "12 ms"),
        (999_999, "999 ms"),
        (1_000_000, "1.0 s"),
        (3_049_000, "3.0 s"),
        (59_999_999, "59.9 s"),
        (60_000_000, "1 min"),
        (303_000_000, "5 min 3 s"),
        (7_500_000_000, "2 h 5 min"),
        (86_400_000_000, "1 d"),
        (273_600_000_000, "3 d 4 h"),
    ];
    for (micros, expected) in table {
        assert_eq!(duration(Duration::from_micros(micros)), expected);
    }
}

#[test]
fn ago_does_not_speak_of_the_future() {
    let now: Timestamp = "2024-05-01T12:00:00Z".parse().unwrap();
    let table =
        [(0, "just now"), (5, "5 s ago"), (65, "1 min 5 s ago"), (7_500, "2 h 5 min ago"), (-30, "just now")];
    for (seconds, expected) in table {
        assert_eq!(ago(now - jiff::SignedDuration::from_secs(seconds), now), expected);
    }
}

proptest! {
    #[test]
    fn short_is_short(text in "\\PC{0,80}", most in 1usize..20) {
        let short = short(&text, most);
        prop_assert!(short.graphemes(true).count() <= most);
        prop_assert!(short.len() <= most * BYTES_A_CHARACTER + '…'.len_utf8());
        prop_assert!(short == text || text.starts_with(short.strip_suffix('…').unwrap()));
    }

    #[test]
    fn a_table_has_a_line_a_row_and_fits(
        cells in prop::collection::vec(("\\PC{0,30}|[a-z\n\t]{0,30}", "[0-9]{0,5}"), 0..6), width in 20usize..60
    ) {
        let rows: Vec<Vec<String>> = cells.into_iter().map(|(word, number)| vec![word, number]).collect();
        let table = Table {
            columns: table(&[("WORD", Align::Left), ("N", Align::Right)], &[]).columns,
            rows: rows.clone(),
        };
        let text = table.to_text(width);
        prop_assert_eq!(text.split('\n').count(), rows.len() + 1);
        for line in text.split('\n') {
            prop_assert!(line.width() <= width, "{:?} is wider than {}", line, width);
        }
    }
}
