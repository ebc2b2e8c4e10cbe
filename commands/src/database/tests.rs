use super::*;

fn session(pid: i32, waited: u64, blocked_by: &[i32]) -> LockSession {
    LockSession {
        pid,
        application: String::new(),
        user: String::new(),
        state: None,
        transaction: None,
        waits: (waited > 0).then(|| LockWait {
            kind: "relation".to_owned(),
            mode: "AccessShareLock".to_owned(),
            relation: None,
            since: Some(Duration::from_secs(waited)),
        }),
        blocked_by: blocked_by.to_vec(),
        statement: String::new(),
    }
}

/// `pid/depth/held up` of every node.
fn tree(sessions: &[LockSession]) -> String {
    let nodes = LockTree::of(sessions).nodes;
    let shown = nodes.iter().map(|node| format!("{}/{}/{}", node.session.pid, node.depth, node.holds_up));
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_blocks_stands_above_those_who_wait() {
    let queue =
        [session(1, 0, &[]), session(2, 30, &[1]), session(3, 20, &[1, 2]), session(4, 10, &[1, 2, 3])];
    assert_eq!(tree(&queue), "1/0/3 2/1/2 3/2/1 4/3/0");
    let rows = [
        session(7, 0, &[]),
        session(8, 5, &[7]),
        session(1, 0, &[]),
        session(2, 3, &[1]),
        session(3, 4, &[1]),
    ];
    assert_eq!(tree(&rows), "1/0/2 2/1/0 3/1/0 7/0/1 8/1/0");
    assert_eq!(tree(&[]), "");
}

#[test]
fn a_circle_and_a_blocker_that_is_gone_end_nowhere() {
    assert_eq!(tree(&[session(1, 2, &[2]), session(2, 1, &[1])]), "2/0/1 1/1/0");
    assert_eq!(tree(&[session(1, 2, &[1])]), "1/0/0");
    assert_eq!(tree(&[session(1, 2, &[99])]), "1/0/0");
    let ring = [session(1, 5, &[2, 3]), session(2, 5, &[3, 1]), session(3, 5, &[1, 2])];
    assert_eq!(LockTree::of(&ring).nodes.len(), 3);
}

#[test]
fn what_may_take_long_is_known_by_its_kind() {
    for (backend, application, statement, kind) in [
        ("client backend", "psql", "SELECT pg_sleep(?)", SessionKind::Client),
        ("client backend", "pg_dump", "COPY public.users TO stdout", SessionKind::Dump),
        ("client backend", "acgs-run-000000000007-1", "COPY public.users TO stdout", SessionKind::Dump),
        ("client backend", "acgs-run-000000000007-1", "SELECT ?", SessionKind::Client),
        ("client backend", "psql", "create index concurrently a on b (c)", SessionKind::IndexBuild),
        ("client backend", "psql", "CREATE UNIQUE INDEX a ON b (c)", SessionKind::IndexBuild),
        ("client backend", "psql", "CREATE TABLE a ()", SessionKind::Client),
        ("client backend", "psql", "VACUUM ANALYZE", SessionKind::Vacuum),
        ("autovacuum worker", "", "autovacuum: VACUUM public.users", SessionKind::Autovacuum),
        ("walsender", "standby", "START_REPLICATION ?", SessionKind::WalSender),
        ("prepared transaction", "t1", "", SessionKind::Prepared),
        ("logical replication worker", "", "", SessionKind::Background),
        ("", "", "<insufficient privilege>", SessionKind::Client),
    ] {
        assert_eq!(SessionKind::of(backend, application, statement), kind, "{backend} {statement}");
    }
}

#[test]
fn a_sudden_drop_of_users_is_a_tenth() {
    let users = |count, before, deleted| Users {
        count: UserCount::Exact(count),
        before: Some((before, None)),
        inserted: 0,
        deleted,
        since: None,
    };
    let concern = |count, before, deleted| users(count, before, deleted).is_concern();
    assert_eq!([concern(1000, 1000, 0), concern(950, 1000, 50), concern(1000, 0, 100)], [false; 3]);
    assert_eq!([concern(0, 0, 0), concern(900, 1000, 0), concern(900, 900, 100)], [true; 3]);
}
