//! The whole table: every role, every risk, every kind of room.

use commands::ids::Platform;
use commands::risk::Risk;

use super::*;

fn people() -> People {
    let mut people = People::default();
    for role in Role::ALL {
        let accounts =
            vec![Account::new(Platform::Slack, role.as_str()), Account::new(Platform::Cli, role.as_str())];
        people
            .add(Person { name: format!("{role} person"), role, accounts, phone: None, page_webhook: None })
            .unwrap();
    }
    people
}

fn in_room(id: &str) -> Place {
    Place::channel(Room::new(Platform::Slack, id))
}

#[test]
fn a_role_reaches_what_it_includes_and_nothing_above_in_incident_rooms() {
    let people = people();
    let rooms = [Room::new(Platform::Slack, "incidents")];
    for has in Role::ALL {
        for needs in Role::ALL {
            for risk in Risk::ALL {
                for (place, inside) in
                    [(Some(in_room("incidents")), true), (Some(in_room("random")), false), (None, true)]
                {
                    let account = Account::new(Platform::Slack, has.as_str());
                    let requirement = Requirement { risk, role: needs };
                    let decision = authorize(&people, &rooms, &account, place.as_ref(), requirement);
                    let allowed = has >= needs && (inside || !risk.acts());
                    assert_eq!(
                        matches!(decision, Decision::Allowed(_)),
                        allowed,
                        "{has} asks {risk} for {needs} in {place:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_unknown_account_is_refused_everything_and_told_whom_to_ask() {
    let people = people();
    for risk in Risk::ALL {
        // The same id on another platform is another account.
        for account in [Account::new(Platform::Slack, "nobody"), Account::new(Platform::Discord, "admin")] {
            let decision = authorize(&people, &[], &account, None, Requirement { risk, role: Role::Viewer });
            assert_eq!(
                decision,
                Decision::Refused(Refusal::Unknown { ask: vec!["admin person".to_owned()] })
            );
        }
    }
}

#[test]
fn with_nobody_configured_everybody_is_refused() {
    let nobody = People::default();
    let decision = authorize(
        &nobody,
        &[],
        &Account::new(Platform::Web, ""),
        None,
        Requirement { risk: Risk::Read, role: Role::Viewer },
    );
    assert_eq!(decision, Decision::Refused(Refusal::Unknown { ask: vec![] }));
}
