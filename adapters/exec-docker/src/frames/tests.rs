use super::*;

const TIME: &str = "2026-11-24T03:12:00.000000000Z";

fn framed(output: u8, payload: &str) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[output, 0, 0, 0], &length[..], payload.as_bytes()].concat()
}

/// The lines of `bytes`, fed in pieces of `step`.
fn lines(terminal: bool, bytes: &[u8], step: usize) -> Vec<LogLine> {
    let mut frames = Frames::new(terminal);
    let mut lines = Vec::new();
    for piece in bytes.chunks(step) {
        frames.feed(piece, &mut |line| lines.push(line)).unwrap();
    }
    frames.finish(&mut |line| lines.push(line));
    lines
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn the_two_outputs_are_told_apart_however_the_bytes_come() {
    let bytes = [
        framed(1, &format!("{TIME} one\n")),
        framed(2, &format!("{TIME} two, without an end")),
        framed(1, &format!("{TIME} three\n")),
        framed(2, ""),
        framed(2, &format!("{TIME} and its end\n")),
        framed(1, &format!("{TIME} last")),
    ]
    .concat();
    for step in [1, 2, 7, 8, 9, 1_000] {
        let lines = lines(false, &bytes, step);
        assert_eq!(
            texts(&lines),
            ["one", "three", "two, without an end and its end".replace(" and", "and").as_str(), "last"]
        );
        assert!(lines.iter().all(|line| line.at == TIME.parse().ok()), "{lines:?}");
    }
}

#[test]
fn a_terminal_has_no_frames() {
    let bytes = format!("{TIME} one\r\n{TIME} 10 %\r50 %\r100 %\r\n\x1b[31m{TIME} no end");
    let lines = lines(true, bytes.as_bytes(), 3);
    assert_eq!(texts(&lines)[..2], ["one", "100 %"]);
    assert!(lines[2].text.ends_with("no end") && !lines[2].text.contains('\x1b'), "{lines:?}");
}

#[test]
fn a_long_line_is_cut_and_its_inner_times_are_no_part_of_it() {
    let part = "x".repeat(16 << 10);
    let mut bytes: Vec<u8> = (0..64).flat_map(|_| framed(1, &format!("{TIME} {part}"))).collect();
    bytes.extend(framed(1, &format!("{TIME} end\n")));
    bytes.extend(framed(1, &format!("{TIME} next\n")));
    let lines = lines(false, &bytes, 1_000);
    assert_eq!(lines.len(), 2);
    let kept = LINE - STAMP;
    assert_eq!(lines[0].text, "x".repeat(kept));
    assert_eq!(lines[0].missing, (1 << 20) + 3 - u64::try_from(kept).unwrap());
    assert_eq!(lines[1].text, "next");
}

#[test]
fn a_terminal_that_never_ends_its_line_takes_no_memory() {
    let mut frames = Frames::new(true);
    let piece = vec![b'.'; 64 << 10];
    for _ in 0..1_000 {
        frames.feed(&piece, &mut |_| panic!("no line has ended")).unwrap();
    }
    assert!(frames.open[0].kept.capacity() <= 2 * LINE);
    let mut seen = 0;
    frames.finish(&mut |line| seen += line.missing);
    assert_eq!(seen, 1_000 * (64 << 10) - u64::try_from(LINE).unwrap());
}

#[test]
fn bytes_that_are_no_text_are_made_one() {
    let mut bytes = framed(1, "");
    let payload = [TIME.as_bytes(), b" \x1b[1;31mred\x1b[0m \xff\x00\x07 \xe2\x80\xae end\n"].concat();
    bytes.extend([1, 0, 0, 0, 0, 0, 0, u8::try_from(payload.len()).unwrap()]);
    bytes.extend(payload);
    let text = lines(false, &bytes, 5).remove(0).text;
    assert!(text.starts_with("red ") && text.ends_with(" end"), "{text:?}");
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
}

#[test]
fn what_is_no_log_is_refused() {
    for bytes in [&b"<html></html>"[..], &[7, 0, 0, 0, 0, 0, 0, 1, b'x'], &[1, 0, 9, 0, 0, 0, 0, 1, b'x']] {
        assert!(Frames::new(false).feed(bytes, &mut |_| {}).is_err(), "{bytes:?}");
    }
    let failed = framed(3, "error from daemon");
    assert!(Frames::new(false).feed(&failed, &mut |_| {}).is_err());
}
