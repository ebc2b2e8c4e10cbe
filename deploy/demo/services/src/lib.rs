//! A stand-in for one HTTP service of the platform that the bot looks after: `/health`, `/metrics`,
//! logins, and switches that make it sick in the ways real services are.
//!
//! One implementation serves twice: the binary `acgs-demo-service` runs it in a container with a
//! database behind it, and `acgs demo` mounts six of them, without a database, below paths of its
//! own listener. It is not a model of what the platform's services do; it has only what a runbook
//! can see.

mod faults;
mod login;
mod service;
mod telemetry;

pub use faults::{FaultError, Faults, Order};
pub use service::{Running, Service};
