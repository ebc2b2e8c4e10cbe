//! What follows from the leases as they stand; pure.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::ids::Platform;
use store::{LeaseRow, Take, replica_lease};

/// What one replica does, or a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// The gateway, which Discord gives one session, and sending: limits are counted in one place.
    Discord,
    /// Two of the ten sockets that Slack allows; three replicas may.
    SlackSockets,
    /// Sending to Slack, whose limits are counted in one place.
    SlackSend,
    /// The web chat, whose page lives in one process.
    Web,
    /// Reading the reactions on plans back, which is rationed.
    ReadBack,
}

impl Duty {
    /// The leases that allow it, any one of them.
    #[must_use]
    pub const fn leases(self) -> &'static [&'static str] {
        match self {
            Self::Discord => &["discord"],
            Self::SlackSockets => &["slack/1", "slack/2", "slack/3"],
            Self::SlackSend => &["slack/send"],
            Self::Web => &["web"],
            Self::ReadBack => &["read-back"],
        }
    }

    /// What it takes to send to `platform`.
    #[must_use]
    pub const fn sending(platform: Platform) -> Option<Self> {
        match platform {
            Platform::Slack => Some(Self::SlackSend),
            Platform::Discord => Some(Self::Discord),
            Platform::Web => Some(Self::Web),
            Platform::Cli => None,
        }
    }
}

/// One lease that this replica has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Which.
    pub name: String,
    /// Of its taking.
    pub fence: i64,
}

/// What `me` holds.
pub(super) fn held(rows: &[LeaseRow], me: &str, duties: &[Duty]) -> BTreeMap<Duty, Hold> {
    let hold = |duty: &Duty| {
        let row = rows.iter().find(|row| {
            duty.leases().contains(&row.name.as_str()) && row.holder.as_deref() == Some(me) && row.is_held()
        })?;
        Some((*duty, Hold { name: row.name.clone(), fence: row.fence }))
    };
    duties.iter().filter_map(hold).collect()
}

/// What `me` should try to take: for each duty that it has no lease for, the first that is free.
pub(super) fn wanted(rows: &[LeaseRow], me: &str, duties: &[Duty]) -> Vec<(Duty, Take)> {
    let held = held(rows, me, duties);
    let free = |duty: &Duty| {
        duty.leases().iter().find_map(|name| {
            let row = rows.iter().find(|row| row.name == *name);
            let is_free = row.is_none_or(|row| !row.is_held());
            is_free.then(|| Take { name: (*name).to_owned(), seen: row.map_or(0, |row| row.fence) })
        })
    };
    let lacking = duties.iter().filter(|duty| !held.contains_key(duty));
    lacking.filter_map(|duty| Some((*duty, free(duty)?))).collect()
}

/// Whether `me` is registered.
pub(super) fn is_registered(rows: &[LeaseRow], me: &str) -> bool {
    let name = replica_lease(me);
    rows.iter().any(|row| row.name == name && row.holder.as_deref() == Some(me))
}

/// The other replicas that are there.
pub(super) fn others<'a>(rows: &'a [LeaseRow], me: &'a str) -> impl Iterator<Item = &'a LeaseRow> {
    rows.iter().filter(move |row| row.is_held() && row.replica().is_some_and(|id| id != me))
}

/// Whether a replica is gone and what it had claimed is not free yet.
pub(super) fn is_one_gone(rows: &[LeaseRow], me: &str) -> bool {
    rows.iter().any(|row| !row.is_held() && row.replica().is_some_and(|id| id != me))
}

/// When the first of the others' leases is over if nobody renews it: the moment to look again.
pub(super) fn next_end(rows: &[LeaseRow], me: &str) -> Option<Duration> {
    rows.iter().filter(|row| row.is_held() && row.holder.as_deref() != Some(me)).map(|row| row.left).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Duty; 5] = [Duty::Discord, Duty::SlackSockets, Duty::SlackSend, Duty::Web, Duty::ReadBack];

    fn row(name: &str, holder: &str, fence: i64, left: u64) -> LeaseRow {
        let holder = (!holder.is_empty()).then(|| holder.to_owned());
        LeaseRow { name: name.to_owned(), holder, fence, left: Duration::from_millis(left), engine: None }
    }

    fn names(wanted: &[(Duty, Take)]) -> Vec<(&str, i64)> {
        wanted.iter().map(|(_, take)| (take.name.as_str(), take.seen)).collect()
    }

    #[test]
    fn the_first_replica_takes_everything_and_one_pair_of_sockets() {
        assert_eq!(
            names(&wanted(&[], "a", &ALL)),
            [("discord", 0), ("slack/1", 0), ("slack/send", 0), ("web", 0), ("read-back", 0)]
        );
    }

    #[test]
    fn a_fourth_replica_finds_no_sockets_left_until_one_is_gone() {
        let seat = |number, holder, left| row(&format!("slack/{number}"), holder, 7, left);
        let mut rows = vec![seat(1, "a", 900), seat(2, "b", 900), seat(3, "c", 900)];
        assert_eq!(names(&wanted(&rows, "d", &[Duty::SlackSockets])), []);
        rows[1] = seat(2, "b", 0);
        assert_eq!(names(&wanted(&rows, "d", &[Duty::SlackSockets])), [("slack/2", 7)]);
        assert_eq!(names(&wanted(&rows, "a", &[Duty::SlackSockets])), [], "it has some");
    }

    #[test]
    fn what_was_given_back_is_free_and_what_is_over_is_not_held() {
        let rows = [row("discord", "", 3, 0), row("web", "a", 2, 0)];
        assert_eq!(names(&wanted(&rows, "a", &[Duty::Discord, Duty::Web])), [("discord", 3), ("web", 2)]);
        assert_eq!(held(&rows, "a", &ALL), BTreeMap::new());
        let rows = [row("web", "a", 2, 1)];
        assert_eq!(held(&rows, "a", &ALL)[&Duty::Web], Hold { name: "web".to_owned(), fence: 2 });
    }

    #[test]
    fn others_are_those_who_are_there() {
        let rows = [row("replica/a", "a", 1, 9), row("replica/b", "b", 1, 9), row("replica/c", "c", 1, 0)];
        assert_eq!(others(&rows, "a").map(|row| row.name.as_str()).collect::<Vec<_>>(), ["replica/b"]);
        assert!(is_one_gone(&rows, "a") && !is_one_gone(&rows[..2], "a"));
        assert!(is_registered(&rows, "a") && !is_registered(&rows, "d"));
        assert_eq!(next_end(&rows, "a"), Some(Duration::from_millis(9)));
        assert_eq!(next_end(&rows[..1], "a"), None);
    }
}
