//! The group `runbook`.

use clap::builder::NonEmptyStringValueParser;

use super::push_positional;
use crate::ids::ServiceName;
use crate::verb::Verb;

/// What to do with runbooks.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum RunbookAsk {
    /// Which there are.
    #[command(
        about = "Which runbooks there are",
        long_about = "Lists the investigations that can be run, with what each is for.",
        after_help = "runbook list"
    )]
    List,
    /// What one does.
    #[command(
        about = "The steps of a runbook",
        long_about = "Shows what a runbook is for and the lines that it runs.",
        after_help = "runbook show service-down"
    )]
    Show {
        /// Which.
        #[arg(value_name = "NAME", help = "Which runbook", value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
    /// Runs one.
    #[command(
        about = "Run a runbook's steps",
        long_about = "Runs the steps of a runbook side by side. One card grows as they finish; it ends with what is \
                      suspicious and with the lines to type next. Steps that act come last, as one plan that takes its \
                      votes. Steps about a service need one.",
        after_help = "runbook run service-down auth_service\nrunbook run high-latency"
    )]
    Run {
        /// Which.
        #[arg(value_name = "NAME", help = "Which runbook", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// About which service.
        #[arg(value_name = "SERVICE", help = "About which service")]
        service: Option<ServiceName>,
    },
}

impl RunbookAsk {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::RunbookList,
            Self::Show { .. } => Verb::RunbookShow,
            Self::Run { .. } => Verb::RunbookRun,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::List => {}
            Self::Show { name } => push_positional(words, [name.clone()]),
            Self::Run { name, service } => {
                let service = service.iter().map(ToString::to_string);
                push_positional(words, std::iter::once(name.clone()).chain(service));
            }
        }
    }
}
