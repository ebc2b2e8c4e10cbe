//! Runbook files: those that are shipped, and the operators' own, which replace those of the same name.

use std::path::{Path, PathBuf};

use commands::grammar::Grammar;
use commands::ids::ServiceName;
use commands::runbook::{Finding, Runbook, RunbookError, Step, When};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, document};

/// Compiled in, by the names of their files.
const SHIPPED: [(&str, &str); 10] = [
    ("service-down", include_str!("../../../deploy/runbooks/service-down.toml")),
    ("high-latency", include_str!("../../../deploy/runbooks/high-latency.toml")),
    ("auth-failures", include_str!("../../../deploy/runbooks/auth-failures.toml")),
    ("security-incident", include_str!("../../../deploy/runbooks/security-incident.toml")),
    ("high-error-rate", include_str!("../../../deploy/runbooks/high-error-rate.toml")),
    ("db-connections", include_str!("../../../deploy/runbooks/db-connections.toml")),
    ("complete-recovery", include_str!("../../../deploy/runbooks/complete-recovery.toml")),
    ("database-recovery", include_str!("../../../deploy/runbooks/database-recovery.toml")),
    ("service-update", include_str!("../../../deploy/runbooks/service-update.toml")),
    ("rotate-secrets", include_str!("../../../deploy/runbooks/rotate-secrets.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    about: String,
    service: Option<ServiceName>,
    #[serde(default, rename = "step")]
    steps: Vec<Spanned<StepSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSection {
    id: String,
    line: String,
    when: Option<Spanned<String>>,
}

/// The shipped ones and those in `own`, checked and in the order of their names.
pub(super) fn all(own: &[PathBuf], grammar: &Grammar) -> Result<Vec<Runbook>, ConfigError> {
    let mut all: Vec<Runbook> = own.iter().map(|file| load(file, grammar)).collect::<Result<_, _>>()?;
    for (name, text) in SHIPPED {
        if !all.iter().any(|runbook| runbook.name == name) {
            all.push(shipped(name, text, grammar)?);
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The runbook files of a folder.
pub(super) fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads and checks one file; its name is the runbook's.
pub(super) fn load(path: &Path, grammar: &Grammar) -> Result<Runbook, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::at(&shown, None, format!("can't be read: {error}")))?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    parse(&name, &shown, &text, grammar)
}

/// A shipped one; its usual service is the original platform's and may not be there.
fn shipped(name: &str, text: &str, grammar: &Grammar) -> Result<Runbook, ConfigError> {
    let shown = format!("deploy/runbooks/{name}.toml");
    let mut file: File = document::read(&shown, text)?;
    file.service = file.service.filter(|service| grammar.services().contains(service));
    checked(name, &shown, text, file, grammar)
}

fn parse(name: &str, shown: &str, text: &str, grammar: &Grammar) -> Result<Runbook, ConfigError> {
    checked(name, shown, text, document::read(shown, text)?, grammar)
}

fn checked(
    name: &str,
    shown: &str,
    text: &str,
    file: File,
    grammar: &Grammar,
) -> Result<Runbook, ConfigError> {
    let line = |offset| Some(document::line_of(text, offset));
    let places: Vec<usize> = file.steps.iter().map(|step| step.span().start).collect();
    let step = |step: Spanned<StepSection>| {
        let step = step.into_inner();
        let when = step
            .when
            .map(|when| {
                read_when(when.get_ref()).ok_or_else(|| {
                    let what = "[[step]] when: write it as \"ID is bad\" or \"ID is good\", with the id of a step before";
                    ConfigError::at(shown, line(when.span().start), what)
                })
            })
            .transpose()?;
        Ok(Step { id: step.id, line: step.line, when })
    };
    let runbook = Runbook {
        name: name.to_owned(),
        title: file.title,
        about: file.about,
        service: file.service,
        steps: file.steps.into_iter().map(step).collect::<Result<_, ConfigError>>()?,
    };
    runbook.check(grammar).map_err(|RunbookError { step, fault }| match step {
        Some(step) => ConfigError::at(shown, line(places[step]), format!("[[step]] {fault}")),
        None => ConfigError::at(shown, None, fault.to_string()),
    })?;
    Ok(runbook)
}

fn read_when(text: &str) -> Option<When> {
    let (step, found) = text.trim().split_once(" is ")?;
    let found = [Finding::Good, Finding::Bad].into_iter().find(|finding| finding.as_str() == found.trim())?;
    Some(When { step: step.trim().to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        let grammar = Grammar::new(vec!["auth_service".parse().expect("a name")]);
        parse("mine", "mine.toml", text, &grammar).expect_err("a mistake").to_string()
    }

    #[test]
    fn the_shipped_ones_are_good_for_any_services() {
        for services in [vec![], vec!["web".parse().expect("a name")]] {
            assert_eq!(all(&[], &Grammar::new(services)).expect("good").len(), SHIPPED.len());
        }
    }

    #[test]
    fn mistakes_name_file_and_line() {
        let head = "title = \"t\"\nabout = \"a\"\n";
        insta::assert_snapshot!(mistake(head), @"mine.toml: it has no step: add [[step]] with id and line");
        insta::assert_snapshot!(mistake(&format!("{head}color = 1\n")), @"mine.toml:3: color: unknown field `color`, expected one of `title`, `about`, `service`, `step`");
        insta::assert_snapshot!(mistake(&format!("{head}[[step]]\nid = \"a\"\nline = \"ps\"\nwhy = 1\n")), @"mine.toml:6: [[step]] why: unknown field `why`, expected one of `id`, `line`, `when`");
        insta::assert_snapshot!(mistake(&format!("{head}[[step]]\nid = \"a\"\nline = \"ps\"\n\n[[step]]\nid = \"b\"\nline = \"helth\"\n")), @r#"mine.toml:7: [[step]] line "helth": There is no command "helth". Did you mean health? Type help for the list."#);
        insta::assert_snapshot!(mistake(&format!("{head}[[step]]\nid = \"a\"\nline = \"health {{port}}\"\n")), @r#"mine.toml:3: [[step]] line "health {port}" has "{port}": {service} is the one parameter there is, and a word of its own"#);
        insta::assert_snapshot!(mistake(&format!("{head}[[step]]\nid = \"a\"\nline = \"ps\"\nwhen = \"b is bad\"\n")), @r#"mine.toml:3: [[step]] when = "b is …": no step before this one has the id "b", so it would never run"#);
        insta::assert_snapshot!(mistake(&format!("{head}[[step]]\nid = \"a\"\nline = \"ps\"\nwhen = \"b bad\"\n")), @r#"mine.toml:6: [[step]] when: write it as "ID is bad" or "ID is good", with the id of a step before"#);
    }

    #[test]
    fn an_own_one_replaces_the_shipped_one_of_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = "title = \"Ours\"\nabout = \"a\"\n[[step]]\nid = \"a\"\nline = \"ps\"\n";
        for (name, text) in [("service-down.toml", own), ("a-new-one.toml", own), ("notes.txt", "none")] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let files = files(folder.path()).expect("files");
        let all = all(&files, &Grammar::new(Vec::new())).expect("good");
        assert_eq!(all.len(), SHIPPED.len() + 1);
        assert_eq!(all.iter().filter(|runbook| runbook.title == "Ours").count(), 2);
    }
}
