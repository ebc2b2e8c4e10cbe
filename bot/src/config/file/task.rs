//! `[[task]]`: what people do now and then.

use commands::grammar::Grammar;
use commands::task::{Every, Task, TaskName};
use serde::Deserialize;
use toml::Spanned;

use super::super::ConfigError;
use super::super::check::Check;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskSection {
    pub(super) name: Spanned<String>,
    pub(super) every: Every,
    pub(super) what: Spanned<String>,
    pub(super) line: Option<Spanned<String>>,
}

/// A sentence or two.
const LONGEST_TASK: usize = 300;

pub(super) fn tasks(
    check: &Check<'_>,
    sections: &[Spanned<TaskSection>],
    grammar: &Grammar,
) -> Result<Vec<Task>, ConfigError> {
    let mut tasks: Vec<Task> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let wrong = |key: &Spanned<String>, what: String| check.error(key.span(), format!("[[task]] {what}"));
        let typed = section.name.get_ref();
        let name: TaskName = typed.parse().map_err(|error| {
            wrong(&section.name, format!("name: {typed:?} is no word to type: use {error}"))
        })?;
        if tasks.iter().any(|task| task.name == name) {
            return Err(wrong(&section.name, format!("name {typed:?} is listed twice")));
        }
        let what = section.what.get_ref().trim();
        if what.is_empty() || what.chars().count() > LONGEST_TASK {
            let what = format!("what of {typed:?} must have 1 to {LONGEST_TASK} characters");
            return Err(wrong(&section.what, what));
        }
        let line = section.line.as_ref().map(|line| {
            let intent = grammar.parse(line.get_ref());
            intent.map_err(|error| wrong(line, format!("line {:?}: {error}", line.get_ref())))
        });
        // As it is typed, whatever the file's spelling is.
        let line = line.transpose()?.map(|intent| intent.to_string());
        tasks.push(Task { name, every: section.every, what: what.to_owned(), line });
    }
    Ok(tasks)
}
