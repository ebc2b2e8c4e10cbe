//! Whether there are enough people for every vote that may be needed.

use commands::approval::Quorum;
use commands::risk::{Risk, Role};

use super::People;

/// Whether somebody could ask for what needs most votes, and have them: whoever asks does not vote.
pub(super) fn check(people: &People) -> Result<(), String> {
    for risk in [Risk::Change, Risk::Destructive, Risk::Critical] {
        let Some(quorum) = Quorum::of(risk, false) else { continue };
        let with = |role: Role| people.all().iter().filter(move |person| person.role >= role);
        let voters = with(quorum.role).count();
        let others_ask = with(Role::Operator).any(|person| person.role < quorum.role);
        let needed = usize::try_from(quorum.votes).unwrap_or(usize::MAX);
        if voters < needed || (voters == needed && !others_ask) {
            return Err(format!(
                "too few people to vote on what is {risk}: it takes the votes of {needed} with the role {} or more, who are \
                 not the one that asks, and there are {voters} in all. Add [[person]] entries, or take \
                 incident_channels out of [bot] where nothing is to be done",
                quorum.role
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use commands::ids::{Account, Platform};

    use super::*;
    use crate::config::Person;

    fn people(roles: &[Role]) -> People {
        let mut people = People::default();
        for (number, role) in roles.iter().enumerate() {
            let accounts = vec![Account::new(Platform::Slack, format!("U{number}"))];
            let person =
                Person { name: format!("P{number}"), role: *role, accounts, phone: None, page_webhook: None };
            people.add(person).expect("another account");
        }
        people
    }

    #[test]
    fn whoever_asks_finds_enough_others() {
        use Role::{Admin, Approver, Operator, Viewer};
        for good in [
            &[Approver, Approver, Approver][..],
            &[Operator, Approver, Admin],
            &[Operator, Operator, Admin, Approver],
        ] {
            assert_eq!(check(&people(good)), Ok(()), "{good:?}");
        }
        for (bad, what) in [
            (&[][..], "on what is change"),
            (&[Operator], "on what is change"),
            (&[Operator, Operator], "on what is destructive"),
            (&[Operator, Approver], "on what is critical"),
            (&[Approver, Admin], "on what is critical"),
            (&[Approver, Admin, Viewer], "on what is critical"),
        ] {
            let why = check(&people(bad)).expect_err("too few");
            assert!(why.contains(what), "{bad:?}: {why}");
        }
    }
}
