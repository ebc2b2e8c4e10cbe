//! The commands by name, and the one table of what each may do and who may ask for it.

use crate::risk::{Requirement, Risk, Role};

/// A command by name alone, which is enough to know its risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `health`
    Health,
    /// `ps`
    Ps,
    /// `logs`
    Logs,
    /// `stats`
    Stats,
    /// `disk`
    Disk,
    /// `errors`
    Errors,
    /// `db ping`
    DbPing,
    /// `db connections`
    DbConnections,
    /// `db long-queries`
    DbLongQueries,
    /// `db locks`
    DbLocks,
    /// `db slow`
    DbSlow,
    /// `db users`
    DbUsers,
    /// `db unused-indexes`
    DbUnusedIndexes,
    /// `db cancel`
    DbCancel,
    /// `db kill`
    DbKill,
    /// `db vacuum`
    DbVacuum,
    /// `db analyze`
    DbAnalyze,
    /// `db index-create`
    DbIndexCreate,
    /// `db migrate`
    DbMigrate,
    /// `db pool-reset`
    DbPoolReset,
    /// `latency`
    Latency,
    /// `links`
    Links,
    /// `auth failures`
    AuthFailures,
    /// `security watch`
    SecurityWatch,
    /// `security events`
    SecurityEvents,
    /// `security review`
    SecurityReview,
    /// `security scan`
    SecurityScan,
    /// `security tasks`
    SecurityTasks,
    /// `security block`
    SecurityBlock,
    /// `security unblock`
    SecurityUnblock,
    /// `security blocks`
    SecurityBlocks,
    /// `auth test`
    AuthTest,
    /// `oncall who`
    OncallWho,
    /// `oncall take`
    OncallTake,
    /// `oncall give`
    OncallGive,
    /// `oncall schedule`
    OncallSchedule,
    /// `oncall preview`
    OncallPreview,
    /// `oncall contacts`
    OncallContacts,
    /// `runbook list`
    RunbookList,
    /// `runbook show`
    RunbookShow,
    /// `runbook run`
    RunbookRun,
    /// `query`
    Query,
    /// `backup list`
    BackupList,
    /// `backup create`
    BackupCreate,
    /// `backup archive`
    BackupArchive,
    /// `backup verify`
    BackupVerify,
    /// `backup restore`
    BackupRestore,
    /// `backup drill`
    BackupDrill,
    /// `deploy list`
    DeployList,
    /// `deploy run`
    DeployRun,
    /// `deploy rollback`
    DeployRollback,
    /// `deploy config`
    DeployConfig,
    /// `secrets check`
    SecretsCheck,
    /// `secrets rotate`
    SecretsRotate,
    /// `restart`
    Restart,
    /// `stack freeze`
    StackFreeze,
    /// `stack unfreeze`
    StackUnfreeze,
    /// `stack restart`
    StackRestart,
    /// `stack stop`
    StackStop,
    /// `stack start`
    StackStart,
    /// `stack cleanup`
    StackCleanup,
    /// `stack scale`
    StackScale,
    /// `maintenance start`
    MaintenanceStart,
    /// `maintenance end`
    MaintenanceEnd,
    /// `incident open`
    IncidentOpen,
    /// `incident ack`
    IncidentAck,
    /// `incident update`
    IncidentUpdate,
    /// `incident severity`
    IncidentSeverity,
    /// `incident assign`
    IncidentAssign,
    /// `incident handoff`
    IncidentHandoff,
    /// `incident escalate`
    IncidentEscalate,
    /// `incident snooze`
    IncidentSnooze,
    /// `incident note`
    IncidentNote,
    /// `incident status-page`
    IncidentStatusPage,
    /// `incident resolve`
    IncidentResolve,
    /// `incident reopen`
    IncidentReopen,
    /// `incident show`
    IncidentShow,
    /// `incident list`
    IncidentList,
    /// `incident timeline`
    IncidentTimeline,
    /// `incident postmortem`
    IncidentPostmortem,
    /// `alert list`
    AlertList,
    /// `alert silence`
    AlertSilence,
    /// `approvals`
    Approvals,
    /// `audit`
    Audit,
    /// `help`
    Help,
}

