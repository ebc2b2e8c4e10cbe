use clap::{Arg, Command};

use super::*;
use crate::grammar::Grammar;
use crate::risk::{Requirement, Risk};

fn grammar() -> Grammar {
    let names =
        ["auth_service", "ac_service", "integrity_service", "fv_service", "gs_service", "pgc_service"];
    Grammar::new(names.iter().map(|name| name.parse().unwrap()).collect())
}

#[test]
fn refusals_say_what_to_type_instead() {
    let table = [
        ("helth", r#"There is no command "helth". Did you mean health? Type help for the list."#),
        ("reboot auth_service", r#"There is no command "reboot". Type help for the list."#),
        ("'health auth_service'", r#"There is no command "health auth_service". Type help for the list."#),
        ("--wait 5", r#"There is no command "--wait". Type help for the list."#),
        ("help helth", r#"There is no command "helth". Did you mean health? Type help for the list."#),
        ("help health now", r#"There is no command "health now". Type help for the list."#),
        (
            "health --wiat 60",
            "health has no option --wiat. Did you mean --wait? Type help health for its options.",
        ),
        (
            "health --wiat=60",
            "health has no option --wiat. Did you mean --wait? Type help health for its options.",
        ),
        (
            "health -wait 60",
            "health has no option -wait. Did you mean --wait? Type help health for its options.",
        ),
        ("health --follow", "health has no option --follow. Type help health for its options."),
        (
            "health auth_servcie",
            r#"There is no service "auth_servcie". Did you mean auth_service? Services: auth_service, ac_service, integrity_service, fv_service, gs_service, pgc_service."#,
        ),
        (
            "health auth",
            r#"There is no service "auth". Did you mean auth_service? Services: auth_service, ac_service, integrity_service, fv_service, gs_service, pgc_service."#,
        ),
        (
            "health database",
            r#"There is no service "database". Services: auth_service, ac_service, integrity_service, fv_service, gs_service, pgc_service."#,
        ),
        (
            "health auth_service gs_service",
            r#"health does not take "gs_service". Leave it out, or put quotes around words that belong together."#,
        ),
        ("health --wait", "--wait needs a value: a whole number from 5 to 300."),
        ("health --wait 4", r#""4" does not fit --wait: it takes a whole number from 5 to 300."#),
        ("health --wait 301", r#""301" does not fit --wait: it takes a whole number from 5 to 300."#),
        ("health --wait -5", r#""-5" does not fit --wait: it takes a whole number from 5 to 300."#),
        ("health --wait soon", r#""soon" does not fit --wait: it takes a whole number from 5 to 300."#),
        ("health --deep --wait 5", "--deep and --wait do not go together: keep one of them."),
        ("health auth_service --deep", "SERVICE and --deep do not go together: keep one of them."),
        ("health --wait 5 --wait 6", "--wait is given twice: keep one."),
        ("audit --last many", r#""many" does not fit --last: it takes a whole number from 1 to 200."#),
        ("audit --person ''", "--person needs a value: NAME."),
        ("audit --run", "--run needs a value: RUNID."),
        (
            "audit --run abc",
            r#""abc" does not fit --run: it takes the 12 hex digits that stand under an answer, such as 00c0ffee1234."#,
        ),
    ];
    let grammar = grammar();
    for (line, refusal) in table {
        let error = grammar.parse(line).expect_err(line);
        assert_eq!(error.to_string(), refusal, "{line}");
    }
}

#[test]
fn refusals_are_typed() {
    let grammar = grammar();
    let known = grammar.services().to_vec();
    let table = [
        (
            "helth",
            ParseError::UnknownCommand { typed: "helth".to_owned(), suggestion: Some("health".to_owned()) },
        ),
        ("health ''", ParseError::UnknownService { typed: String::new(), suggestion: None, known }),
        (
            "health --wait 9e9",
            ParseError::BadValue {
                option: "--wait".to_owned(),
                typed: "9e9".to_owned(),
                expected: "a whole number from 5 to 300".to_owned(),
            },
        ),
        ("audit alice", ParseError::TooMany { command: "audit".to_owned(), typed: "alice".to_owned() }),
        ("health '", ParseError::Line(LineError::OpenQuote)),
    ];
    for (line, error) in table {
        assert_eq!(grammar.parse(line), Err(error), "{line}");
    }
}

#[test]
fn two_hundred_services_do_not_make_a_long_refusal() {
    let grammar = Grammar::new((0..200).map(|at| format!("service-{at}").parse().unwrap()).collect());
    insta::assert_snapshot!(grammar.parse("health database").unwrap_err(), @r#"There is no service "database". Services: service-0, service-1, service-2, service-3, service-4, service-5, service-6, service-7, service-8, service-9 and 190 more."#);
    let none = Grammar::new(Vec::new());
    insta::assert_snapshot!(none.parse("health database").unwrap_err(), @r#"There is no service "database". No service is configured."#);
}

/// A grammar with a group and a required argument, which today's has not.
fn refusal_of_a_grown_grammar(words: &[&str], depth: usize) -> ParseError {
    let scale = Command::new("scale")
        .arg(Arg::new("service").value_name("SERVICE").required(true))
        .arg(Arg::new("to").long("to").value_name("N").required(true));
    let stack =
        Command::new("stack").subcommand_required(true).subcommand(scale).subcommand(Command::new("stop"));
    let mut root = Command::new("acgs")
        .no_binary_name(true)
        .subcommand_required(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand(stack);
    root.build();
    let needs = |_: &str| Requirement { risk: Risk::Change, role: Role::Operator };
    let tree = CommandTree::of(&root, &needs);
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let error = root.try_get_matches_from_mut(&words).unwrap_err();
    ParseError::of(&error, Refused { tree: &tree, services: &[], root: &root, words: &words, depth })
}

#[test]
fn groups_and_required_arguments_have_their_own_refusals() {
    let table: [(&[&str], usize, &str); 5] = [
        (&["stack"], 1, "stack needs one of these after it: scale, stop."),
        (
            &["stack", "scael"],
            1,
            r#"There is no command "stack scael". Did you mean stack scale? Type help for the list."#,
        ),
        (&["stack", "scale"], 2, "stack scale needs SERVICE. Type help stack scale to see how it is used."),
        (
            &["stack", "scale", "gs"],
            2,
            "stack scale needs --to N. Type help stack scale to see how it is used.",
        ),
        (
            &["stack", "stop", "--now"],
            2,
            "stack stop has no option --now. Type help stack stop for its options.",
        ),
    ];
    for (words, depth, refusal) in table {
        assert_eq!(refusal_of_a_grown_grammar(words, depth).to_string(), refusal, "{words:?}");
    }
}
