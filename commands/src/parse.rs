//! Why a line is no command. Read from `clap`'s error kinds and contexts, never from its prose, which
//! is written for terminals and repeats the whole typed text.
//!
//! Whatever was typed, an error is short: typed words are cleaned and cut before they get in here.

use std::error::Error as _;
use std::fmt;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::escape::clean;
use crate::ids::ServiceName;
use crate::layout::short;
use crate::line::LineError;
use crate::risk::Role;
use crate::suggestion::nearest;
use crate::tree::{CommandNode, CommandTree, OptionKind, OptionNode};

/// Characters of typed text that an error repeats.
const TYPED: usize = 40;

/// Service names that an error lists.
const LISTED: usize = 10;

/// Why a line is no command. The message is one or two sentences that say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It can't even be split into words.
    #[error(transparent)]
    Line(#[from] LineError),
    /// No command or group has this name.
    #[error("There is no command \"{typed}\".{} Type help for the list.", DidYouMean(suggestion))]
    UnknownCommand {
        /// As typed, with its group.
        typed: String,
        /// The command that was probably meant.
        suggestion: Option<String>,
    },
    /// A group without one of its commands.
    #[error("{group} needs one of these after it: {}.", known.join(", "))]
    MissingCommand {
        /// The group.
        group: String,
        /// Its commands.
        known: Vec<String>,
    },
    /// The command has no such option.
    #[error(
        "{command} has no option {typed}.{} Type help {command} for its options.",
        DidYouMean(suggestion)
    )]
    UnknownOption {
        /// The command.
        command: String,
        /// As typed, with its dashes.
        typed: String,
        /// The option that was probably meant, with its dashes.
        suggestion: Option<String>,
    },
    /// No configured service has this name.
    #[error("There is no service \"{typed}\".{} {}", DidYouMean(suggestion), Known(known))]
    UnknownService {
        /// As typed.
        typed: String,
        /// The service that was probably meant.
        suggestion: Option<String>,
        /// All configured services.
        known: Vec<ServiceName>,
    },
    /// The command can't do without an argument.
    #[error("{command} needs {argument}. Type help {command} to see how it is used.")]
    MissingArgument {
        /// The command.
        command: String,
        /// As in help: `SERVICE`, `--to N`.
        argument: String,
    },
    /// An option without its value.
    #[error("--{option} needs a value: {expected}.")]
    MissingValue {
        /// Without dashes.
        option: String,
        /// What the value may be.
        expected: String,
    },
    /// A value that the option does not take.
    #[error("\"{typed}\" does not fit {option}: it takes {expected}.")]
    BadValue {
        /// With its dashes; the placeholder of a positional one.
        option: String,
        /// As typed.
        typed: String,
        /// What the value may be.
        expected: String,
    },
    /// A word after the last one that the command takes.
    #[error(
        "{command} does not take \"{typed}\". Leave it out, or put quotes around words that belong together."
    )]
    TooMany {
        /// The command.
        command: String,
        /// The first word too many.
        typed: String,
    },
    /// An option given twice.
    #[error("--{option} is given twice: keep one.")]
    Repeated {
        /// Without dashes.
        option: String,
    },
    /// Two options that exclude each other.
    #[error("{option} and {other} do not go together: keep one of them.")]
    Together {
        /// As in help.
        option: String,
        /// As in help.
        other: String,
    },
    /// Help was asked for a command that the asker may not run.
    #[error("{command} is for people with the role {role}: ask one of them.")]
    NotForRole {
        /// The command.
        command: String,
        /// The weakest role that may run it.
        role: Role,
    },
}

impl ParseError {
    /// No node of the tree is called `typed` below the group `path`.
    pub(crate) fn unknown_command(tree: &CommandTree, path: &[String], typed: &str) -> Self {
        let siblings = tree.find(path).map_or(tree.commands.as_slice(), CommandNode::commands);
        let with_group =
            |name: &str| path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(" ");
        Self::UnknownCommand {
            typed: shown(&with_group(typed)),
            suggestion: nearest(typed, siblings.iter().map(|node| node.name.as_str())).map(&with_group),
        }
    }

