//! What people may say to the bot and what it means.
//!
//! Nothing here does I/O, reads a clock or the environment, or knows an SDK. In reading order:
//!
//! 1. [`ids`]: names of people, places, messages, runs and services.
//! 2. [`message`]: what comes from a chat platform and what goes back.
//! 3. [`mod@line`]: a typed line into words, as phones and shells mean them.
//! 4. [`intent`]: every command with its arguments; the `clap` derive that is the whole grammar; [`verb`]: the
//!    commands by name, with what each may do.
//! 5. [`grammar`]: words into an [`intent::Intent`]; [`parse`]: why not, and what was meant instead.
//! 6. [`tree`]: the grammar as data, from which come [`completion`], [`help`] and the [`mod@reference`].
//! 7. [`risk`]: roles, risk classes, and lines that are read late; [`oncall`]: the rungs of escalation.
//! 8. [`plan`]: what exactly will be done; [`approval`]: who has to say yes; [`journal`]: what became of it; [`incident`];
//!    [`escalation`]: whom an incident calls and when; [`timeline`]: what
//!    happened in it; [`alert`]: what Alertmanager says.
//! 9. [`health`]: the facts of a health check and the verdict on them; [`validation`]: more than that; [`canary`],
//!    [`containers`], [`logs`], [`survey`] (the logs of all services), [`threat`], [`scan`], [`host`], [`secrets`],
//!    [`database`], [`traffic`], [`links`], [`backup`], [`memory`]: the facts of the other look-ups; [`workload`]: what plans pin;
//!    [`lookup`]: look-ups of the operators' own; [`task`]: what people do again and again; [`mod@schedule`]: what the bot does by itself; [`period`]: lengths
//!    of time as they are typed.
//!    What acting is about: [`backend`] (who can be signalled), [`table`] and [`restore`] (the database's upkeep),
//!    [`migration`] (the database's revisions), [`archive`] (a backup's file), [`plain_dump`] (what `psql` may read), [`block`] (addresses shut out), [`commit`],
//!    [`silence`].
//! 10. [`runbook`]: lines of the grammar in steps, and whether they can be run; [`coverage`]: which steps of the
//!     original runbook they stand for.
//! 11. [`card`]: a reply's content without markup; [`form`]: what a button asks for before it is a line;
//!     [`quoted`]: somebody's message, for a timeline.
//! 12. [`plot`]: numbers over time, before they are drawn; [`layout`]: tables, short texts and durations in plain text.
//! 13. [`redact`]: secrets out of a text; [`statement`]: values out of SQL; [`escape`]: markup out of a text.

pub mod alert;
pub mod approval;
pub mod archive;
pub mod backend;
pub mod backup;
pub mod block;
pub mod canary;
pub mod card;
pub mod commit;
pub mod completion;
pub mod containers;
pub mod coverage;
pub mod database;
pub mod escalation;
pub mod escape;
pub mod form;
pub mod grammar;
pub mod health;
pub mod help;
pub mod host;
pub mod ids;
pub mod incident;
pub mod intent;
pub mod journal;
pub mod layout;
pub mod line;
pub mod links;
pub mod logs;
pub mod lookup;
pub mod memory;
pub mod message;
pub mod migration;
pub mod oncall;
pub mod parse;
pub mod period;
pub mod plain_dump;
pub mod plan;
pub mod plot;
pub mod quoted;
pub mod redact;
pub mod reference;
pub mod restore;
pub mod risk;
pub mod runbook;
pub mod scan;
pub mod schedule;
pub mod secrets;
pub mod silence;
pub mod statement;
pub mod suggestion;
pub mod survey;
pub mod table;
pub mod task;
pub mod threat;
pub mod timeline;
pub mod traffic;
pub mod tree;
pub mod validation;
pub mod verb;
pub mod workload;
