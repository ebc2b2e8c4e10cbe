//! A runbook: lines of the grammar in steps, checked before anybody needs them.
//!
//! `{service}` in a step stands for the service that the runbook is run for. It is put in after the
//! line was split into words, so it is always one word, whatever it is.

use crate::grammar::Grammar;
use crate::ids::ServiceName;
use crate::intent::Intent;
use crate::line;
use crate::message::Visibility;
use crate::parse::ParseError;
use crate::risk::Risk;
use crate::suggestion::nearest;

/// What a step says for the service.
const SERVICE: &str = "{service}";

/// A runbook as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runbook {
    /// One lower-case word, with dashes.
    pub name: String,
    /// What has happened, in a few words.
    pub title: String,
    /// When to use it and what it does.
    pub about: String,
    /// The service that it is about when nobody names one.
    pub service: Option<ServiceName>,
    /// At least one.
    pub steps: Vec<Step>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// One lower-case word; steps refer to one another by it.
    pub id: String,
    /// A line of the grammar.
    pub line: String,
    /// Run only after another step has found this.
    pub when: Option<When>,
}

/// What another step has to have found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// That step.
    pub step: String,
    /// What it found.
    pub found: Finding,
}

/// What a step has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that needs anybody.
    Good,
    /// Something that does.
    Bad,
}

impl Finding {
    /// As a runbook writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// Why a runbook can't be used; with the step's place in it, where it is one step's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunbookError {
    /// From 0; `None` if it is the whole runbook's.
    pub step: Option<usize>,
    /// What is wrong.
    pub fault: RunbookFault,
}

/// What can be wrong with a runbook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunbookFault {
    /// Its name or a step's id is no word.
    #[error("{0:?} is no name: use a-z, 0-9 and dashes, at most 32, starting with a letter")]
    Name(String),
    /// Its usual service is not configured.
    #[error("service = {:?} is not one of the configured services", .0.as_str())]
    Service(ServiceName),
    /// It has no step.
    #[error("it has no step: add [[step]] with id and line")]
    NoStep,
    /// Two steps have one id.
    #[error("id {0:?} is that of an earlier step")]
    Repeated(String),
    /// The line is no command.
    #[error("line {line:?}: {error}")]
    Line {
        /// As written.
        line: String,
        /// Why not.
        error: ParseError,
    },
    /// Braces around something that is no parameter.
    #[error("line {line:?} has {word:?}: {{service}} is the one parameter there is, and a word of its own")]
    Parameter {
        /// As written.
        line: String,
        /// The word with braces.
        word: String,
    },
    /// The line posts or records something.
    #[error("line {0:?} posts or records something: a runbook looks, and asks for votes on what acts")]
    Records(String),
    /// The line says how it is asked for, which is for whoever runs the runbook.
    #[error("line {0:?}: leave out --dry-run and --break-glass, since its steps that act are one plan")]
    How(String),
    /// A step waits for one that acts.
    #[error(
        "when = \"{step} is …\": {step:?} acts, and is done when people have voted and all else was looked at"
    )]
    WaitsForAct {
        /// The step waited for.
        step: String,
    },
    /// The line's answer is not for everybody.
    #[error("line {0:?} has an answer for the asker alone, and a runbook's card is for everybody")]
    Private(String),
    /// It says nothing for minutes, while the runbook's card waits for it.
    #[error("line {0:?} watches for minutes: ask without --watch, and put that under next")]
    Watches(String),
    /// A runbook in a runbook.
    #[error("line {0:?} runs a runbook: write its steps instead")]
    Nested(String),
    /// It waits for a step that does not come before it.
    #[error("when = \"{step} is …\": no step before this one has the id {step:?}, so it would never run")]
    Unreachable {
        /// The step waited for.
        step: String,
    },
}

/// A step, ready to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// What to do.
    Intent(Intent),
    /// It is about a service and none was named.
    NeedsService,
}

impl Runbook {
    /// Checks every line with the parser that will read it, with each configured service in turn.
    ///
    /// # Errors
    /// The first fault, in the order of the file.
    pub fn check(&self, grammar: &Grammar) -> Result<(), RunbookError> {
        let whole = |fault| RunbookError { step: None, fault };
        if !is_name(&self.name) {
            return Err(whole(RunbookFault::Name(self.name.clone())));
        }
        if let Some(service) = self.service.as_ref().filter(|service| !grammar.services().contains(service)) {
            return Err(whole(RunbookFault::Service(service.clone())));
        }
        if self.steps.is_empty() {
            return Err(whole(RunbookFault::NoStep));
        }
        for (place, step) in self.steps.iter().enumerate() {
            self.check_step(place, step, grammar)
                .map_err(|fault| RunbookError { step: Some(place), fault })?;
        }
        Ok(())
    }

