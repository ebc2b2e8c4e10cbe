use super::*;
use crate::database::SlowBy;
use crate::escalation::Duty;
use crate::incident::{IncidentNumber, Severity};
use crate::oncall::Rung;
use crate::risk::{Risk, Role};
use crate::secrets::Rotated;

#[test]
fn an_intent_prints_as_the_line_to_type() {
    let health = |service: &str, wait| Intent::Health {
        service: Some(service.parse().unwrap()),
        wait,
        watch: None,
        deep: false,
        public: false,
    };
    let audit = |last, person: &str| Intent::Audit {
        last,
        person: Some(person.to_owned()),
        run: Some(RunId::from_random(0xc0_ffee_1234)),
    };
    let logs = |tail, grep: Option<&str>, level: Option<Level>| Intent::Logs {
        service: "ac_service".parse().unwrap(),
        tail,
        since: grep.map(|_| Period::minutes(15)),
        grep: grep.map(|grep| grep.parse().unwrap()),
        level,
    };
    let table = [
        (Intent::Help { topic: Vec::new() }, "help"),
        (Intent::Help { topic: vec!["health".to_owned()] }, "help health"),
        (Intent::Health { service: None, wait: None, watch: None, deep: false, public: false }, "health"),
        (
            Intent::Health { service: None, wait: None, watch: None, deep: true, public: false },
            "health --deep",
        ),
        (Intent::Errors { window: WINDOW_DEFAULT }, "errors"),
        (Intent::Errors { window: Period::minutes(90) }, "errors --window 1h30m"),
        (logs(50, None, None), "logs ac_service"),
        (
            logs(200, Some("ERROR|JWT"), Some(Level::Security)),
            "logs ac_service --tail 200 --since 15m --grep 'ERROR|JWT' --level security",
        ),
        (Intent::Stats { service: None, sort: UsageOrder::Cpu, trend: None }, "stats"),
        (
            Intent::Stats { service: None, sort: UsageOrder::Cpu, trend: Some(Period::hours(1)) },
            "stats --trend 1h",
        ),
        (
            Intent::Stats {
                service: Some("ac_service".parse().unwrap()),
                sort: UsageOrder::Memory,
                trend: None,
            },
            "stats ac_service --sort mem",
        ),
        (Intent::Disk, "disk"),
        (Intent::Links, "links"),
        (Intent::Backup(Backup::List), "backup list"),
        (Intent::Deploy(Deploy::List), "deploy list"),
        (
            Intent::Deploy(Deploy::Run {
                service: "ac_service".parse().unwrap(),
                commit: "1A2b3c4".parse().unwrap(),
                how: How::default(),
            }),
            "deploy run ac_service 1a2b3c4",
        ),
        (
            Intent::Deploy(Deploy::Rollback { service: "ac_service".parse().unwrap(), how: How::default() }),
            "deploy rollback ac_service",
        ),
        (
            Intent::Deploy(Deploy::Config {
                service: "ac_service".parse().unwrap(),
                key: "CACHE_TTL".to_owned(),
                value: "-1".to_owned(),
                how: How { dry_run: true, break_glass: None },
            }),
            "deploy config --dry-run -- ac_service CACHE_TTL -1",
        ),
        (Intent::Secrets(Secrets::Check), "secrets check"),
        (Intent::Secrets(Secrets::Rotate { which: Rotated::Jwt, how: How::default() }), "secrets rotate jwt"),
        (Intent::Db(Db::Connections), "db connections"),
        (
            Intent::Latency { quantile: Quantile::P95, window: WINDOW_DEFAULT, top: Some(10) },
            "latency --top 10",
        ),
        (Intent::Auth(Auth::Failures { window: Period::hours(1) }), "auth failures --window 1h"),
        (Intent::Security(Security::Watch { window: WATCH_DEFAULT }), "security watch"),
        (Intent::Security(Security::Events { since: EVENTS_DEFAULT }), "security events"),
        (Intent::Security(Security::Events { since: Period::days(7) }), "security events --since 7d"),
        (Intent::Security(Security::Review { since: REVIEW_DEFAULT }), "security review"),
        (Intent::Security(Security::Review { since: Period::hours(25) }), "security review --since 1d1h"),
        (Intent::Security(Security::Scan), "security scan"),
        (Intent::Security(Security::Tasks { done: None }), "security tasks"),
        (
            Intent::Security(Security::Tasks { done: Some("log-review".parse().unwrap()) }),
            "security tasks --done log-review",
        ),
        (Intent::Auth(Auth::Test), "auth test"),
        (Intent::Oncall(Oncall::Who), "oncall who"),
        (Intent::Oncall(Oncall::Contacts), "oncall contacts"),
        (Intent::Runbook(RunbookAsk::List), "runbook list"),
        (Intent::Runbook(RunbookAsk::Show { name: "service-down".to_owned() }), "runbook show service-down"),
        (
            Intent::Runbook(RunbookAsk::Run {
                name: "-x".to_owned(),
                service: Some("auth_service".parse().unwrap()),
            }),
            "runbook run -- -x auth_service",
        ),
        (Intent::Db(Db::Ping), "db ping"),
        (Intent::Db(Db::LongQueries { over: LONG_DEFAULT }), "db long-queries"),
        (Intent::Db(Db::LongQueries { over: Period::seconds(30) }), "db long-queries --over 30s"),
        (Intent::Db(Db::Locks), "db locks"),
        (Intent::Db(Db::Slow { by: SlowBy::Total }), "db slow"),
        (Intent::Db(Db::Slow { by: SlowBy::Mean }), "db slow --by mean"),
        (Intent::Db(Db::Users), "db users"),
        (Intent::Db(Db::UnusedIndexes), "db unused-indexes"),
        (Intent::Query { name: None }, "query"),
        (Intent::Query { name: Some("stale-policies".parse().unwrap()) }, "query stale-policies"),
        (health("auth_service", Some(60)), "health auth_service --wait 60"),
        (
            Intent::Health {
                service: Some("ac_service".parse().unwrap()),
                wait: None,
                watch: Some(Period::minutes(90)),
                deep: false,
                public: false,
            },
            "health ac_service --watch 1h30m",
        ),
        (audit(AUDIT_ROWS_DEFAULT, "alice"), "audit --person alice --run 00c0ffee1234"),
        (audit(5, "it's #1"), r#"audit --last 5 --person "it's #1" --run 00c0ffee1234"#),
        (
            Intent::Restart { service: "ac_service".parse().unwrap(), how: How::default() },
            "restart ac_service",
        ),
        (
            Intent::Restart {
                service: "ac_service".parse().unwrap(),
                how: How { dry_run: true, break_glass: None },
            },
            "restart ac_service --dry-run",
        ),
        (
            Intent::Db(Db::Kill {
                pid: 4_711,
                how: How { dry_run: false, break_glass: Some("nobody else is awake".parse().unwrap()) },
            }),
            "db kill 4711 --break-glass 'nobody else is awake'",
        ),
        (Intent::Db(Db::Cancel { pid: 1, how: How::default() }), "db cancel 1"),
        (
            Intent::Backup(Backup::Create { files: false, how: How { dry_run: true, break_glass: None } }),
            "backup create --dry-run",
        ),
        (
            Intent::Backup(Backup::Verify { archive: "daily/x.dump".to_owned().try_into().unwrap() }),
            "backup verify daily/x.dump",
        ),
        (
            Intent::Backup(Backup::Restore {
                archive: Some("x.dump".to_owned().try_into().unwrap()),
                undo: false,
                how: How { dry_run: true, break_glass: None },
            }),
            "backup restore x.dump --dry-run",
        ),
        (
            Intent::Backup(Backup::Restore { archive: None, undo: true, how: How::default() }),
            "backup restore --undo",
        ),
        (Intent::Backup(Backup::Drill { archive: None, how: How::default() }), "backup drill"),
        (Intent::Db(Db::Vacuum { table: None, how: How::default() }), "db vacuum"),
        (
            Intent::Db(Db::Analyze { table: Some("public.users".to_owned()), how: How::default() }),
            "db analyze public.users",
        ),
        (
            Intent::Db(Db::IndexCreate { name: "idx_users_email".to_owned(), how: How::default() }),
            "db index-create idx_users_email",
        ),
        (Intent::Db(Db::Migrate { check: true, how: How::default() }), "db migrate --check"),
        (Intent::Backup(Backup::Create { files: true, how: How::default() }), "backup create --files"),
        (Intent::Backup(Backup::Archive { how: How::default() }), "backup archive"),
        (
            Intent::Security(Security::Block {
                network: "203.0.113.9/24".parse().unwrap(),
                length: Period::hours(24),
                how: How::default(),
            }),
            "security block 203.0.113.0/24 1d",
        ),
        (
            Intent::Security(Security::Unblock {
                network: "2001:DB8::7".parse().unwrap(),
                how: How::default(),
            }),
            "security unblock 2001:db8::7",
        ),
        (Intent::Security(Security::Blocks), "security blocks"),
        (
            Intent::Db(Db::PoolReset { service: "gs_service".parse().unwrap(), how: How::default() }),
            "db pool-reset gs_service",
        ),
        (
            Intent::Stack(Stack::Freeze {
                why: "two people".parse().unwrap(),
                length: Some(Period::hours(2)),
            }),
            "stack freeze 'two people' 2h",
        ),
        (Intent::Stack(Stack::Unfreeze), "stack unfreeze"),
        (Intent::Stack(Stack::Restart { database: false, how: How::default() }), "stack restart"),
        (
            Intent::Stack(Stack::Restart { database: true, how: How { dry_run: true, break_glass: None } }),
            "stack restart --database --dry-run",
        ),
        (Intent::Stack(Stack::Stop { all: true, how: How::default() }), "stack stop --all"),
        (Intent::Stack(Stack::Start { how: How::default() }), "stack start"),
        (Intent::Stack(Stack::Cleanup { how: How::default() }), "stack cleanup"),
        (
            Intent::Stack(Stack::Scale {
                service: "ac_service".parse().unwrap(),
                count: 2,
                how: How::default(),
            }),
            "stack scale ac_service 2",
        ),
        (
            Intent::Maintenance(Maintenance::Start {
                service: "ac_service".parse().unwrap(),
                length: Period::minutes(30),
                why: "new release".parse().unwrap(),
            }),
            "maintenance start ac_service 30m 'new release'",
        ),
        (Intent::Maintenance(Maintenance::End { service: None }), "maintenance end"),
        (
            Intent::Incident(IncidentAsk::Open {
                severity: Severity::P1,
                title: "logins fail".parse().unwrap(),
                service: Some("auth_service".parse().unwrap()),
                security: false,
                drill: false,
            }),
            "incident open P1 'logins fail' --service auth_service",
        ),
        (
            Intent::Incident(IncidentAsk::Open {
                severity: Severity::P0,
                title: "-x".parse().unwrap(),
                service: Some("auth_service".parse().unwrap()),
                security: true,
                drill: true,
            }),
            "incident open --service auth_service --security --drill -- P0 -x",
        ),
        (
            Intent::Incident(IncidentAsk::Resolve {
                how: "restarted it".parse().unwrap(),
                anyway: None,
                which: Which { number: Some(IncidentNumber(7)) },
            }),
            "incident resolve 'restarted it' --number 7",
        ),
        (Intent::Incident(IncidentAsk::List), "incident list"),
        (
            Intent::Incident(IncidentAsk::Assign {
                duty: Duty::Comms,
                who: "<@U0CY|cy>".parse().unwrap(),
                which: Which::default(),
            }),
            "incident assign comms U0CY",
        ),
        (
            Intent::Incident(IncidentAsk::StatusPage {
                text: None,
                no_change: true,
                which: Which::default(),
            }),
            "incident status-page --no-change",
        ),
        (
            Intent::Incident(IncidentAsk::Escalate { rung: Some(Rung::DevopsLead), which: Which::default() }),
            "incident escalate devops_lead",
        ),
        (
            Intent::Oncall(Oncall::Preview { severity: Severity::P0, security: true }),
            "oncall preview P0 --security",
        ),
        (
            Intent::Oncall(Oncall::Give { who: "@ada".parse().unwrap(), length: Some(Period::hours(8)) }),
            "oncall give ada 8h",
        ),
        (Intent::Alert(AlertAsk::List), "alert list"),
        (
            Intent::Alert(AlertAsk::Silence {
                id: "c0ffee".to_owned(),
                length: Period::hours(1),
                why: "known".parse().unwrap(),
            }),
            "alert silence c0ffee 1h known",
        ),
        (Intent::Approvals, "approvals"),
        (audit(5, "--last"), "audit --last 5 '--person=--last' --run 00c0ffee1234"),
    ];
    for (intent, line) in table {
        assert_eq!(intent.to_string(), line);
    }
}

#[test]
fn what_each_command_needs() {
    let table: String = Verb::ALL
        .iter()
        .map(|verb| format!("{}: {}, {}\n", verb.as_str(), verb.needs().risk, verb.needs().role))
        .collect();
    insta::assert_snapshot!(table, @r"
    health: read, viewer
    ps: read, viewer
    logs: read, viewer
    stats: read, viewer
    disk: read, viewer
    errors: read, viewer
    latency: read, viewer
    links: read, viewer
    db ping: read, viewer
    db connections: read, viewer
    db long-queries: read, viewer
    db locks: read, viewer
    db slow: read, viewer
    db users: read, viewer
    db unused-indexes: read, viewer
    db cancel: change, operator
    db kill: destructive, operator
    db vacuum: change, operator
    db analyze: change, operator
    db index-create: change, operator
    db migrate: destructive, operator
    db pool-reset: change, operator
    auth test: read, viewer
    auth failures: read, viewer
    security watch: read, viewer
    security events: read, viewer
    security review: read, viewer
    security scan: read, viewer
    security tasks: read, viewer
    security block: destructive, operator
    security unblock: change, operator
    security blocks: read, viewer
    oncall who: read, viewer
    oncall take: coordinate, operator
    oncall give: coordinate, operator
    oncall schedule: read, viewer
    oncall preview: read, viewer
    oncall contacts: read, viewer
    runbook list: read, viewer
    runbook show: read, viewer
    runbook run: read, viewer
    query: read, viewer
    backup list: read, viewer
    backup create: change, operator
    backup archive: change, operator
    backup verify: read, viewer
    backup restore: critical, operator
    backup drill: change, operator
    deploy list: read, viewer
    deploy run: destructive, operator
    deploy rollback: destructive, operator
    deploy config: destructive, operator
    secrets check: read, operator
    secrets rotate: critical, operator
    restart: change, operator
    stack freeze: coordinate, viewer
    stack unfreeze: coordinate, approver
    stack restart: critical, operator
    stack stop: critical, operator
    stack cleanup: destructive, operator
    stack scale: destructive, operator
    stack start: destructive, operator
    maintenance start: coordinate, operator
    maintenance end: coordinate, operator
    incident open: coordinate, viewer
    incident ack: coordinate, viewer
    incident update: coordinate, operator
    incident severity: coordinate, operator
    incident assign: coordinate, operator
    incident handoff: coordinate, operator
    incident escalate: coordinate, operator
    incident snooze: coordinate, operator
    incident note: coordinate, viewer
    incident status-page: coordinate, operator
    incident resolve: coordinate, operator
    incident reopen: coordinate, operator
    incident show: read, viewer
    incident list: read, viewer
    incident timeline: read, viewer
    incident postmortem: read, viewer
    alert list: read, viewer
    alert silence: coordinate, operator
    approvals: read, viewer
    audit: read, admin
    help: read, viewer
    ");
    assert_eq!(Verb::ALL.map(|verb| Verb::find(verb.as_str())), Verb::ALL.map(Some));
    assert_eq!(Verb::find("reboot"), None);
}

#[test]
fn a_commit_is_named_by_hex_digits_alone() {
    for bad in ["", "1a2b3c", "HEAD", "1a2b3c4g", "--force", "main", &"a".repeat(65)] {
        assert!(bad.parse::<CommitPrefix>().is_err(), "{bad:?}");
    }
    let newest: CommitPrefix = "Newest".parse().unwrap();
    assert!(newest.means("aa", "aa") && !newest.means("ab", "aa"));
    assert!("1a2b3c4".parse::<CommitPrefix>().unwrap().means("1a2b3c4d", "aa"));
    assert_eq!("ABCDEF0".parse::<CommitPrefix>().map(|commit| commit.to_string()), Ok("abcdef0".to_owned()));
}

#[test]
fn to_record_a_task_takes_more_than_to_look() {
    let tasks = |done: Option<&str>| {
        Intent::Security(Security::Tasks { done: done.map(|name| name.parse().unwrap()) }).needs()
    };
    assert_eq!(tasks(None), Requirement { risk: Risk::Read, role: Role::Viewer });
    assert_eq!(tasks(Some("log-review")), Requirement { risk: Risk::Coordinate, role: Role::Operator });
}

#[test]
fn a_reason_to_break_the_glass_says_something() {
    let reason = |typed: &str| typed.parse::<Reason>().map(|reason| reason.to_string());
    assert_eq!(reason("  the\u{a0}database  is gone "), Ok("the database is gone".to_owned()));
    for bad in ["", "urgent", "12345678901234", "              x", &"x".repeat(301)] {
        assert_eq!(reason(bad), Err("a reason of 15 to 300 characters, in quotes".to_owned()), "{bad:?}");
    }
    assert!(reason("123456789012345").is_ok());
}
