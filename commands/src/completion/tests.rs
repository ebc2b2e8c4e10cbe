use super::*;

fn offers(line: &str, role: Option<Role>) -> String {
    let names = ["auth_service", "ac_service", "gs_service"];
    let grammar = Grammar::new(names.iter().map(|name| name.parse().unwrap()).collect());
    grammar.complete(line, role).into_iter().map(|offer| offer.insert).collect::<Vec<_>>().join(" ")
}

/// The commands and groups of the first level that this role may use.
fn first_level(role: Role) -> String {
    let grammar = Grammar::new(Vec::new());
    let allowed = grammar.tree().commands.iter().filter(|node| role >= node.role);
    allowed.map(|node| node.name.clone()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_next_word_is_offered() {
    assert_eq!(offers("", Some(Role::Admin)), first_level(Role::Admin));
    assert_eq!(offers("help ", Some(Role::Admin)), first_level(Role::Admin));
    let table = [
        ("he", "health help"),
        ("HE", "health help"),
        ("/acgs he", "health help"),
        ("health", "health"),
        ("health ", "auth_service ac_service gs_service --wait --watch --deep --public"),
        ("Health a", "auth_service ac_service"),
        ("health au", "auth_service"),
        ("health gs", "gs_service"),
        ("health c_s", "ac_service"),
        ("health --", "--wait --watch --deep --public"),
        ("health auth_service ", "--wait --watch --deep --public"),
        ("health auth_service --w", "--wait --watch"),
        ("health --wait ", ""),
        ("health --wait 60 ", "auth_service ac_service gs_service --watch --deep --public"),
        ("health --wait 60 auth_service ", "--watch --deep --public"),
        ("audit --", "--last --person --run"),
        ("audit --last 5 --", "--person --run"),
        ("help aud", "audit"),
        ("db con", "connections"),
        ("db slow ", "--by"),
        ("nothing ", ""),
    ];
    for (line, offered) in table {
        assert_eq!(offers(line, Some(Role::Admin)), offered, "{line:?}");
    }
}

#[test]
fn only_what_the_asker_may_run_is_offered() {
    assert_eq!(offers("", Some(Role::Viewer)), first_level(Role::Viewer));
    assert!(first_level(Role::Viewer).contains("health") && !first_level(Role::Viewer).contains("audit"));
    assert_eq!(offers("audit --", Some(Role::Approver)), "");
    assert_eq!(offers("help ", Some(Role::Viewer)), first_level(Role::Viewer));
    assert_eq!(offers("", None), "");
    assert_eq!(offers("health ", None), "");
}

#[test]
fn a_service_is_offered_by_a_part_of_its_name() {
    let grammar = Grammar::new(vec!["auth_service".parse().unwrap(), "gs_service".parse().unwrap()]);
    let offers = |typed: &str, role| {
        let offers = grammar.complete_service(typed, role);
        offers.into_iter().map(|offer| offer.insert).collect::<Vec<_>>()
    };
    assert_eq!(offers("", Some(Role::Viewer)), ["auth_service", "gs_service"]);
    assert_eq!(offers("S_SERV", Some(Role::Viewer)), ["gs_service"]);
    assert_eq!(offers("two words", Some(Role::Viewer)), [""; 0]);
    assert_eq!(offers("", None), [""; 0]);
}

#[test]
fn discord_never_gets_more_than_it_takes() {
    let grammar = Grammar::new((0..200).map(|at| format!("service-{at}").parse().unwrap()).collect());
    assert_eq!(grammar.complete("health service-1", Some(Role::Viewer)).len(), MOST);
    assert_eq!(grammar.complete(&"health ".repeat(10_000), Some(Role::Viewer)), []);
}
