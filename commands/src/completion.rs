//! What could come next in a line that is still being typed: for the web page's completion and for
//! Discord's autocomplete.
//!
//! Offers are words, not lines: the word being typed is replaced by what is offered. Quotes are not
//! looked into, because nothing that is offered needs any.

use crate::grammar::Grammar;
use crate::ids::ServiceName;
use crate::line::MAX_BYTES;
use crate::risk::Role;
use crate::tree::{CommandKind, CommandNode, OptionKind, OptionNode};
use crate::verb::Verb;

/// Most offers at once; Discord takes no more.
pub const MOST: usize = 25;

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The word that replaces the one being typed.
    pub insert: String,
    /// What it is, in a few words.
    pub describe: String,
}

impl Grammar {
    /// What the last word of `line` (after a space: the next one) could be, for somebody with this
    /// role. What nobody in particular (`None`) may run is not offered, and that is everything.
    #[must_use]
    pub fn complete(&self, line: &str, role: Option<Role>) -> Vec<Completion> {
        if line.len() > MAX_BYTES {
            return Vec::new();
        }
        let line = line.trim_start();
        let line = line.strip_prefix("/acgs ").unwrap_or(line);
        let (before, typed) = line.rsplit_once(char::is_whitespace).unwrap_or(("", line));
        let mut level = allowed(&self.tree().commands, role);
        let mut words = before.split_whitespace();
        while let Some(word) = words.next() {
            let Some(node) = level.iter().find(|node| node.name.eq_ignore_ascii_case(word)) else {
                return Vec::new();
            };
            match &node.kind {
                CommandKind::Group { commands } => level = allowed(commands, role),
                CommandKind::Leaf { .. } => {
                    return self.arguments(node, &words.collect::<Vec<_>>(), typed, role);
                }
            }
        }
        fitting(typed, level.into_iter().map(offered))
    }

    /// The services that `typed` could be the beginning or a part of, for somebody with any role: what
    /// Discord asks for while a service is being typed.
    #[must_use]
    pub fn complete_service(&self, typed: &str, role: Option<Role>) -> Vec<Completion> {
        if role.is_none() || typed.len() > MAX_BYTES {
            return Vec::new();
        }
        let names = self.services().iter().map(ServiceName::to_string);
        fitting(typed, names.map(|name| (name, "service".to_owned())))
    }

    fn arguments(
        &self,
        leaf: &CommandNode,
        before: &[&str],
        typed: &str,
        role: Option<Role>,
    ) -> Vec<Completion> {
        let options = leaf.options();
        let by_name = |word: &str| {
            let name = word.strip_prefix("--")?;
            options.iter().find(|option| !option.positional && option.name == name)
        };
        let takes_value = |option: &&OptionNode| option.kind != OptionKind::Boolean;
        if let Some(option) = before.last().and_then(|word| by_name(word)).filter(takes_value) {
            return self.values(option, typed, role);
        }
        let given = before.iter().enumerate().filter(|(at, word)| {
            let is_value = at.checked_sub(1).and_then(|at| by_name(before[at])).filter(takes_value).is_some();
            !is_value && !word.starts_with("--")
        });
        let next = options.iter().filter(|option| option.positional).nth(given.count());
        let mut offers = Vec::new();
        if let Some(option) = next {
            offers = if leaf.name == Verb::Help.as_str() {
                fitting(typed, allowed(&self.tree().commands, role).into_iter().map(offered))
            } else {
                self.values(option, typed, role)
            };
        }
        let unused = options.iter().filter(|option| {
            !option.positional
                && (option.many || !before.iter().any(|word| word.strip_prefix("--") == Some(&option.name)))
        });
        if typed.is_empty() || typed.starts_with('-') {
            let names = unused.map(|option| (format!("--{}", option.name), option.description.clone()));
            offers.extend(fitting(typed, names));
            offers.truncate(MOST);
        }
        offers
    }

    fn values(&self, option: &OptionNode, typed: &str, role: Option<Role>) -> Vec<Completion> {
        match option.kind {
            OptionKind::Service => self.complete_service(typed, role),
            OptionKind::Text | OptionKind::Integer { .. } | OptionKind::Boolean => Vec::new(),
        }
    }
}

fn allowed(level: &[CommandNode], role: Option<Role>) -> Vec<&CommandNode> {
    level.iter().filter(|node| role.is_some_and(|role| role >= node.role)).collect()
}

fn offered(node: &CommandNode) -> (String, String) {
    (node.name.clone(), node.description.clone())
}

/// The candidates that start with what is typed, then those that have it inside; each in their order.
fn fitting(typed: &str, candidates: impl Iterator<Item = (String, String)>) -> Vec<Completion> {
    let typed = typed.to_lowercase();
    let (mut first, second): (Vec<_>, Vec<_>) = candidates
        .filter(|(insert, _)| insert.contains(&typed))
        .map(|(insert, describe)| Completion { insert, describe })
        .partition(|offer| offer.insert.starts_with(&typed));
    first.extend(second);
    first.truncate(MOST);
    first
}

#[cfg(test)]
mod tests;
