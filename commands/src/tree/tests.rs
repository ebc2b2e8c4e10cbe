use clap::{Arg, ArgAction, Command};

use super::*;
use crate::grammar::Grammar;

/// What Discord refuses, and what would use up its 8,000 characters too early.
fn violations(tree: &CommandTree) -> Vec<String> {
    let mut found = Vec::new();
    if tree.total_characters() > 8_000 {
        found.push(format!("{} characters in all", tree.total_characters()));
    }
    level(&tree.commands, 0, &mut found);
    found
}

fn level(commands: &[CommandNode], depth: usize, found: &mut Vec<String>) {
    if commands.len() > 25 {
        found.push(format!("{} commands on one level", commands.len()));
    }
    for node in commands {
        entry(&node.name, &node.description, 35, found);
        if depth > 0 && !node.commands().is_empty() {
            found.push(format!("{} is a group in a group", node.name));
        }
        level(node.commands(), depth + 1, found);
        if node.options().len() > 25 {
            found.push(format!("{} has {} options", node.name, node.options().len()));
        }
        if !node.options().is_sorted_by_key(|option| !option.required) {
            found.push(format!("{} has a required option after one that is not", node.name));
        }
        for option in node.options() {
            entry(&option.name, &option.description, 22, found);
        }
    }
}

fn entry(name: &str, description: &str, most: usize, found: &mut Vec<String>) {
    let good = regex::Regex::new("^[a-z][a-z0-9-]{0,31}$").unwrap();
    if !good.is_match(name) {
        found.push(format!("{name} is no name"));
    }
    if description.is_empty() || description.chars().count() > most {
        found.push(format!("{name} has {} characters of description", description.chars().count()));
    }
}

fn today() -> CommandTree {
    Grammar::new(Vec::new()).tree().clone()
}

#[test]
fn the_tree_fits_discord() {
    assert_eq!(violations(&today()), Vec::<String>::new());
}

#[test]
fn what_discord_refuses_is_found() {
    let long = "x".repeat(36);
    let mut bad = Command::new("acgs").subcommand(
        Command::new("Group").about("a").subcommand(
            Command::new("inner").about("b").subcommand(
                Command::new("leaf")
                    .about(long)
                    .arg(Arg::new("one").long("one").help("1"))
                    .arg(Arg::new("two").long("two").help("2").required(true)),
            ),
        ),
    );
    for at in 0..25 {
        bad = bad.subcommand(Command::new(format!("c{at}")).about("x".repeat(320)));
    }
    let tree = CommandTree::of(&bad, &|_| Requirement { risk: Risk::Read, role: Role::Viewer });
    let found = violations(&tree);
    for expected in [
        "in all",
        "26 commands on one level",
        "Group is no name",
        "inner is a group in a group",
        "leaf has 36 characters",
        "required option after",
        "c0 has 320 characters",
    ] {
        assert!(found.iter().any(|violation| violation.contains(expected)), "{expected} in {found:?}");
    }
}

#[test]
fn the_tree_says_what_each_argument_takes() {
    let tree = today();
    let kinds = |words: &str| {
        let node = tree.find(&words.split(' ').collect::<Vec<_>>()).unwrap();
        node.options().iter().map(|option| (option.usage(), option.kind)).collect::<Vec<_>>()
    };
    let usage = |text: &str, kind| (text.to_owned(), kind);
    assert_eq!(
        kinds("health"),
        [
            usage("[SERVICE]", OptionKind::Service),
            usage("[--wait SECONDS]", OptionKind::Integer { min: 5, max: 300 }),
            usage("[--watch TIME]", OptionKind::Text),
            usage("[--deep]", OptionKind::Boolean),
            usage("[--public]", OptionKind::Boolean)
        ]
    );
    assert_eq!(
        kinds("audit"),
        [
            usage("[--last N]", OptionKind::Integer { min: 1, max: 200 }),
            usage("[--person NAME]", OptionKind::Text),
            usage("[--run RUNID]", OptionKind::Text)
        ]
    );
    assert_eq!(kinds("help"), [usage("[COMMAND...]", OptionKind::Text)]);
    assert_eq!(tree.find(&["audit"]).unwrap().role, Role::Admin);
    assert!(tree.find(&["health", "auth_service"]).is_none());
    assert!(tree.find(&[""; 0]).is_none());
}

fn grown() -> CommandTree {
    let scale = Command::new("scale")
        .about("Run more of a service")
        .arg(Arg::new("service").value_name("SERVICE").required(true))
        .arg(Arg::new("count").value_name("N").required(true))
        .arg(Arg::new("force").long("force").action(ArgAction::SetTrue))
        .arg(Arg::new("reason").long("reason").value_name("TEXT"));
    let root = Command::new("acgs").subcommand(
        Command::new("stack").about("All of it").subcommand(scale).subcommand(Command::new("ps")),
    );
    CommandTree::of(&root, &|words| Requirement {
        risk: Risk::Destructive,
        role: if words == "stack ps" { Role::Viewer } else { Role::Operator },
    })
}

#[test]
fn a_group_is_for_whoever_may_run_something_in_it() {
    let tree = grown();
    assert_eq!(tree.find(&["stack"]).unwrap().role, Role::Viewer);
    assert_eq!(tree.find(&["stack", "scale"]).unwrap().role, Role::Operator);
    let leaves: Vec<_> = tree.leaves().into_iter().map(|(words, _)| words).collect();
    assert_eq!(leaves, ["stack scale", "stack ps"]);
}

#[test]
fn a_native_invocation_becomes_a_line() {
    let tree = grown();
    let table: [(&[(&str, &str)], &str); 7] = [
        (&[("service", "gs_service"), ("count", "2")], "stack scale gs_service 2"),
        (&[("count", "2"), ("service", "gs_service")], "stack scale gs_service 2"),
        (
            &[("reason", "too slow; $(x)"), ("service", "gs"), ("force", "true")],
            "stack scale gs --reason 'too slow; $(x)' --force",
        ),
        (&[("force", "false")], "stack scale"),
        (&[("service", "-x"), ("reason", "-y z")], "stack scale '--reason=-y z' -- -x"),
        (&[("gone", "1")], "stack scale --gone 1"),
        (&[("reason", "it's \"x\"")], r#"stack scale --reason "it's \"x\"""#),
    ];
    for (options, line) in table {
        let options: Vec<_> =
            options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(tree.line(&["stack", "scale"], &options), line);
    }
}

#[test]
fn a_native_invocation_means_what_its_line_means() {
    let grammar = Grammar::new(vec!["auth_service".parse().unwrap()]);
    let options = [("wait".to_owned(), "60".to_owned()), ("service".to_owned(), "auth_service".to_owned())];
    let line = grammar.tree().line(&["health"], &options);
    assert_eq!(line, "health auth_service --wait 60");
    assert_eq!(grammar.parse(&line).unwrap().to_string(), line);
}
