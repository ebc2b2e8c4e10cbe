use proptest::prelude::*;

use super::*;
use crate::containers::UsageOrder;
use crate::database::SlowBy;
use crate::escalation::Duty;
use crate::ids::RunId;
use crate::incident::{IncidentNumber, Severity};
use crate::intent::{AUDIT_ROWS_DEFAULT, AlertAsk, Maintenance, limits};
use crate::intent::{
    Auth, Backup, Db, Deploy, How, IncidentAsk, Oncall, RunbookAsk, Secrets, Security, Stack, Which, Words,
};
use crate::logs::Level;
use crate::oncall::{Rung, Who};
use crate::period::Period;
use crate::secrets::Rotated;
use crate::traffic::Quantile;
use crate::tree::{CommandKind, OptionKind};

const SERVICES: [&str; 6] =
    ["auth_service", "ac_service", "integrity_service", "fv_service", "gs_service", "pgc_service"];

pub(crate) fn grammar() -> Grammar {
    Grammar::new(SERVICES.iter().map(|name| name.parse().unwrap()).collect())
}

fn health(service: Option<&str>, wait: Option<u16>) -> Intent {
    Intent::Health {
        service: service.map(|name| name.parse().unwrap()),
        wait,
        watch: None,
        deep: false,
        public: false,
    }
}

fn help(topic: &[&str]) -> Intent {
    Intent::Help { topic: topic.iter().map(|word| (*word).to_owned()).collect() }
}

fn audit(last: u16, person: Option<&str>, run: Option<&str>) -> Intent {
    Intent::Audit { last, person: person.map(str::to_owned), run: run.map(|run| run.parse().unwrap()) }
}

#[test]
fn lines_mean_what_people_mean() {
    let table = [
        ("health", health(None, None)),
        ("/acgs health", health(None, None)),
        ("  Health  ", health(None, None)),
        ("health auth_service", health(Some("auth_service"), None)),
        ("health Auth_Service", health(Some("auth_service"), None)),
        ("health auth_service --wait 60", health(Some("auth_service"), Some(60))),
        ("health —wait 60 auth_service", health(Some("auth_service"), Some(60))),
        ("health --wait=300", health(None, Some(300))),
        ("health “auth_service”", health(Some("auth_service"), None)),
        ("health\u{a0}gs_service", health(Some("gs_service"), None)),
        ("health -- gs_service", health(Some("gs_service"), None)),
        ("", help(&[])),
        (" \n", help(&[])),
        ("/acgs", help(&[])),
        ("help", help(&[])),
        ("--help", help(&[])),
        ("-h", help(&[])),
        ("HELP Health", help(&["health"])),
        ("help 'health'", help(&["health"])),
        ("health auth_service --help", help(&["health"])),
        ("audit", audit(AUDIT_ROWS_DEFAULT, None, None)),
        ("audit --last 5 --person alice", audit(5, Some("alice"), None)),
        ("audit --run 00C0FFEE1234", audit(AUDIT_ROWS_DEFAULT, None, Some("00c0ffee1234"))),
    ];
    let grammar = grammar();
    for (line, meant) in table {
        assert_eq!(grammar.parse(line), Ok(meant), "{line:?}");
    }
}

