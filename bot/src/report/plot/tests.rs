use commands::traffic::{HIGH_ERROR_RATIO, Quantile, SLOW_SECONDS};
use jiff::SignedDuration;

use super::*;

fn at(seconds: i64) -> Timestamp {
    "2026-11-26T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn line(name: &str, number: impl Fn(f64) -> Option<f64>) -> Line {
    let points = (0..=120_i32).map(|index| (at(i64::from(index) * 30), number(f64::from(index)))).collect();
    Line { name: name.to_owned(), points }
}

fn history() -> History {
    let names =
        ["auth_service", "ac_service", "integrity_service", "fv_service", "gs_service", "pgc_service"];
    let lines = names.iter().zip(0..).map(|(name, index)| {
        line(name, move |at| {
            let gap = index == 2 && (40.0..60.0).contains(&at);
            let wave = ((at + f64::from(index) * 20.0) / 9.0).sin().abs();
            (!gap).then_some(0.05 + wave * 0.1 * f64::from(index + 1))
        })
    });
    let mark = |seconds, kind, name: &str| Mark { at: at(seconds), kind, name: name.to_owned() };
    let marks = vec![
        mark(900, MarkKind::Restart, "gs_service"),
        mark(2_000, MarkKind::Alert, "HighLatency gs_service"),
        mark(2_100, MarkKind::Restart, "gs_service"),
    ];
    History { from: at(0), until: at(3_600), lines: lines.collect(), marks }
}

/// Colours of a decoded picture with how many pixels each has.
fn pixels(png: &[u8]) -> (u32, u32, Vec<[u8; 3]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let pixels =
        bytes[..info.buffer_size()].chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    (info.width, info.height, pixels)
}

fn count(pixels: &[[u8; 3]], colour: RGBColor) -> usize {
    pixels.iter().filter(|pixel| **pixel == [colour.0, colour.1, colour.2]).count()
}

#[test]
fn everything_is_in_the_picture_and_it_is_small() {
    let course = Course::Latency(Quantile::P95);
    let history = history();
    let picture = plot(&course, &history, Some(SLOW_SECONDS)).unwrap().unwrap();
    assert_eq!(picture.name, "latency.png");
    assert!(picture.png.0.len() < 60_000, "{} bytes", picture.png.0.len());
    let (width, height, drawn) = pixels(&picture.png.0);
    assert_eq!((width, height), SIZE);
    for colour in &COLOURS[..6] {
        assert!(count(&drawn, *colour) > 400, "{colour:?}: {}", count(&drawn, *colour));
    }
    for colour in [LIMIT, RESTARTED, FIRED] {
        assert!(count(&drawn, colour) > 200, "{colour:?}: {}", count(&drawn, colour));
    }
    assert!(count(&drawn, BACKGROUND) > drawn.len() / 2);
    insta::assert_snapshot!(picture.alt, @"Time of answers (p95), Nov 26 02:00 to Nov 26 03:00 UTC: auth_service at most 150 ms, last 119 ms; ac_service at most 250 ms, last 80.4 ms; integrity_service at most 350 ms, last 313 ms; fv_service at most 450 ms, last 415 ms; gs_service at most 550 ms, last 165 ms; pgc_service at most 650 ms, last 431 ms. Restarts: 2, alerts: 1.");
}

#[test]
fn without_marks_and_limit_their_colours_are_not_there() {
    let history = History { marks: Vec::new(), ..history() };
    let picture = plot(&Course::Memory, &history, None).unwrap().unwrap();
    let (_, _, drawn) = pixels(&picture.png.0);
    for colour in [LIMIT, RESTARTED, FIRED] {
        assert_eq!(count(&drawn, colour), 0, "{colour:?}");
    }
}

#[test]
fn a_gap_is_not_bridged() {
    let only = |number: fn(f64) -> Option<f64>| History {
        lines: vec![line("a", number)],
        marks: Vec::new(),
        ..history()
    };
    let colour = |history: &History| {
        let picture = plot(&Course::Errors, history, Some(HIGH_ERROR_RATIO)).unwrap().unwrap();
        count(&pixels(&picture.png.0).2, COLOURS[0])
    };
    let whole = colour(&only(|_| Some(0.01)));
    let half = colour(&only(|at| (!(30.0..=90.0).contains(&at)).then_some(0.01)));
    assert!(half < whole * 2 / 3, "{half} of {whole}");
}

#[test]
fn no_number_makes_no_picture_and_odd_ones_make_one() {
    let of =
        |lines: Vec<Line>| plot(&Course::AuthFailures, &History { lines, ..history() }, Some(0.5)).unwrap();
    assert_eq!(of(Vec::new()), None);
    assert_eq!(of(vec![line("a", |_| None)]), None);
    for number in [0.0, 1e-12, 1e18, f64::MAX / 4.0] {
        let lines = vec![line("a", |_| Some(number)), line("b", move |at| (at == 7.0).then_some(number))];
        assert!(of(lines).is_some(), "{number}");
    }
    let hostile = "<@everyone> \u{202e}\u{1b}[31m".repeat(50);
    assert!(of(vec![line(&hostile, Some)]).is_some());
}

#[test]
fn times_on_the_axis_are_round() {
    let names = |long: i64| -> Vec<String> {
        let from = at(437);
        let until = from + SignedDuration::from_secs(long);
        let times = round_times(from.as_second(), until.as_second());
        times.into_iter().map(|time| stamp(Timestamp::from_second(time).unwrap(), long > 86_400)).collect()
    };
    assert_eq!(names(3_600), ["02:10", "02:20", "02:30", "02:40", "02:50", "03:00"]);
    assert_eq!(names(43_200), ["04:00", "06:00", "08:00", "10:00", "12:00", "14:00"]);
    assert_eq!(names(7 * 86_400), ["Nov 27 00:00", "Nov 29 00:00", "Dec 01 00:00", "Dec 03 00:00"]);
}

#[test]
fn numbers_are_as_short_as_a_scale_wants_them() {
    let short = [0.0, 0.05, 0.5, 1.0, 12.34, 123.4, 99_999.0].map(rounded);
    assert_eq!(short, ["0", "0.05", "0.5", "1", "12.3", "123", "99999"]);
}
