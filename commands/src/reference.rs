//! The command reference, `COMMANDS.md` beside this crate's manifest, written from the grammar.

use std::fmt::Write as _;

use crate::grammar::Grammar;
use crate::help::usage;
use crate::tree::{CommandKind, CommandNode, OptionKind, OptionNode};

/// The whole reference in Markdown.
#[must_use]
pub fn markdown(grammar: &Grammar) -> String {
    let mut page = String::from(
        "# Commands\n\n\
         Written from the grammar by `cargo run -p commands --example reference > commands/COMMANDS.md`; a test keeps it\n\
         current. On Slack and Discord a line starts with `/acgs` or with a mention of the bot; on the web page and after\n\
         `acgs run --` in a terminal it stands alone. Words with spaces in them go into quotes.\n\n\
         | command | what | risk | who |\n| --- | --- | --- | --- |\n",
    );
    let leaves = grammar.tree().leaves();
    for (words, leaf) in &leaves {
        if let CommandKind::Leaf { risk, .. } = &leaf.kind {
            write(&mut page, format_args!("| `{words}` | {} | {risk} | {} |\n", leaf.description, leaf.role));
        }
    }
    for (words, leaf) in &leaves {
        command(&mut page, words, leaf);
    }
    page
}

fn command(page: &mut String, words: &str, leaf: &CommandNode) {
    write(page, format_args!("\n## {words}\n\n`{}`\n", usage(words, leaf)));
    if let Some(details) = &leaf.details {
        write(page, format_args!("\n{details}\n"));
    }
    let CommandKind::Leaf { options, examples, .. } = &leaf.kind else { return };
    if !options.is_empty() {
        page.push_str("\n| option | what | takes |\n| --- | --- | --- |\n");
    }
    for option in options {
        let (usage, what, takes) = (option.usage(), &option.description, takes(option));
        write(page, format_args!("| `{usage}` | {what} | {takes} |\n"));
    }
    if !examples.is_empty() {
        write(page, format_args!("\n```\n{}\n```\n", examples.join("\n")));
    }
}

fn takes(option: &OptionNode) -> String {
    match option.kind {
        OptionKind::Text if option.many => "words".to_owned(),
        OptionKind::Text => "text".to_owned(),
        OptionKind::Integer { min, max } => format!("{min} to {max}"),
        OptionKind::Boolean => "nothing".to_owned(),
        OptionKind::Service => "a configured service".to_owned(),
    }
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_reference_is_current() {
        let committed = include_str!("../COMMANDS.md");
        assert_eq!(
            committed,
            markdown(&Grammar::new(Vec::new())),
            "run `cargo run -p commands --example reference > commands/COMMANDS.md`"
        );
    }
}
