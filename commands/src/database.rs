//! What the platform's database tells of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::health::Seats;

/// Who holds the database's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// How many there are and may be.
    pub seats: Seats,
    /// The server's own processes, which take no seat.
    pub background: u32,
    /// Clients alike in all but time, most connections first.
    pub groups: Vec<ClientGroup>,
}

/// Connections of one program of one role to one database in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGroup {
    /// What the program calls itself; empty if it says nothing.
    pub application: String,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The server's word: `active`, `idle`, `idle in transaction`, …; `None` where the bot may not see it.
    pub state: Option<String>,
    /// How many.
    pub count: u32,
    /// How long the one that has not changed for longest is in this state.
    pub longest: Option<Duration>,
}