    fn check_step(&self, place: usize, step: &Step, grammar: &Grammar) -> Result<(), RunbookFault> {
        let before = &self.steps[..place];
        if !is_name(&step.id) {
            return Err(RunbookFault::Name(step.id.clone()));
        }
        if before.iter().any(|earlier| earlier.id == step.id) {
            return Err(RunbookFault::Repeated(step.id.clone()));
        }
        if let Some(when) = &step.when
            && !before.iter().any(|earlier| earlier.id == when.step)
        {
            return Err(RunbookFault::Unreachable { step: when.step.clone() });
        }
        if let Some(when) = &step.when
            && let Some(waited) = before.iter().find(|earlier| earlier.id == when.step)
            && waited.acts(grammar)
        {
            return Err(RunbookFault::WaitsForAct { step: when.step.clone() });
        }
        let needs_service = step.needs_service()?;
        let services: Vec<Option<&ServiceName>> =
            if needs_service { grammar.services().iter().map(Some).collect() } else { vec![None] };
        services.into_iter().try_for_each(|service| step.check(grammar, service))
    }

    /// What to do for a step. `service` is the one that was named.
    ///
    /// # Errors
    /// Only for a runbook that does not pass [`Runbook::check`].
    pub fn ready(
        &self,
        step: &Step,
        service: Option<&ServiceName>,
        grammar: &Grammar,
    ) -> Result<Ready, RunbookFault> {
        let service = service.or(self.service.as_ref());
        if step.needs_service()? && service.is_none() {
            return Ok(Ready::NeedsService);
        }
        step.intent(grammar, service).map(Ready::Intent)
    }
}

impl Step {
    /// Whether its line changes something, whatever the service.
    #[must_use]
    pub fn acts(&self, grammar: &Grammar) -> bool {
        let any = grammar.services().first();
        self.intent(grammar, any).is_ok_and(|intent| intent.needs().risk.acts())
    }

    fn words(&self) -> Result<Vec<String>, RunbookFault> {
        line::split(&self.line)
            .map_err(|error| RunbookFault::Line { line: self.line.clone(), error: error.into() })
    }

    fn needs_service(&self) -> Result<bool, RunbookFault> {
        let words = self.words()?;
        for word in &words {
            if word.contains(['{', '}']) && word != SERVICE {
                return Err(RunbookFault::Parameter { line: self.line.clone(), word: word.clone() });
            }
        }
        Ok(words.iter().any(|word| word == SERVICE))
    }

    fn intent(&self, grammar: &Grammar, service: Option<&ServiceName>) -> Result<Intent, RunbookFault> {
        let mut words = self.words()?;
        if let Some(service) = service {
            for word in words.iter_mut().filter(|word| *word == SERVICE) {
                service.as_str().clone_into(word);
            }
        }
        grammar.parse_words(&words).map_err(|error| RunbookFault::Line { line: self.line.clone(), error })
    }

    fn check(&self, grammar: &Grammar, service: Option<&ServiceName>) -> Result<(), RunbookFault> {
        let intent = self.intent(grammar, service)?;
        let line = || self.line.clone();
        if matches!(intent, Intent::Runbook(_)) {
            return Err(RunbookFault::Nested(line()));
        }
        if matches!(intent, Intent::Health { watch: Some(_), .. }) {
            return Err(RunbookFault::Watches(line()));
        }
        if intent.needs().risk == Risk::Coordinate {
            return Err(RunbookFault::Records(line()));
        }
        if intent.how().is_some_and(|how| how.dry_run || how.break_glass.is_some()) {
            return Err(RunbookFault::How(line()));
        }
        if intent.visibility() == Visibility::Private {
            return Err(RunbookFault::Private(line()));
        }
        Ok(())
    }
}

/// The runbook with this name, or the name that was probably meant.
///
/// # Errors
/// The likeliest name, if any is like it.
pub fn find<'a>(runbooks: &'a [Runbook], name: &str) -> Result<&'a Runbook, Option<&'a str>> {
    let lower = name.to_lowercase();
    let found = runbooks.iter().find(|runbook| runbook.name == lower);
    found.ok_or_else(|| nearest(&lower, runbooks.iter().map(|runbook| runbook.name.as_str())))
}

