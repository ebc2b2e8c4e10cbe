//! The grammar as data, for whoever offers it to people: Discord's native commands, completion,
//! help and the reference. Derived from the `clap` command; nothing is written twice.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

use crate::ids::ServiceName;
use crate::intent::{limits, push_option};
use crate::line;
use crate::risk::{Requirement, Risk, Role};

/// Every command under its one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTree {
    /// `acgs`.
    pub name: String,
    /// What the bot is for.
    pub description: String,
    /// In the order of help.
    pub commands: Vec<CommandNode>,
}

/// One command or one group of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandNode {
    /// One lower-case word.
    pub name: String,
    /// At most 35 characters.
    pub description: String,
    /// The long text of help.
    pub details: Option<String>,
    /// The weakest role that may run it, or something in it.
    pub role: Role,
    /// Whether it does something or holds others that do.
    pub kind: CommandKind,
}

/// What a node of the tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// It does something.
    Leaf {
        /// What it can do to the platform.
        risk: Risk,
        /// Positional ones first, then by the order of help.
        options: Vec<OptionNode>,
        /// Whole lines.
        examples: Vec<String>,
    },
    /// It holds commands, all of them leaves: Discord allows one level of groups.
    Group {
        /// In the order of help.
        commands: Vec<CommandNode>,
    },
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionNode {
    /// One lower-case word, without dashes.
    pub name: String,
    /// At most 22 characters.
    pub description: String,
    /// The word that stands for the value in help, such as `SECONDS`.
    pub placeholder: String,
    /// What it takes.
    pub kind: OptionKind,
    /// Whether the command can't do without.
    pub required: bool,
    /// Whether it is typed without its name.
    pub positional: bool,
    /// Whether it can be given more than once.
    pub many: bool,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Given or not given: the option has no value in a line, and `true` or `false` on Discord.
    Boolean,
    /// A configured service. Offered by autocomplete.
    Service,
}

impl CommandTree {
    /// The tree of a `clap` command. `needs` knows the risk and the role of a command by its words.
    pub(crate) fn of(root: &Command, needs: &impl Fn(&str) -> Requirement) -> Self {
        Self {
            name: root.get_name().to_owned(),
            description: text(root.get_about()).unwrap_or_default(),
            commands: root.get_subcommands().map(|command| CommandNode::of(command, "", needs)).collect(),
        }
    }

    /// The node with exactly these words; `None` as well for no words at all.
    #[must_use]
    pub fn find(&self, path: &[impl AsRef<str>]) -> Option<&CommandNode> {
        let (last, groups) = path.split_last()?;
        let mut level = self.commands.as_slice();
        for group in groups {
            level = named(level, group.as_ref())?.commands();
        }
        named(level, last.as_ref())
    }

    /// Every leaf with the words that call it.
    #[must_use]
    pub fn leaves(&self) -> Vec<(String, &CommandNode)> {
        self.commands
            .iter()
            .flat_map(|node| match &node.kind {
                CommandKind::Leaf { .. } => vec![(node.name.clone(), node)],
                CommandKind::Group { commands } => {
                    commands.iter().map(|leaf| (format!("{} {}", node.name, leaf.name), leaf)).collect()
                }
            })
            .collect()
    }

    /// The line of the grammar that a native invocation stands for: the command's words and the given
    /// options by name. What the tree does not know stays in the line, for the parser to refuse.
    #[must_use]
    pub fn line(&self, path: &[&str], options: &[(String, String)]) -> String {
        let known = self.find(path).map_or(&[][..], CommandNode::options);
        let (positional, named): (Vec<_>, Vec<_>) = options
            .iter()
            .map(|(name, value)| (known.iter().find(|option| option.name == *name), name, value))
            .partition(|(option, ..)| option.is_some_and(|option| option.positional));
        let positional = in_order(known, positional);
        let dashes = positional.iter().any(|value| value.starts_with('-'));

        let mut words: Vec<String> = path.iter().map(|word| (*word).to_owned()).collect();
        if !dashes {
            words.extend(positional.iter().cloned());
        }
        for (option, name, value) in named {
            if option.is_some_and(|option| option.kind == OptionKind::Boolean) {
                words.extend((value == "true").then(|| format!("--{name}")));
            } else {
                push_option(&mut words, name, Some(value));
            }
        }
        if dashes {
            words.push("--".to_owned());
            words.extend(positional);
        }
        line::join(words.iter().map(String::as_str))
    }

    /// Characters that count against Discord's 8,000: names and descriptions, all the way down.
    #[must_use]
    pub fn total_characters(&self) -> usize {
        count(&self.name)
            + count(&self.description)
            + self.commands.iter().map(CommandNode::total_characters).sum::<usize>()
    }
}

