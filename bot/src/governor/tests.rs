use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> RateKey {
    RateKey { key: name.to_owned(), burst: 3, every: SECOND }
}

fn ask(governor: &mut Governor, name: &str, lane: Lane, now: Instant) -> Permit {
    governor.ask(&[key(name)], lane, now)
}

#[test]
fn a_burst_passes_and_then_one_call_a_second() {
    let start = Instant::now();
    let mut governor = Governor::default();
    for _ in 0..3 {
        assert_eq!(ask(&mut governor, "a", Lane::Answer, start), Permit::Now);
    }
    assert_eq!(ask(&mut governor, "a", Lane::Page, start), Permit::After(SECOND));
    assert_eq!(ask(&mut governor, "b", Lane::Answer, start), Permit::Now, "keys do not share a bucket");
    assert_eq!(ask(&mut governor, "a", Lane::Page, start + SECOND), Permit::Now);
    assert_eq!(ask(&mut governor, "a", Lane::Page, start + SECOND), Permit::After(SECOND));
}

#[test]
fn put_off_answers_queue_behind_one_another_and_a_page_goes_first() {
    let start = Instant::now();
    let mut governor = Governor::default();
    for _ in 0..3 {
        ask(&mut governor, "a", Lane::Answer, start);
    }
    assert_eq!(ask(&mut governor, "a", Lane::Answer, start), Permit::After(SECOND));
    assert_eq!(ask(&mut governor, "a", Lane::Cosmetic, start), Permit::After(2 * SECOND));
    assert_eq!(ask(&mut governor, "a", Lane::Page, start), Permit::After(SECOND));
}

#[test]
fn an_answer_does_not_queue_behind_progress() {
    let start = Instant::now();
    let mut governor = Governor::default();
    for _ in 0..3 {
        ask(&mut governor, "a", Lane::Answer, start);
    }
    for place in 1..=5 {
        assert_eq!(ask(&mut governor, "a", Lane::Cosmetic, start), Permit::After(place * SECOND));
    }
    assert_eq!(ask(&mut governor, "a", Lane::Answer, start), Permit::After(SECOND));
    assert_eq!(ask(&mut governor, "a", Lane::Answer, start), Permit::After(2 * SECOND));
}

#[test]
fn a_429_is_obeyed_to_the_moment_and_no_longer() {
    let start = Instant::now();
    let mut governor = Governor::default();
    assert_eq!(ask(&mut governor, "a", Lane::Page, start), Permit::Now);
    governor.close(&key("a"), start + 7 * SECOND);
    let almost = start + 7 * SECOND - Duration::from_millis(1);
    assert_eq!(ask(&mut governor, "a", Lane::Page, almost), Permit::After(Duration::from_millis(1)));
    assert_eq!(ask(&mut governor, "b", Lane::Page, almost), Permit::Now);
    assert_eq!(ask(&mut governor, "a", Lane::Page, start + 7 * SECOND), Permit::Now);
}

#[test]
fn a_call_needs_all_of_its_keys_and_takes_from_none_before_it_has_them() {
    let start = Instant::now();
    let mut governor = Governor::default();
    let both = [key("channel"), key("whole bot")];
    governor.close(&key("whole bot"), start + SECOND);
    for _ in 0..9 {
        assert_ne!(governor.ask(&both, Lane::Page, start), Permit::Now);
    }
    assert_eq!(ask(&mut governor, "channel", Lane::Page, start), Permit::Now);
    assert_eq!(ask(&mut governor, "channel", Lane::Page, start), Permit::Now, "nothing was taken in vain");
    assert_eq!(governor.ask(&both, Lane::Page, start + SECOND), Permit::Now);
    assert_eq!(ask(&mut governor, "whole bot", Lane::Page, start + SECOND), Permit::Now);
    assert_eq!(ask(&mut governor, "whole bot", Lane::Page, start + SECOND), Permit::Now);
    assert_eq!(ask(&mut governor, "whole bot", Lane::Page, start + SECOND), Permit::After(SECOND));
}

#[test]
fn who_waits_for_one_key_stands_in_nobodys_way_on_another() {
    let start = Instant::now();
    let mut governor = Governor::default();
    governor.close(&key("file"), start + 60 * SECOND);
    let with_file = [key("channel"), key("file")];
    assert_eq!(governor.ask(&with_file, Lane::Answer, start), Permit::After(60 * SECOND));
    for _ in 0..3 {
        ask(&mut governor, "channel", Lane::Answer, start);
    }
    assert_eq!(ask(&mut governor, "channel", Lane::Answer, start), Permit::After(SECOND));
}

#[test]
fn a_spent_quota_closes_its_key_before_the_limit_is_overrun() {
    let start = Instant::now();
    let mut governor = Governor::default();
    let left = |remaining| Quota { limit: key("a"), remaining, reset_after: SECOND };
    governor.learn(&left(1), start);
    assert_eq!(ask(&mut governor, "a", Lane::Answer, start), Permit::Now);
    governor.learn(&left(0), start);
    assert_eq!(ask(&mut governor, "a", Lane::Page, start), Permit::After(SECOND));
}

#[test]
fn idle_keys_are_forgotten_and_closed_ones_are_not() {
    let start = Instant::now();
    let mut governor = Governor::default();
    ask(&mut governor, "a", Lane::Answer, start);
    governor.close(&key("b"), start + 9 * SECOND);
    governor.tidy(start + 5 * SECOND);
    assert_eq!(governor.keys.keys().collect::<Vec<_>>(), ["b"]);
}
