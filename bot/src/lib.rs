//! The pipeline from a chat line to an answer, in reading order:
//!
//! 1. [`config`]: the file, its defaults and secrets.
//! 2. [`app`]: everything one process holds.
//! 3. [`receive`]: a chat event is stored, understood ([`asked`]) and acknowledged.
//! 4. [`authorize`]: whether this person may do this here.
//! 5. [`run`], [`perform`], [`performed`]: the work and its one answer; [`progress`]: what is said before it.
//! 6. [`health`]: a look at the platform, [`watch`] for a while; [`containers`], [`host`], [`links`], [`backups`],
//!    [`secrets`], [`database`], [`migration`], [`logins`], [`traffic`], [`security`], [`scan`], [`task`], [`lookup`]: closer looks;
//!    [`validation`]: whether the platform works; [`plot`]: pictures beside them; [`runbook`]: several of them at once.
//! 7. What acts: [`plan`] reads facts and says what exactly would be done, [`acting`] asks for it, [`approval`] counts votes ([`counted`]),
//!    [`execute`] does it, with [`recorder`] before and [`proof`] after; [`incident`]: incidents and the freeze, [`oncall`]: who is called, [`maintenance`]: announced work, [`firewall`]: addresses shut out, [`mod@schedule`]: what is done by itself;
//!    [`failpoint`]: where a test lets it die.
//!    [`escalation`]: what an incident owes is told in time; [`alert`]: alerts come in; [`webhook`]: posts to configured addresses; [`status_page`]: what is published.
//! 8. [`report`]: every text that people read.
//! 9. [`outbox`], [`governor`]: what is stored is sent, within the platforms' limits.
//! 10. [`replica`]: what one of several processes on one store does alone.
//! 11. [`chat`], [`http`], [`listener`], [`login`], [`serve`], [`demo`], [`terminal`], [`check`], [`cli`]: the ways in and out.
//!
//! The wall clock and chance are read in [`clock`] alone.

pub mod acting;
pub mod alert;
pub mod app;
pub mod approval;
pub mod asked;
pub mod authorize;
pub mod backups;
pub mod chat;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod containers;
pub mod counted;
pub mod database;
pub mod demo;
pub mod escalation;
pub mod execute;
pub mod failpoint;
pub mod firewall;
pub mod governor;
pub mod health;
pub mod host;
pub mod http;
pub mod incident;
pub mod links;
pub mod listener;
pub mod logging;
pub mod login;
pub mod logins;
pub mod lookup;
pub mod maintenance;
pub mod migration;
pub mod oncall;
pub mod outbox;
pub mod perform;
pub mod performed;
pub mod plan;
pub mod plot;
pub mod progress;
pub mod proof;
pub mod receive;
pub mod recorder;
pub mod replica;
pub mod report;
pub mod run;
pub mod runbook;
pub mod scan;
pub mod schedule;
pub mod secrets;
pub mod security;
pub mod serve;
pub mod status_page;
pub mod task;
pub mod terminal;
pub mod traffic;
pub mod validation;
pub mod watch;
pub mod webhook;