fn is_name(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar() -> Grammar {
        Grammar::new(vec!["auth_service".parse().expect("a name"), "ac_service".parse().expect("a name")])
    }

    fn step(id: &str, line: &str) -> Step {
        Step { id: id.to_owned(), line: line.to_owned(), when: None }
    }

    fn after(step: Step, other: &str) -> Step {
        Step { when: Some(When { step: other.to_owned(), found: Finding::Bad }), ..step }
    }

    fn runbook(steps: Vec<Step>) -> Runbook {
        Runbook {
            name: "service-down".to_owned(),
            title: "A service is down".to_owned(),
            about: String::new(),
            service: None,
            steps,
        }
    }

    fn fault(steps: Vec<Step>) -> String {
        let error = runbook(steps).check(&grammar()).expect_err("a fault");
        format!("{:?}: {}", error.step, error.fault)
    }

    #[test]
    fn a_good_one_passes() {
        let steps = vec![
            step("health", "health {service}"),
            after(step("containers", "ps"), "health"),
            step("errors", "errors --window 15m"),
        ];
        assert_eq!(runbook(steps).check(&grammar()), Ok(()));
    }

    #[test]
    fn each_fault_has_its_own_words() {
        insta::assert_snapshot!(fault(vec![]), @"None: it has no step: add [[step]] with id and line");
        insta::assert_snapshot!(fault(vec![step("Health", "health")]), @r#"Some(0): "Health" is no name: use a-z, 0-9 and dashes, at most 32, starting with a letter"#);
        insta::assert_snapshot!(fault(vec![step("a", "health"), step("a", "ps")]), @r#"Some(1): id "a" is that of an earlier step"#);
        insta::assert_snapshot!(fault(vec![step("a", "helth")]), @r#"Some(0): line "helth": There is no command "helth". Did you mean health? Type help for the list."#);
        insta::assert_snapshot!(fault(vec![step("a", "health other_service")]), @r#"Some(0): line "health other_service": There is no service "other_service". Did you mean auth_service? Services: auth_service, ac_service."#);
        insta::assert_snapshot!(fault(vec![step("a", "health {service} --wat 5")]), @r#"Some(0): line "health {service} --wat 5": health has no option --wat. Did you mean --wait? Type help health for its options."#);
        insta::assert_snapshot!(fault(vec![step("a", "health \"x")]), @r#"Some(0): line "health \"x": A quote is opened and never closed: close it, or put a backslash before it (\')."#);
        insta::assert_snapshot!(fault(vec![step("a", "health {port}")]), @r#"Some(0): line "health {port}" has "{port}": {service} is the one parameter there is, and a word of its own"#);
        insta::assert_snapshot!(fault(vec![step("a", "audit")]), @r#"Some(0): line "audit" has an answer for the asker alone, and a runbook's card is for everybody"#);
        insta::assert_snapshot!(fault(vec![step("a", "runbook run service-down")]), @r#"Some(0): line "runbook run service-down" runs a runbook: write its steps instead"#);
        insta::assert_snapshot!(fault(vec![after(step("a", "ps"), "b"), step("b", "health")]), @r#"Some(0): when = "b is …": no step before this one has the id "b", so it would never run"#);
        insta::assert_snapshot!(fault(vec![after(step("a", "ps"), "a")]), @r#"Some(0): when = "a is …": no step before this one has the id "a", so it would never run"#);
    }

    #[test]
    fn its_usual_service_is_a_configured_one() {
        let unknown = Runbook { service: "gone".parse().ok(), ..runbook(vec![step("a", "ps")]) };
        let error = unknown.check(&grammar()).expect_err("a fault").fault.to_string();
        assert_eq!(error, "service = \"gone\" is not one of the configured services");
    }

    #[test]
    fn a_step_that_watches_is_refused() {
        assert!(fault(vec![step("a", "health {service} --watch 15m")]).contains("watches for minutes"));
    }

    #[test]
    fn a_parameter_inside_a_word_is_refused() {
        assert!(fault(vec![step("a", "health x{service}")]).contains("a word of its own"));
    }

    #[test]
    fn a_service_is_put_in_as_one_word_or_asked_for() {
        let about = runbook(vec![step("health", "health {service}"), step("all", "health")]);
        let ac: ServiceName = "ac_service".parse().expect("a name");
        let [one, all] = [0, 1].map(|place| &about.steps[place]);
        let health = |service| {
            Ok(Ready::Intent(Intent::Health { service, wait: None, watch: None, deep: false, public: false }))
        };
        assert_eq!(about.ready(one, Some(&ac), &grammar()), health(Some(ac.clone())));
        assert_eq!(about.ready(one, None, &grammar()), Ok(Ready::NeedsService));
        assert_eq!(about.ready(all, None, &grammar()), health(None));
        let usual = Runbook { service: Some(ac.clone()), ..about.clone() };
        assert_eq!(usual.ready(one, None, &grammar()), health(Some(ac)));
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        let all = [runbook(vec![step("a", "ps")])];
        assert!(find(&all, "Service-Down").is_ok());
        assert_eq!(find(&all, "service-dwn"), Err(Some("service-down")));
        assert_eq!(find(&all, "xyz"), Err(None));
    }
}