impl Verb {
    /// Every command, in the order of help.
    pub const ALL: [Self; 85] = [
        Self::Health,
        Self::Ps,
        Self::Logs,
        Self::Stats,
        Self::Disk,
        Self::Errors,
        Self::Latency,
        Self::Links,
        Self::DbPing,
        Self::DbConnections,
        Self::DbLongQueries,
        Self::DbLocks,
        Self::DbSlow,
        Self::DbUsers,
        Self::DbUnusedIndexes,
        Self::DbCancel,
        Self::DbKill,
        Self::DbVacuum,
        Self::DbAnalyze,
        Self::DbIndexCreate,
        Self::DbMigrate,
        Self::DbPoolReset,
        Self::AuthTest,
        Self::AuthFailures,
        Self::SecurityWatch,
        Self::SecurityEvents,
        Self::SecurityReview,
        Self::SecurityScan,
        Self::SecurityTasks,
        Self::SecurityBlock,
        Self::SecurityUnblock,
        Self::SecurityBlocks,
        Self::OncallWho,
        Self::OncallTake,
        Self::OncallGive,
        Self::OncallSchedule,
        Self::OncallPreview,
        Self::OncallContacts,
        Self::RunbookList,
        Self::RunbookShow,
        Self::RunbookRun,
        Self::Query,
        Self::BackupList,
        Self::BackupCreate,
        Self::BackupArchive,
        Self::BackupVerify,
        Self::BackupRestore,
        Self::BackupDrill,
        Self::DeployList,
        Self::DeployRun,
        Self::DeployRollback,
        Self::DeployConfig,
        Self::SecretsCheck,
        Self::SecretsRotate,
        Self::Restart,
        Self::StackFreeze,
        Self::StackUnfreeze,
        Self::StackRestart,
        Self::StackStop,
        Self::StackCleanup,
        Self::StackScale,
        Self::StackStart,
        Self::MaintenanceStart,
        Self::MaintenanceEnd,
        Self::IncidentOpen,
        Self::IncidentAck,
        Self::IncidentUpdate,
        Self::IncidentSeverity,
        Self::IncidentAssign,
        Self::IncidentHandoff,
        Self::IncidentEscalate,
        Self::IncidentSnooze,
        Self::IncidentNote,
        Self::IncidentStatusPage,
        Self::IncidentResolve,
        Self::IncidentReopen,
        Self::IncidentShow,
        Self::IncidentList,
        Self::IncidentTimeline,
        Self::IncidentPostmortem,
        Self::AlertList,
        Self::AlertSilence,
        Self::Approvals,
        Self::Audit,
        Self::Help,
    ];

