//! What `help` answers, as data: for everything, for a group or for one command, and only what the
//! asker may run. Wording around it and its shape on a platform belong to others.

use std::fmt;

use crate::grammar::Grammar;
use crate::parse::ParseError;
use crate::risk::{Requirement, Role};
use crate::tree::{CommandKind, CommandNode};

/// One page of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// The command's or the group's words; empty on the page of everything.
    pub topic: String,
    /// How it is typed: `health [SERVICE] [--wait SECONDS]`.
    pub usage: String,
    /// What it does, in a sentence or a few.
    pub text: String,
    /// Commands with their descriptions, for everything and for a group.
    pub commands: Vec<(String, String)>,
    /// Options with their descriptions, for a command.
    pub options: Vec<(String, String)>,
    /// Whole lines to try.
    pub examples: Vec<String>,
    /// What the command can do and who may run it; none for a page of several.
    pub needs: Option<Requirement>,
}

impl Grammar {
    /// The page on a topic (no words: everything) for somebody with this role. Nobody in particular
    /// (`None`) may run nothing and so sees an empty list.
    ///
    /// # Errors
    /// When there is no such command, or one that the asker may not run.
    pub fn help(&self, topic: &[String], role: Option<Role>) -> Result<Help, ParseError> {
        let topic = self.topic(topic)?;
        let name = topic.join(" ");
        let Some(node) = self.tree().find(&topic) else {
            return Ok(list(&self.tree().description, "", &self.tree().commands, role));
        };
        if role.is_none_or(|role| role < node.role) {
            return Err(ParseError::NotForRole { command: name, role: node.role });
        }
        Ok(match &node.kind {
            CommandKind::Group { commands } => list(&node.description, &name, commands, role),
            CommandKind::Leaf { risk, options, examples } => Help {
                usage: usage(&name, node),
                topic: name,
                text: node.details.clone().unwrap_or_else(|| node.description.clone()),
                commands: Vec::new(),
                options: options.iter().map(|option| (option.usage(), option.description.clone())).collect(),
                examples: examples.clone(),
                needs: Some(Requirement { risk: *risk, role: node.role }),
            },
        })
    }
}

/// How a command is typed, with all its options.
pub(crate) fn usage(words: &str, node: &CommandNode) -> String {
    let options = node.options().iter().map(|option| format!(" {}", option.usage()));
    std::iter::once(words.to_owned()).chain(options).collect()
}

fn list(text: &str, group: &str, commands: &[CommandNode], role: Option<Role>) -> Help {
    let prefix = if group.is_empty() { String::new() } else { format!("{group} ") };
    let allowed = commands.iter().filter(|node| role.is_some_and(|role| role >= node.role));
    Help {
        topic: group.to_owned(),
        usage: format!("{prefix}COMMAND"),
        text: text.to_owned(),
        commands: allowed
            .map(|node| (usage(&format!("{prefix}{}", node.name), node), node.description.clone()))
            .collect(),
        options: Vec::new(),
        examples: Vec::new(),
        needs: None,
    }
}

/// The page as plain text.
impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.usage, self.text)?;
        for (term, meaning) in self.commands.iter().chain(&self.options) {
            writeln!(f, "  {term}\n      {meaning}")?;
        }
        for example in &self.examples {
            writeln!(f, "  > {example}")?;
        }
        match self.needs {
            Some(Requirement { risk, role }) => writeln!(f, "Risk {risk}, role {role}."),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