    /// What `clap`'s error means for the words that the grammar refused.
    pub(crate) fn of(error: &clap::Error, refused: Refused<'_>) -> Self {
        let node = refused.tree.find(refused.path());
        let command = refused.path().join(" ");
        let args = context(error, ContextKind::InvalidArg);
        let arg = args.first().map_or("", String::as_str);
        let option = node.and_then(|node| refused.option(node, &args));
        match (error.kind(), node, option) {
            (ErrorKind::MissingSubcommand, Some(group), _) => Self::MissingCommand {
                group: command,
                known: group.commands().iter().map(|leaf| leaf.name.clone()).collect(),
            },
            (ErrorKind::UnknownArgument, Some(leaf), _) if arg.starts_with('-') => {
                refused.unknown_option(command, leaf, arg)
            }
            (ErrorKind::UnknownArgument, Some(_), _) => Self::TooMany { command, typed: shown(arg) },
            (ErrorKind::MissingRequiredArgument, Some(_), Some(option)) => {
                let argument = option.usage().trim_matches(['[', ']']).to_owned();
                Self::MissingArgument { command, argument }
            }
            (ErrorKind::ArgumentConflict, Some(node), Some(option)) => {
                let prior = context(error, ContextKind::PriorArg);
                match refused.option(node, &prior).filter(|other| other.name != option.name) {
                    Some(other) => Self::Together { option: option.shown(), other: other.shown() },
                    None => Self::Repeated { option: option.name.clone() },
                }
            }
            (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(_), Some(option)) => {
                let typed = context(error, ContextKind::InvalidValue);
                refused.bad_value(option, typed.first().map_or("", String::as_str), error)
            }
            // The word after the path is where parsing stopped. The kinds that are left can't come of
            // words that are Unicode and of a grammar without versions or rendered help.
            _ => {
                let typed = refused.words.get(refused.depth).map_or("", String::as_str);
                Self::unknown_command(refused.tree, refused.path(), typed)
            }
        }
    }
}

/// Words that the grammar refused, and how far they reached.
#[derive(Clone, Copy)]
pub(crate) struct Refused<'a> {
    pub tree: &'a CommandTree,
    pub services: &'a [ServiceName],
    pub root: &'a Command,
    pub words: &'a [String],
    /// How many of the words name the command or the group.
    pub depth: usize,
}

impl<'a> Refused<'a> {
    fn path(self) -> &'a [String] {
        &self.words[..self.depth]
    }

    /// The first of the options that `clap` names in its own way of writing them: `--wait <SECONDS>`.
    fn option(self, node: &'a CommandNode, args: &[String]) -> Option<&'a OptionNode> {
        let command =
            self.path().iter().try_fold(self.root, |command, word| command.find_subcommand(word))?;
        // Where one needs another, clap writes that one as if it were always needed: `<SERVICE>`.
        let bare = |text: &str| text.trim_matches(['[', ']', '<', '>']).to_owned();
        let args: Vec<String> = args.iter().map(|arg| bare(arg)).collect();
        let meant = command.get_arguments().filter(|arg| args.contains(&bare(&arg.to_string())));
        let names: Vec<_> = meant.map(|arg| arg.get_long().unwrap_or(arg.get_id().as_str())).collect();
        node.options().iter().find(|option| names.contains(&option.name.as_str()))
    }

    fn unknown_option(self, command: String, leaf: &CommandNode, arg: &str) -> ParseError {
        // Of `-wait` clap names the `-w` alone; people mean the word.
        let typed = self.words.iter().find(|word| word.starts_with(arg)).map_or(arg, String::as_str);
        let typed = typed.split('=').next().unwrap_or(typed);
        let names = leaf.options().iter().filter(|option| !option.positional);
        let meant = nearest(typed.trim_start_matches('-'), names.map(|option| option.name.as_str()));
        ParseError::UnknownOption {
            command,
            typed: shown(typed),
            suggestion: meant.map(|name| format!("--{name}")),
        }
    }

    fn bad_value(self, option: &OptionNode, typed: &str, error: &clap::Error) -> ParseError {
        let expected = match option.kind {
            OptionKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            OptionKind::Service => "the name of a service".to_owned(),
            OptionKind::Boolean | OptionKind::Text => {
                error.source().map_or_else(|| option.placeholder.clone(), ToString::to_string)
            }
        };
        if error.kind() == ErrorKind::InvalidValue && typed.is_empty() {
            ParseError::MissingValue { option: option.name.clone(), expected }
        } else if option.kind == OptionKind::Service {
            ParseError::UnknownService {
                typed: shown(typed),
                suggestion: nearest(typed, self.services.iter().map(ServiceName::as_str)).map(str::to_owned),
                known: self.services.to_vec(),
            }
        } else {
            let option =
                if option.positional { option.placeholder.clone() } else { format!("--{}", option.name) };
            ParseError::BadValue { option, typed: shown(typed), expected }
        }
    }
}

/// One part of an error's context; empty when it is not there.
fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn shown(typed: &str) -> String {
    short(&clean(typed), TYPED)
}

struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(meant) => write!(f, " Did you mean {meant}?"),
            None => Ok(()),
        }
    }
}

struct Known<'a>(&'a [ServiceName]);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.0.split_first() else {
            return f.write_str("No service is configured.");
        };
        write!(f, "Services: {first}")?;
        for name in others.iter().take(LISTED - 1) {
            write!(f, ", {name}")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => f.write_str("."),
            more => write!(f, " and {more} more."),
        }
    }
}

#[cfg(test)]
mod tests;