impl CommandNode {
    fn of(command: &Command, parent: &str, needs: &impl Fn(&str) -> Requirement) -> Self {
        let words = format!("{parent}{}", command.get_name());
        let (role, kind) = if command.has_subcommands() {
            let parent = format!("{words} ");
            let commands: Vec<_> =
                command.get_subcommands().map(|leaf| Self::of(leaf, &parent, needs)).collect();
            let weakest = commands.iter().map(|leaf| leaf.role).min().unwrap_or(Role::Admin);
            (weakest, CommandKind::Group { commands })
        } else {
            let needs = needs(&words);
            let options = command
                .get_positionals()
                .chain(command.get_arguments().filter(|arg| !arg.is_positional()))
                .map(OptionNode::of)
                .collect();
            let examples = text(command.get_after_help()).unwrap_or_default();
            let examples = examples.lines().map(str::to_owned).collect();
            (needs.role, CommandKind::Leaf { risk: needs.risk, options, examples })
        };
        Self {
            name: command.get_name().to_owned(),
            description: text(command.get_about()).unwrap_or_default(),
            details: text(command.get_long_about()),
            role,
            kind,
        }
    }

    /// The options of a leaf; none of a group.
    #[must_use]
    pub fn options(&self) -> &[OptionNode] {
        match &self.kind {
            CommandKind::Leaf { options, .. } => options,
            CommandKind::Group { .. } => &[],
        }
    }

    /// The commands of a group; none of a leaf.
    #[must_use]
    pub fn commands(&self) -> &[Self] {
        match &self.kind {
            CommandKind::Leaf { .. } => &[],
            CommandKind::Group { commands } => commands,
        }
    }

    fn total_characters(&self) -> usize {
        let options = self
            .options()
            .iter()
            .map(|option| count(&option.name) + count(&option.description))
            .sum::<usize>();
        let commands = self.commands().iter().map(Self::total_characters).sum::<usize>();
        count(&self.name) + count(&self.description) + options + commands
    }
}

impl OptionNode {
    fn of(arg: &Arg) -> Self {
        let placeholder = arg.get_value_names().and_then(|names| names.first());
        Self {
            name: arg.get_long().unwrap_or(arg.get_id().as_str()).to_owned(),
            description: text(arg.get_help()).unwrap_or_default(),
            placeholder: placeholder.map(ToString::to_string).unwrap_or_default(),
            kind: OptionKind::of(arg),
            required: arg.is_required_set(),
            positional: arg.is_positional(),
            many: matches!(arg.get_action(), ArgAction::Append),
        }
    }

    /// What it is called in a sentence: `SERVICE`, `--wait`.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.positional { self.placeholder.clone() } else { format!("--{}", self.name) }
    }

    /// How it stands in a usage line: `[SERVICE]`, `[--wait SECONDS]`, `[COMMAND...]`.
    #[must_use]
    pub fn usage(&self) -> String {
        let many = if self.many { "..." } else { "" };
        let inner = match (self.positional, self.kind) {
            (true, _) => format!("{}{many}", self.placeholder),
            (false, OptionKind::Boolean) => format!("--{}", self.name),
            (false, _) => format!("--{} {}{many}", self.name, self.placeholder),
        };
        if self.required { inner } else { format!("[{inner}]") }
    }
}

impl OptionKind {
    /// By the type that `clap` parses the value into, so that the tree can't say otherwise.
    fn of(arg: &Arg) -> Self {
        let parses_to = arg.get_value_parser().type_id();
        if is_flag(arg) {
            Self::Boolean
        } else if parses_to == TypeId::of::<ServiceName>() {
            Self::Service
        } else if parses_to == TypeId::of::<u16>() {
            let limits = limits(arg.get_id().as_str());
            Self::Integer { min: *limits.start(), max: *limits.end() }
        } else {
            Self::Text
        }
    }
}

/// The values of positional options in the order in which they are typed.
fn in_order(known: &[OptionNode], mut given: Vec<(Option<&OptionNode>, &String, &String)>) -> Vec<String> {
    given.sort_by_key(|(_, name, _)| known.iter().position(|option| option.name == **name));
    given.into_iter().map(|(_, _, value)| value.clone()).collect()
}

/// Characters that Discord counts.
fn count(text: &str) -> usize {
    text.chars().count()
}

fn text(styled: Option<&clap::builder::StyledStr>) -> Option<String> {
    styled.map(ToString::to_string)
}

fn is_flag(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.get_action().takes_values()
}

fn named<'a>(level: &'a [CommandNode], name: &str) -> Option<&'a CommandNode> {
    level.iter().find(|node| node.name == name)
}

#[cfg(test)]
mod tests;