    /// The words that call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ps => "ps",
            Self::Logs => "logs",
            Self::Stats => "stats",
            Self::Disk => "disk",
            Self::Errors => "errors",
            Self::DbPing => "db ping",
            Self::DbConnections => "db connections",
            Self::Latency => "latency",
            Self::Links => "links",
            Self::AuthFailures => "auth failures",
            Self::SecurityWatch => "security watch",
            Self::SecurityEvents => "security events",
            Self::SecurityReview => "security review",
            Self::SecurityScan => "security scan",
            Self::SecurityTasks => "security tasks",
            Self::SecurityBlock => "security block",
            Self::SecurityUnblock => "security unblock",
            Self::SecurityBlocks => "security blocks",
            Self::AuthTest => "auth test",
            Self::OncallWho => "oncall who",
            Self::OncallTake => "oncall take",
            Self::OncallGive => "oncall give",
            Self::OncallSchedule => "oncall schedule",
            Self::OncallPreview => "oncall preview",
            Self::OncallContacts => "oncall contacts",
            Self::RunbookList => "runbook list",
            Self::RunbookShow => "runbook show",
            Self::RunbookRun => "runbook run",
            Self::DbLongQueries => "db long-queries",
            Self::DbLocks => "db locks",
            Self::DbSlow => "db slow",
            Self::DbUsers => "db users",
            Self::DbUnusedIndexes => "db unused-indexes",
            Self::DbCancel => "db cancel",
            Self::DbKill => "db kill",
            Self::DbVacuum => "db vacuum",
            Self::DbAnalyze => "db analyze",
            Self::DbIndexCreate => "db index-create",
            Self::DbMigrate => "db migrate",
            Self::DbPoolReset => "db pool-reset",
            Self::Query => "query",
            Self::BackupList => "backup list",
            Self::BackupCreate => "backup create",
            Self::BackupArchive => "backup archive",
            Self::BackupVerify => "backup verify",
            Self::BackupRestore => "backup restore",
            Self::BackupDrill => "backup drill",
            Self::DeployList => "deploy list",
            Self::DeployRun => "deploy run",
            Self::DeployRollback => "deploy rollback",
            Self::DeployConfig => "deploy config",
            Self::SecretsCheck => "secrets check",
            Self::SecretsRotate => "secrets rotate",
            Self::Restart => "restart",
            Self::StackFreeze => "stack freeze",
            Self::StackUnfreeze => "stack unfreeze",
            Self::StackRestart => "stack restart",
            Self::StackStop => "stack stop",
            Self::StackStart => "stack start",
            Self::StackCleanup => "stack cleanup",
            Self::StackScale => "stack scale",
            Self::MaintenanceStart => "maintenance start",
            Self::MaintenanceEnd => "maintenance end",
            Self::IncidentOpen => "incident open",
            Self::IncidentAck => "incident ack",
            Self::IncidentUpdate => "incident update",
            Self::IncidentSeverity => "incident severity",
            Self::IncidentAssign => "incident assign",
            Self::IncidentHandoff => "incident handoff",
            Self::IncidentEscalate => "incident escalate",
            Self::IncidentSnooze => "incident snooze",
            Self::IncidentNote => "incident note",
            Self::IncidentStatusPage => "incident status-page",
            Self::IncidentResolve => "incident resolve",
            Self::IncidentReopen => "incident reopen",
            Self::IncidentShow => "incident show",
            Self::IncidentTimeline => "incident timeline",
            Self::IncidentPostmortem => "incident postmortem",
            Self::IncidentList => "incident list",
            Self::AlertList => "alert list",
            Self::AlertSilence => "alert silence",
            Self::Approvals => "approvals",
            Self::Audit => "audit",
            Self::Help => "help",
        }
    }

    /// What it can do and who may ask for it: the one table of both. It is what every use of the command
    /// needs; an option may need more, as [`Intent::needs`](crate::intent::Intent::needs) says.
    #[must_use]
    pub const fn needs(self) -> Requirement {
        match self {
            Self::Health
            | Self::Ps
            | Self::Logs
            | Self::Stats
            | Self::Disk
            | Self::Errors
            | Self::DbConnections
            | Self::Latency
            | Self::Links
            | Self::AuthFailures
            | Self::SecurityWatch
            | Self::SecurityEvents
            | Self::SecurityReview
            | Self::SecurityScan
            | Self::SecurityTasks
            | Self::SecurityBlocks
            | Self::AuthTest
            | Self::OncallWho
            | Self::OncallSchedule
            | Self::OncallPreview
            | Self::OncallContacts
            | Self::RunbookList
            | Self::RunbookShow
            | Self::RunbookRun
            | Self::BackupList
            | Self::BackupVerify
            | Self::DeployList
            | Self::Help => Requirement { risk: Risk::Read, role: Role::Viewer },
            Self::DbPing | Self::DbUsers | Self::DbUnusedIndexes => {
                Requirement { risk: Risk::Read, role: Role::Viewer }
            }
            // They show statements, without the values in them: what is done, and not whose data it is done to.
            Self::DbLongQueries | Self::DbLocks | Self::DbSlow => {
                Requirement { risk: Risk::Read, role: Role::Viewer }
            }
            // Whoever configures a look-up decides with the role's grants what it may show.
            Self::Query => Requirement { risk: Risk::Read, role: Role::Viewer },
            // It shows no value, but a length and a piece of a digest are enough to try guesses on at home.
            Self::SecretsCheck => Requirement { risk: Risk::Read, role: Role::Operator },
            Self::Approvals
            | Self::AlertList
            | Self::IncidentList
            | Self::IncidentShow
            | Self::IncidentTimeline
            | Self::IncidentPostmortem => Requirement { risk: Risk::Read, role: Role::Viewer },
            // Whoever sees that something goes wrong may say so, and may stop what makes it worse.
            Self::IncidentOpen | Self::IncidentAck | Self::IncidentNote | Self::StackFreeze => {
                Requirement { risk: Risk::Coordinate, role: Role::Viewer }
            }
            Self::IncidentUpdate
            | Self::IncidentSeverity
            | Self::IncidentAssign
            | Self::IncidentHandoff
            | Self::IncidentEscalate
            | Self::IncidentSnooze
            | Self::IncidentStatusPage
            | Self::IncidentResolve
            | Self::IncidentReopen
            | Self::AlertSilence
            | Self::OncallTake
            | Self::OncallGive
            | Self::MaintenanceStart
            | Self::MaintenanceEnd => Requirement { risk: Risk::Coordinate, role: Role::Operator },
            Self::StackUnfreeze => Requirement { risk: Risk::Coordinate, role: Role::Approver },
            Self::Restart
            | Self::DbCancel
            | Self::DbVacuum
            | Self::DbAnalyze
            | Self::DbIndexCreate
            | Self::DbPoolReset
            | Self::BackupCreate
            | Self::BackupArchive
            | Self::SecurityUnblock
            | Self::BackupDrill => Requirement { risk: Risk::Change, role: Role::Operator },
            // Nobody can use the platform meanwhile.
            Self::StackRestart | Self::StackStop | Self::SecretsRotate => {
                Requirement { risk: Risk::Critical, role: Role::Operator }
            }
            // They may start what was stopped for a reason, or what does not work.
            Self::StackStart
            | Self::StackCleanup
            | Self::StackScale
            | Self::DbMigrate
            | Self::DeployRun
            | Self::DeployRollback
            | Self::DeployConfig => Requirement { risk: Risk::Destructive, role: Role::Operator },
            // What a session has not committed is gone with it; somebody who did nothing may be shut out.
            Self::DbKill | Self::SecurityBlock => {
                Requirement { risk: Risk::Destructive, role: Role::Operator }
            }
            // Everything that was written since the backup is out of sight.
            Self::BackupRestore => Requirement { risk: Risk::Critical, role: Role::Operator },
            // It only reads, but it tells what everybody did.
            Self::Audit => Requirement { risk: Risk::Read, role: Role::Admin },
        }
    }

    /// The command with these words.
    #[must_use]
    pub fn find(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == words)
    }
}
