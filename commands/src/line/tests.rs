use proptest::prelude::*;

use super::*;

#[test]
fn what_phones_make_of_a_line_is_read_as_it_was_meant() {
    let table: [(&str, &[&str]); 24] = [
        ("health auth_service", &["health", "auth_service"]),
        ("/acgs health", &["health"]),
        ("/ACGS  health", &["health"]),
        ("/acgshealth", &["/acgshealth"]),
        ("/acgs", &[]),
        ("health —wait 60", &["health", "--wait", "60"]),
        ("health –wait 60", &["health", "--wait", "60"]),
        ("—wait", &["--wait"]),
        ("note 5 — 6", &["note", "5", "—", "6"]),
        ("note 'why —because'", &["note", "why —because"]),
        ("auth\u{2011}service", &["auth-service"]),
        ("note “two words”", &["note", "two words"]),
        ("note „zwei Worte“", &["note", "zwei Worte"]),
        ("note «deux mots»", &["note", "deux mots"]),
        ("note ‘two words’", &["note", "two words"]),
        ("note don’t panic", &["note", "don’t", "panic"]),
        ("note \"don’t panic\"", &["note", "don’t panic"]),
        ("health\u{a0}auth_service", &["health", "auth_service"]),
        ("health\u{3000}gs\tx", &["health", "gs", "x"]),
        ("note #1 on'#'fire \\#2", &["note", "#1", "on#fire", "#2"]),
        ("note a\\ b \"c \\\" d\" 'e\"'", &["note", "a b", "c \" d", "e\""]),
        ("note \"\" ''", &["note", "", ""]),
        ("note ✔️ 日本", &["note", "✔️", "日本"]),
        ("  health\r\n", &["health"]),
    ];
    for (line, words) in table {
        assert_eq!(split(line).unwrap(), words, "{line:?}");
    }
}

#[test]
fn what_a_reader_could_not_see_is_refused() {
    let table = [
        ("a \u{7}", LineError::Control('\u{7}')),
        ("a \u{7f}b", LineError::Control('\u{7f}')),
        ("a\nb", LineError::SeveralLines),
        ("a\u{2028}b", LineError::SeveralLines),
        ("a \u{feff}b", LineError::Invisible('\u{feff}')),
        ("a \u{200d}b", LineError::Invisible('\u{200d}')),
        ("a \u{2066}b", LineError::Invisible('\u{2066}')),
        ("a \u{ad}b", LineError::Invisible('\u{ad}')),
        ("'a", LineError::OpenQuote),
        ("a\\", LineError::OpenQuote),
        ("“a", LineError::OpenQuote),
    ];
    for (line, error) in table {
        assert_eq!(split(line), Err(error), "{line:?}");
        if error != LineError::OpenQuote {
            assert_eq!(plain_words(&[line.to_owned()]), Err(error), "{line:?}");
        }
    }
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    assert!(split(&"a".repeat(MAX_BYTES)).is_ok());
    assert_eq!(split(&"a".repeat(MAX_BYTES + 1)), Err(LineError::TooLong { bytes: 4_001 }));
    assert_eq!(split(&"a ".repeat(MAX_WORDS)).unwrap().len(), MAX_WORDS);
    assert_eq!(split(&"a ".repeat(MAX_WORDS + 1)), Err(LineError::TooManyWords { words: 101 }));
    let words = |count: usize, bytes: usize| vec!["a".repeat(bytes); count];
    assert_eq!(plain_words(&words(101, 1)), Err(LineError::TooManyWords { words: 101 }));
    assert_eq!(plain_words(&words(2, 2_000)), Err(LineError::TooLong { bytes: 4_002 }));
}

proptest! {
    #[test]
    fn joined_words_split_into_themselves(
        words in prop::collection::vec("[ -~äß’—–“‘日\u{a0}✔️]{0,12}", 0..8)
    ) {
        let plain = plain_words(&words).unwrap();
        // The name of the bot is no word of a command.
        prop_assume!(plain.first().is_none_or(|word| !word.eq_ignore_ascii_case(NAME)));
        prop_assert_eq!(split(&join(plain.iter().map(String::as_str))).unwrap(), plain);
    }

    #[test]
    fn no_line_makes_it_panic(line in ".{0,200}") {
        let _ = split(&line);
        let _ = plain_words(&[line]);
    }
}
