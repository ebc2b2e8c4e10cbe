//! Which line of the grammar stands for which step of the operations runbook: every step has one. A test holds that each
//! is a line.

/// What a step is for and how it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// As the runbook numbers its steps.
    pub id: &'static str,
    /// In a few words.
    pub what: &'static str,
    /// Whether the step only looks.
    pub reads: bool,
    /// The line to type, for the platform's own names.
    pub line: &'static str,
}

const fn looks(id: &'static str, what: &'static str, line: &'static str) -> Covered {
    Covered { id, what, reads: true, line }
}

const fn acts(id: &'static str, what: &'static str, line: &'static str) -> Covered {
    Covered { id, what, reads: false, line }
}

/// Every step of the runbook, in its order.
pub const STEPS: [Covered; 105] = [
    looks("QR.1", "health of all services", "health"),
    looks("QR.2", "open Grafana", "links"),
    looks("QR.3", "open Prometheus", "health"),
    looks("QR.4", "health of the API gateway", "health auth_service"),
    looks("QR.5", "health of the public address", "health --public"),
    looks("QR.6", "whom to reach", "oncall who"),
    acts("SEV.0", "declare an incident", "incident open P1 'logins fail'"),
    acts("SEV.1", "page, escalate and update a P0", "incident open P0 'all is down'"),
    acts("SEV.2", "page, escalate and update a P1", "incident open P1 'all is down'"),
    acts("SEV.3", "page, escalate and update a P2", "incident open P2 'all is down'"),
    looks("S1.1", "state of the containers", "ps"),
    looks("S1.2", "last log lines", "logs ac_service"),
    acts("S1.3", "restart a service", "restart ac_service"),
    looks("S1.4", "verify recovery", "health ac_service --wait 60"),
    looks("S1.5", "use of processor and memory", "stats"),
    looks("S1.6", "disk space", "disk"),
    looks("S1.7", "is the database reachable", "db ping"),
    acts("S1.8", "restart everything", "stack restart"),
    looks("S2.1", "p95 now", "latency"),
    looks("S2.2", "slowest endpoints", "latency --top 10"),
    looks("S2.3", "slow queries", "db slow"),
    looks("S2.4", "use of processor and memory", "stats"),
    acts("S2.5", "scale a service", "stack scale auth_service 2"),
    acts("S2.6", "clear connection pools", "db pool-reset gs_service"),
    acts("S2.7", "note on query caching", "incident note 'query cache: looked at'"),
    acts("S2.8", "note on rate limits", "incident note 'rate limits: looked at'"),
    looks("S3.1", "rate of failed logins", "auth failures"),
    looks("S3.2", "log lines about logins", "logs auth_service --since 15m --grep 'ERROR|SECURITY|JWT'"),
    looks("S3.3", "try a login", "auth test"),
    looks("S3.4", "is the secret set", "secrets check"),
    looks("S3.5", "count of users", "db users"),
    acts("S3.6", "restart the login service", "restart auth_service"),
    acts("S3.7", "rotate the JWT secret", "secrets rotate jwt"),
    looks("D.1", "dashboard: overview", "links"),
    looks("D.2", "dashboard: services", "links"),
    looks("D.3", "dashboard: logins", "links"),
    looks("D.4", "dashboard: database", "links"),
    looks("A1.1", "which service has errors", "errors"),
    looks("A1.2", "recent deployments", "deploy list"),
    looks("A1.3", "a service's error lines", "logs ac_service --since 1h --level error"),
    looks("A1.4", "is AC well", "health ac_service"),
    looks("A1.5", "is Integrity well", "health integrity_service"),
    looks("A2.1", "count of connections", "db connections"),
    looks("A2.2", "long queries", "db long-queries"),
    acts("A2.3", "end a long query", "db kill 4711"),
    acts("M1.1", "announce a maintenance", "maintenance start ac_service 30m 'new release'"),
    acts("M1.2", "back up", "backup create"),
    acts("M1.3a", "get the code", "deploy run ac_service 1a2b3c4d"),
    acts("M1.3b", "build", "deploy run ac_service 1a2b3c4d"),
    acts("M1.3c", "deploy", "deploy run ac_service 1a2b3c4d"),
    looks("M1.4", "validate", "health --deep"),
    looks("M1.5", "watch afterwards", "health ac_service --watch 15m"),
    acts("M1.6", "announce the end", "maintenance end"),
    acts("M2.1", "back up", "backup create"),
    acts("M2.2", "vacuum", "db vacuum"),
    acts("M2.3", "analyze", "db analyze"),
    looks("M2.4", "unused indexes", "db unused-indexes"),
    acts("R1.1", "stop everything", "stack stop"),
    looks("R1.2a", "disk", "disk"),
    looks("R1.2b", "memory", "disk"),
    looks("R1.2c", "Docker's use of the disk", "disk"),
    acts("R1.3", "clean up", "stack cleanup"),
    acts("R1.4", "restore", "backup restore newest"),
    acts("R1.5", "start everything", "stack start"),
    looks("R1.6", "validate in depth", "health --deep"),
    acts("R2.1", "end users of the database", "backup restore newest"),
    acts("R2.2", "save the present state", "backup create"),
    acts("R2.3a", "drop the database", "backup restore newest"),
    acts("R2.3b", "create the database", "backup restore newest"),
    acts("R2.3c", "load the backup", "backup restore newest"),
    acts("R2.4", "migrate", "db migrate"),
    acts("R2.5", "start", "stack start"),
    looks("O1.1", "slow queries", "db slow"),
    acts("O1.2", "index on policies.status", "db index-create idx_policies_status"),
    acts("O1.3", "index on audit_logs.timestamp", "db index-create idx_audit_logs_timestamp"),
    acts("O1.4", "index on users.email", "db index-create idx_users_email"),
    acts("O1.5", "analyze policies", "db analyze policies"),
    acts("O1.6", "analyze audit_logs", "db analyze audit_logs"),
    acts("O1.7", "analyze users", "db analyze users"),
    looks("O2.1", "memory of each container", "stats --sort mem"),
    looks("O2.2", "growing memory", "stats --trend 1h"),
    acts("O2.3", "sizes of pools", "deploy config ac_service DATABASE_POOL_SIZE 8"),
    acts("O2.4", "settings of the cache", "deploy config ac_service CACHE_TTL 300"),
    looks("SEC.1", "threat lines in the logs", "security events"),
    acts("SEC.2", "block an address", "security block 203.0.113.7 1d"),
    acts("SEC.3", "rotate secrets", "secrets rotate csrf"),
    acts("SEC.4", "restart what uses them", "secrets rotate jwt"),
    looks("SEC.5", "watch security events", "security watch"),
    looks("RST.1", "weekly review of the logs", "security review"),
    looks("RST.2", "monthly scan of the images", "security scan"),
    looks("RST.3", "quarterly penetration test", "security tasks"),
    acts("B.1", "daily dump", "backup create"),
    acts("B.2", "weekly files", "backup create --files"),
    acts("B.3", "monthly archive", "backup archive"),
    acts("BT.1", "recovery test: environment", "backup drill"),
    acts("BT.2", "recovery test: restore", "backup drill"),
    acts("BT.3", "recovery test: validate", "backup drill"),
    acts("BT.4", "recovery test: document", "backup drill"),
    acts("E.1", "escalate to the on-call", "incident escalate on_call"),
    acts("E.2", "escalate to the DevOps lead", "incident escalate devops_lead"),
    acts("E.3", "escalate to the manager", "incident escalate engineering_manager"),
    acts("E.4", "escalate to the CTO", "incident escalate cto"),
    looks("X.1", "reach the cloud provider", "oncall contacts"),
    looks("X.2", "reach database support", "oncall contacts"),
    looks("X.3", "reach the security team", "oncall contacts"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::grammar::tests::grammar;
    use crate::risk::Risk;

    #[test]
    fn each_line_is_one_that_looks_where_the_step_does() {
        let grammar = grammar();
        for step in STEPS {
            let intent = grammar.parse(step.line).unwrap_or_else(|error| panic!("{}: {error}", step.id));
            assert_eq!(intent.needs().risk == Risk::Read, step.reads, "{}", step.id);
        }
    }

    #[test]
    fn each_step_stands_once() {
        let ids: BTreeSet<_> = STEPS.iter().map(|step| step.id).collect();
        assert_eq!(ids.len(), STEPS.len());
    }
}