#[test]
fn a_watch_needs_a_service_and_stands_alone() {
    let grammar = grammar();
    assert!(
        grammar.parse("health ac_service --watch 1m").is_ok()
            && grammar.parse("health ac_service --watch 1h").is_ok()
    );
    let refused = |line: &str| grammar.parse(line).unwrap_err().to_string();
    insta::assert_snapshot!(refused("health --watch 15m"), @"health needs SERVICE. Type help health to see how it is used.");
    insta::assert_snapshot!(refused("health ac_service --watch 59s"), @r#""59s" does not fit --watch: it takes a length of time from 1m to 1h, such as 15m or 2h."#);
    insta::assert_snapshot!(refused("health ac_service --watch 61m"), @r#""61m" does not fit --watch: it takes a length of time from 1m to 1h, such as 15m or 2h."#);
    insta::assert_snapshot!(refused("health ac_service --watch 15m --wait 60"), @"--watch and --wait do not go together: keep one of them.");
    insta::assert_snapshot!(refused("health --deep --watch 15m"), @"--deep and --watch do not go together: keep one of them.");
    insta::assert_snapshot!(refused("health --public --watch 15m"), @"--public and --watch do not go together: keep one of them.");
}

#[test]
fn the_terminal_has_the_same_grammar_without_the_splitting() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let grammar = grammar();
    assert_eq!(grammar.parse_words(&[]), Ok(help(&[])));
    assert_eq!(
        grammar.parse_words(&words(&["audit", "--person", "it's me"])),
        Ok(audit(AUDIT_ROWS_DEFAULT, Some("it's me"), None))
    );
    assert!(grammar.parse_words(&words(&["health auth_service"])).is_err());
}

#[test]
fn a_grammar_keeps_nothing_of_the_lines_before() {
    let grammar = grammar();
    for _ in 0..3 {
        assert_eq!(grammar.parse("health auth_service --wait 7"), Ok(health(Some("auth_service"), Some(7))));
        assert!(grammar.parse("health nothing").is_err());
        assert_eq!(grammar.parse("health"), Ok(health(None, None)));
    }
}

#[test]
fn a_grammar_is_shared_between_threads() {
    const fn shared<T: Send + Sync>() {}
    const { shared::<Grammar>() };
}

#[test]
fn every_command_has_a_risk_and_a_role_of_its_own() {
    let grammar = grammar();
    let leaves: Vec<_> = grammar.tree().leaves().into_iter().map(|(words, _)| words).collect();
    let verbs: Vec<_> = Verb::ALL.iter().map(|verb| verb.as_str().to_owned()).collect();
    assert_eq!(leaves, verbs);
}

#[test]
fn every_example_is_a_line_of_its_own_command() {
    let grammar = grammar();
    for (words, leaf) in grammar.tree().leaves() {
        let CommandKind::Leaf { examples, .. } = &leaf.kind else { panic!("{words} is a group") };
        assert!(!examples.is_empty(), "{words} has no example");
        for example in examples {
            let intent = grammar.parse(example).unwrap();
            assert_eq!(intent.verb(), words, "{example}");
            assert_eq!(&intent.to_string(), example, "an example is written in the canonical way");
        }
    }
}

#[test]
fn every_number_takes_exactly_what_the_tree_says() {
    let grammar = grammar();
    let mut numbers = 0;
    for (words, leaf) in grammar.tree().leaves() {
        for option in leaf.options() {
            let OptionKind::Integer { min, max } = option.kind else { continue };
            numbers += 1;
            assert_eq!(limits(&option.name), min..=max);
            let mut others = leaf.options().iter().filter(|other| other.name != option.name);
            let required = others.any(|option| option.required && option.positional);
            let words = if required { format!("{words} auth_service") } else { words.clone() };
            let named = if option.positional { String::new() } else { format!("--{} ", option.name) };
            let takes = |value: i64| grammar.parse(&format!("{words} {named}{value}")).is_ok();
            assert_eq!(
                [min - 1, min, max, max + 1].map(takes),
                [false, true, true, false],
                "{}",
                option.name
            );
        }
    }
    assert!(numbers >= 3);
}

fn person() -> impl Strategy<Value = String> {
    // What a typed line can hold: printable ASCII with every quoting character, and a few letters beyond.
    "[ -~äß’—“日]{1,24}".prop_filter_map("not a typed word", |text| {
        line::plain_words(&[text]).ok().and_then(|mut words| words.pop())
    })
}

fn logs() -> impl Strategy<Value = Intent> {
    let service = prop::sample::select(SERVICES.to_vec());
    let since = prop::option::of((1u32..=2_592_000).prop_map(Period::seconds));
    let grep = prop::option::of(person().prop_filter_map("no text to look for", |text| text.parse().ok()));
    let level = prop::option::of(prop::sample::select(Level::ALL.to_vec()));
    (service, 1u16..=10_000, since, grep, level).prop_map(|(service, tail, since, grep, level)| {
        Intent::Logs { service: service.parse().unwrap(), tail, since, grep, level }
    })
}

fn stats() -> impl Strategy<Value = Intent> {
    let service = prop::option::of(prop::sample::select(SERVICES.to_vec()));
    let sort = prop::sample::select(vec![UsageOrder::Cpu, UsageOrder::Memory]);
    let trend = prop::option::of((600u32..=604_800).prop_map(Period::seconds));
    (service, sort, trend).prop_map(|(service, sort, trend)| Intent::Stats {
        service: service.map(|name| name.parse().unwrap()),
        sort: if trend.is_none() { sort } else { UsageOrder::Cpu },
        trend,
    })
}

fn how() -> impl Strategy<Value = How> {
    let reason = "[a-zß—][ -~äß]{20,60}".prop_filter_map("no reason", |text| text.parse().ok());
    prop_oneof![
        any::<bool>().prop_map(|dry_run| How { dry_run, break_glass: None }),
        reason.prop_map(|reason| How { dry_run: false, break_glass: Some(reason) }),
    ]
}

/// Commands that act, and those around them.
fn acting() -> impl Strategy<Value = Intent> {
    prop_oneof![
        (service(), how()).prop_map(|(service, how)| Intent::Restart { service, how }),
        (1u32..=4_194_304, how()).prop_map(|(pid, how)| Intent::Db(Db::Cancel { pid, how })),
        (1u32..=4_194_304, how()).prop_map(|(pid, how)| Intent::Db(Db::Kill { pid, how })),
        (any::<bool>(), how()).prop_map(|(files, how)| Intent::Backup(Backup::Create { files, how })),
        how().prop_map(|how| Intent::Backup(Backup::Archive { how })),
        (prop::option::of("[a-z0-9_]{1,9}"), how()).prop_map(|(archive, how)| {
            Intent::Backup(Backup::Drill { archive: archive.map(|name| name.try_into().unwrap()), how })
        }),
        (prop::option::of("[a-z_][a-z0-9_.]{0,9}"), how())
            .prop_map(|(table, how)| Intent::Db(Db::Vacuum { table, how })),
        (prop::option::of("[a-z_][a-z0-9_.]{0,9}"), how())
            .prop_map(|(table, how)| Intent::Db(Db::Analyze { table, how })),
        ("[a-z_][a-z0-9_]{0,9}", how()).prop_map(|(name, how)| Intent::Db(Db::IndexCreate { name, how })),
        (service(), how()).prop_map(|(service, how)| Intent::Db(Db::PoolReset { service, how })),
        how().prop_map(|how| Intent::Db(Db::Migrate { check: false, how })),
        (any::<u32>(), 0u8..=32, (60u32..=2_592_000).prop_map(Period::seconds), how()).prop_map(
            |(address, prefix, length, how)| {
                let network = format!("{}/{prefix}", std::net::Ipv4Addr::from(address)).parse().unwrap();
                Intent::Security(Security::Block { network, length, how })
            }
        ),
        (any::<u128>(), how()).prop_map(|(address, how)| {
            let network = std::net::Ipv6Addr::from(address).to_string().parse().unwrap();
            Intent::Security(Security::Unblock { network, how })
        }),
        Just(Intent::Security(Security::Blocks)),
        Just(Intent::Db(Db::Migrate { check: true, how: How::default() })),
        (prop::option::of("[a-z0-9_]{1,9}[.]dump"), how()).prop_map(|(archive, how)| {
            let undo = archive.is_none();
            let archive = archive.map(|name| name.try_into().unwrap());
            Intent::Backup(Backup::Restore { archive, undo, how })
        }),
        "[a-z0-9_]{1,9}(/[a-z0-9_]{1,9}[.]dump)?"
            .prop_map(|name| Intent::Backup(Backup::Verify { archive: name.try_into().unwrap() })),
        (words(), prop::option::of((60u32..=604_800).prop_map(Period::seconds)))
            .prop_map(|(why, length)| Intent::Stack(Stack::Freeze { why, length })),
        Just(Intent::Stack(Stack::Unfreeze)),
        (any::<bool>(), how()).prop_map(|(database, how)| Intent::Stack(Stack::Restart { database, how })),
        (any::<bool>(), how()).prop_map(|(all, how)| Intent::Stack(Stack::Stop { all, how })),
        how().prop_map(|how| Intent::Stack(Stack::Start { how })),
        how().prop_map(|how| Intent::Stack(Stack::Cleanup { how })),
        (service(), 1u16..=20, how()).prop_map(|(service, count, how)| Intent::Stack(Stack::Scale {
            service,
            count,
            how
        })),
        (service(), (60u32..=86_400).prop_map(Period::seconds), words()).prop_map(
            |(service, length, why)| { Intent::Maintenance(Maintenance::Start { service, length, why }) }
        ),
        prop::option::of(service()).prop_map(|service| Intent::Maintenance(Maintenance::End { service })),
        (service(), "[0-9a-f]{7,40}", how()).prop_map(|(service, commit, how)| {
            Intent::Deploy(Deploy::Run { service, commit: commit.parse().unwrap(), how })
        }),
        (service(), how()).prop_map(|(service, how)| Intent::Deploy(Deploy::Rollback { service, how })),
        (service(), person(), person(), how()).prop_map(|(service, key, value, how)| {
            Intent::Deploy(Deploy::Config { service, key, value, how })
        }),
        (any::<bool>(), how()).prop_map(|(jwt, how)| {
            let which = if jwt { Rotated::Jwt } else { Rotated::Csrf };
            Intent::Secrets(Secrets::Rotate { which, how })
        }),
        incidents().prop_map(Intent::Incident),
        oncall().prop_map(Intent::Oncall),
        Just(Intent::Alert(AlertAsk::List)),
        ("[0-9a-f]{4,16}", (60u32..=604_800).prop_map(Period::seconds), words())
            .prop_map(|(id, length, why)| Intent::Alert(AlertAsk::Silence { id, length, why })),
        Just(Intent::Approvals),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    person().prop_filter_map("no words", |text| text.parse().ok())
}

fn service() -> impl Strategy<Value = ServiceName> {
    prop::sample::select(SERVICES.to_vec()).prop_map(|name| name.parse().unwrap())
}

fn which() -> impl Strategy<Value = Which> {
    prop::option::of(1u32..).prop_map(|number| Which { number: number.map(IncidentNumber) })
}

fn who() -> impl Strategy<Value = Who> {
    person().prop_filter_map("a name", |name| name.parse().ok())
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}

fn incidents() -> impl Strategy<Value = IncidentAsk> {
    let duty = || prop::sample::select(Duty::ALL.to_vec());
    let rung = || prop::sample::select(Rung::ALL.to_vec());
    prop_oneof![
        (severity(), words(), prop::option::of(service()), any::<bool>(), any::<bool>()).prop_map(
            |(severity, title, service, security, drill)| IncidentAsk::Open {
                severity,
                title,
                service,
                security,
                drill
            }
        ),
        which().prop_map(|which| IncidentAsk::Ack { which }),
        (words(), which()).prop_map(|(text, which)| IncidentAsk::Update { text, which }),
        (severity(), prop::option::of(words()), which())
            .prop_map(|(severity, why, which)| IncidentAsk::Severity { severity, why, which }),
        (duty(), who(), which()).prop_map(|(duty, who, which)| IncidentAsk::Assign { duty, who, which }),
        (prop::option::of(who()), which()).prop_map(|(who, which)| IncidentAsk::Handoff { who, which }),
        (prop::option::of(rung()), which()).prop_map(|(rung, which)| IncidentAsk::Escalate { rung, which }),
        ((60u32..=14_400).prop_map(Period::seconds), which())
            .prop_map(|(length, which)| IncidentAsk::Snooze { length, which }),
        (words(), which()).prop_map(|(text, which)| IncidentAsk::Note { text, which }),
        (prop::option::of(words()), which()).prop_map(|(text, which)| IncidentAsk::StatusPage {
            no_change: text.is_none(),
            text,
            which
        }),
        (words(), prop::option::of(words()), which()).prop_map(|(how, anyway, which)| IncidentAsk::Resolve {
            how,
            anyway,
            which
        }),
        which().prop_map(|which| IncidentAsk::Reopen { which }),
        which().prop_map(|which| IncidentAsk::Show { which }),
        Just(IncidentAsk::List),
        which().prop_map(|which| IncidentAsk::Timeline { which }),
        which().prop_map(|which| IncidentAsk::Postmortem { which }),
    ]
}

fn oncall() -> impl Strategy<Value = Oncall> {
    let length = || (300u32..=1_209_600).prop_map(Period::seconds);
    prop_oneof![
        Just(Oncall::Who),
        Just(Oncall::Contacts),
        Just(Oncall::Schedule),
        length().prop_map(|length| Oncall::Take { length }),
        (who(), prop::option::of(length())).prop_map(|(who, length)| Oncall::Give { who, length }),
        (severity(), any::<bool>()).prop_map(|(severity, security)| Oncall::Preview { severity, security }),
    ]
}

fn intent() -> impl Strategy<Value = Intent> {
    let service = prop::option::of(prop::sample::select(SERVICES.to_vec()));
    let wait = prop::option::of(5u16..=300);
    let run = prop::option::of(any::<u64>().prop_map(RunId::from_random));
    let topic = prop::sample::select(vec![vec![], vec!["health"], vec!["audit"], vec!["help"]]);
    prop_oneof![
        (service, wait).prop_map(|(service, wait)| health(service, wait)),
        (1u16..=200, prop::option::of(person()), run).prop_map(|(last, person, run)| Intent::Audit {
            last,
            person,
            run
        }),
        topic.prop_map(|topic| help(&topic)),
        Just(Intent::Health { service: None, wait: None, watch: None, deep: true, public: false }),
        Just(Intent::Health { service: None, wait: None, watch: None, deep: false, public: true }),
        (prop::sample::select(SERVICES.to_vec()), 60u32..=3_600).prop_map(|(service, seconds)| {
            Intent::Health {
                service: Some(service.parse().unwrap()),
                wait: None,
                watch: Some(Period::seconds(seconds)),
                deep: false,
                public: false,
            }
        }),
        acting(),
        Just(Intent::Ps),
        logs(),
        stats(),
        Just(Intent::Disk),
        Just(Intent::Links),
        Just(Intent::Backup(Backup::List)),
        Just(Intent::Deploy(Deploy::List)),
        Just(Intent::Secrets(Secrets::Check)),
        (60u32..=86_400).prop_map(|seconds| Intent::Errors { window: Period::seconds(seconds) }),
        Just(Intent::Auth(Auth::Test)),
        (500u16..=999, 60u32..=86_400, prop::option::of(1u16..=20)).prop_map(|(share, seconds, top)| {
            let quantile = Quantile::read(&format!("0.{share}")).unwrap();
            Intent::Latency { quantile, window: Period::seconds(seconds), top }
        }),
        (60u32..=86_400)
            .prop_map(|seconds| Intent::Auth(Auth::Failures { window: Period::seconds(seconds) })),
        (60u32..=86_400)
            .prop_map(|seconds| Intent::Security(Security::Watch { window: Period::seconds(seconds) })),
        (60u32..=604_800)
            .prop_map(|seconds| Intent::Security(Security::Events { since: Period::seconds(seconds) })),
        (60u32..=2_592_000)
            .prop_map(|seconds| Intent::Security(Security::Review { since: Period::seconds(seconds) })),
        prop::option::of("[a-z][a-z0-9_-]{0,31}").prop_map(|name| {
            Intent::Security(Security::Tasks { done: name.map(|name| name.parse().unwrap()) })
        }),
        Just(Intent::Security(Security::Scan)),
        oncall().prop_map(Intent::Oncall),
        Just(Intent::Runbook(RunbookAsk::List)),
        person().prop_map(|name| Intent::Runbook(RunbookAsk::Show { name })),
        (person(), prop::option::of(prop::sample::select(SERVICES.to_vec()))).prop_map(|(name, service)| {
            let service = service.map(|name| name.parse().unwrap());
            Intent::Runbook(RunbookAsk::Run { name, service })
        }),
        prop::sample::select(vec![Db::Ping, Db::Connections, Db::Locks, Db::Users, Db::UnusedIndexes])
            .prop_map(Intent::Db),
        (1u32..=604_800).prop_map(|seconds| Intent::Db(Db::LongQueries { over: Period::seconds(seconds) })),
        prop::sample::select(vec![SlowBy::Total, SlowBy::Mean]).prop_map(|by| Intent::Db(Db::Slow { by })),
        prop::option::of("[a-z][a-z0-9_-]{0,31}")
            .prop_map(|name| Intent::Query { name: name.map(|name| name.parse().unwrap()) }),
    ]
}

proptest! {
    #[test]
    fn a_printed_intent_parses_to_itself(intent in intent()) {
        let line = intent.to_string();
        prop_assert_eq!(grammar().parse(&line), Ok(intent), "{}", line);
    }

    #[test]
    fn what_a_line_means_is_printed_as_a_line_that_means_the_same(
        line in "(health|audit|help|/acgs audit|errors|db|db connections|db slow|query|logs ac_service|latency|auth failures|security watch|security events|security review|security tasks) ?(--done|--since|--grep|--quantile|--top|--window|--by|--person|—person|--last|--wait|auth_service)? ?[ -~’‘“”—–#äß\u{a0}]{0,20}"
    ) {
        let grammar = grammar();
        if let Ok(intent) = grammar.parse(&line) {
            prop_assert_eq!(grammar.parse(&intent.to_string()), Ok(intent));
        }
    }

    #[test]
    fn any_text_gets_an_intent_or_a_short_refusal(line in "\\PC{0,300}|.{0,300}") {
        if let Err(error) = grammar().parse(&line) {
            prop_assert!(error.to_string().len() < 800, "{}", error);
        }
    }
}

#[test]
fn hostile_lines_get_a_short_refusal_at_once() {
    let zalgo = format!("health a{}", "\u{301}".repeat(1_500));
    let table = [
        (
            "64 KiB",
            "x".repeat(65_536),
            "The line is too long (65536 bytes, at most 4000): shorten it and send it again.",
        ),
        (
            "64 KiB of quotes",
            "\"".repeat(65_536),
            "The line is too long (65536 bytes, at most 4000): shorten it and send it again.",
        ),
        (
            "10,000 words",
            "word ".repeat(10_000),
            "The line is too long (50000 bytes, at most 4000): shorten it and send it again.",
        ),
        (
            "1,000 words",
            "a ".repeat(1_000),
            "The line has too many words (1000, at most 100): shorten it and send it again.",
        ),
        ("NUL", "health \0".to_owned(), "The line has a control character (U+0000): type it again by hand."),
        (
            "ESC",
            "health \u{1b}[31m".to_owned(),
            "The line has a control character (U+001B): type it again by hand.",
        ),
        (
            "C1",
            "health \u{9b}31m".to_owned(),
            "The line has a control character (U+009B): type it again by hand.",
        ),
        (
            "right to left",
            "health \u{202e}ecivres_htua".to_owned(),
            "The line has an invisible character (U+202E): type it again by hand.",
        ),
        (
            "zero width",
            "health auth\u{200b}_service".to_owned(),
            "The line has an invisible character (U+200B): type it again by hand.",
        ),
        (
            "tags",
            "health \u{e0041}".to_owned(),
            "The line has an invisible character (U+E0041): type it again by hand.",
        ),
        (
            "two lines",
            "health\naudit".to_owned(),
            "Write one command on one line, and send the next one as a message of its own.",
        ),
        (
            "open quote",
            "audit --person \"al".to_owned(),
            "A quote is opened and never closed: close it, or put a backslash before it (\\').",
        ),
        (
            "replacement character",
            "\u{fffd}".to_owned(),
            "There is no command \"\u{fffd}\". Type help for the list.",
        ),
    ];
    let grammar = grammar();
    for (name, line, refusal) in table {
        let error = grammar.parse(&line).expect_err(name);
        assert_eq!(error.to_string(), refusal, "{name}");
    }
    let error = grammar.parse(&zalgo).unwrap_err().to_string();
    assert!(error.len() < 600, "{} bytes", error.len());
}

#[test]
fn sixty_four_kibibytes_cost_less_than_a_short_line() {
    let grammar = grammar();
    let long = "health ".repeat(9_363);
    let time = |line: &str| {
        let begin = std::time::Instant::now();
        for _ in 0..200 {
            let _ = grammar.parse(line);
        }
        begin.elapsed()
    };
    assert!(time(&long) < time("health auth_service --wait 60"));
}
