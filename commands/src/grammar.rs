//! The one parser of lines, for every platform and for the terminal.
//!
//! The `clap` command of [`Intent`] is built once: parsing with it takes microseconds, building it
//! fifty times as long. The only thing put into it at run time is the configured list of services,
//! so a service's name in an [`Intent`] is one of that list and never the text that was typed.

use std::any::TypeId;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Command, FromArgMatches as _, Subcommand as _};

use crate::ids::ServiceName;
use crate::intent::Intent;
use crate::line;
use crate::parse::{ParseError, Refused};
use crate::risk::{Requirement, Risk, Role};
use crate::tree::CommandTree;
use crate::verb::Verb;

/// Parses lines, completes them and explains them. Cheap to share, not to build.
#[derive(Debug)]
pub struct Grammar {
    /// `clap` parses with `&mut`; what it changes there are caches, so a poisoned lock is still good.
    command: Mutex<Command>,
    tree: CommandTree,
    services: Arc<[ServiceName]>,
}

impl Grammar {
    /// The grammar for a platform with these services.
    #[must_use]
    pub fn new(services: Vec<ServiceName>) -> Self {
        let services: Arc<[ServiceName]> = services.into();
        let mut command = with_services(root(), &services);
        command.build();
        // A command without an entry could be run by nobody but the strongest; a test holds that there is none.
        let needs = |words: &str| Verb::find(words).map_or(STRICTEST, Verb::needs);
        let tree = CommandTree::of(&command, &needs);
        Self { command: Mutex::new(command), tree, services }
    }

    /// What a typed line means. An empty one asks for help.
    ///
    /// # Errors
    /// When it means nothing; the error says what to type instead.
    pub fn parse(&self, line: &str) -> Result<Intent, ParseError> {
        self.understand(line::split(line)?)
    }

    /// What the terminal's arguments mean, which a shell has split already.
    ///
    /// # Errors
    /// As [`Grammar::parse`].
    pub fn parse_words(&self, words: &[String]) -> Result<Intent, ParseError> {
        self.understand(line::plain_words(words)?)
    }

    /// Every command with its options.
    #[must_use]
    pub const fn tree(&self) -> &CommandTree {
        &self.tree
    }

    /// The configured services, in their order.
    #[must_use]
    pub fn services(&self) -> &[ServiceName] {
        &self.services
    }

    fn understand(&self, mut words: Vec<String>) -> Result<Intent, ParseError> {
        let depth = self.lower_command(&mut words);
        if let Some(topic) = asks_for_help(&words, depth) {
            return Ok(Intent::Help { topic: topic.to_vec() });
        }
        let mut command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
        let parsed =
            command.try_get_matches_from_mut(&words).and_then(|matches| Intent::from_arg_matches(&matches));
        let intent = parsed.map_err(|error| {
            let refused =
                Refused { tree: &self.tree, services: &self.services, root: &command, words: &words, depth };
            ParseError::of(&error, refused)
        })?;
        drop(command);
        match intent {
            Intent::Help { topic } => Ok(Intent::Help { topic: self.topic(&topic)? }),
            other => Ok(other),
        }
    }

    /// Writes the command's words in lower case, since phones begin a message with a capital. Returns
    /// how many words name the command.
    fn lower_command(&self, words: &mut [String]) -> usize {
        let mut level = self.tree.commands.as_slice();
        for (depth, word) in words.iter_mut().enumerate() {
            let Some(node) = level.iter().find(|node| node.name.eq_ignore_ascii_case(word)) else {
                return depth;
            };
            word.clone_from(&node.name);
            level = node.commands();
        }
        words.len()
    }

    /// The words of a topic of help, each apart and known to the tree.
    pub(crate) fn topic(&self, typed: &[String]) -> Result<Vec<String>, ParseError> {
        let mut topic: Vec<String> =
            typed.iter().flat_map(|word| word.split_whitespace()).map(str::to_owned).collect();
        let known = self.lower_command(&mut topic);
        match topic.get(known) {
            Some(unknown) => Err(ParseError::unknown_command(&self.tree, &topic[..known], unknown)),
            None => Ok(topic),
        }
    }
}

const STRICTEST: Requirement = Requirement { risk: Risk::Critical, role: Role::Admin };

/// The whole command. `clap`'s own help is off: it writes for terminals, and what it shows does not
/// depend on who asks.
fn root() -> Command {
    Intent::augment_subcommands(Command::new("acgs"))
        // The derive has put the documentation of `Intent` here.
        .about("Runbook bot of ACGS-PGP")
        .long_about(None)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
}

/// Lets every argument that is a service take the configured names alone.
fn with_services(command: Command, services: &Arc<[ServiceName]>) -> Command {
    command
        .mut_args(|arg| {
            if arg.get_value_parser().type_id() != TypeId::of::<ServiceName>() {
                return arg;
            }
            let services = Arc::clone(services);
            arg.value_parser(move |typed: &str| find(&services, typed).ok_or("no such service"))
        })
        .mut_subcommands(|command| with_services(command, services))
}

/// Names are lower case, so that ignoring case can't take one for another.
fn find(services: &[ServiceName], typed: &str) -> Option<ServiceName> {
    services.iter().find(|name| name.as_str().eq_ignore_ascii_case(typed)).cloned()
}

/// `--help` anywhere before `--` asks what the command does instead of running it.
fn asks_for_help(words: &[String], depth: usize) -> Option<&[String]> {
    let asks = words.iter().take_while(|word| *word != "--").any(|word| word == "--help" || word == "-h");
    let of_command = depth > 0 || words.first().is_some_and(|word| word.starts_with('-'));
    let topic = &words[..depth];
    (words.is_empty() || (asks && of_command)).then_some(topic)
}

#[cfg(test)]
pub(crate) mod tests;
