//! `[approval]` and `[proof]`: how long votes and their acts may take.

use std::time::Duration;

use commands::approval::Windows;
use commands::period::Period;
use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::{ConfigError, Proof};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalSection {
    pub(super) approve_within: Option<Spanned<String>>,
    pub(super) start_within: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofSection {
    pub(super) settle: Option<Spanned<String>>,
    pub(super) within: Option<Spanned<String>>,
}

pub(super) fn approval(
    check: &Check<'_>,
    section: ApprovalSection,
    defaults: ApprovalSection,
) -> Result<Windows, ConfigError> {
    let hour = Period::hours(1);
    Ok(Windows {
        approve: check.length(
            "[approval] approve_within",
            section.approve_within,
            defaults.approve_within,
            hour,
        )?,
        start: check.length("[approval] start_within", section.start_within, defaults.start_within, hour)?,
    })
}

pub(super) fn proof(
    check: &Check<'_>,
    section: ProofSection,
    defaults: ProofSection,
) -> Result<Proof, ConfigError> {
    let most = Period::minutes(10);
    let within = section.within.as_ref().map(Spanned::span);
    let proof = Proof {
        settle: check.length("[proof] settle", section.settle, defaults.settle, most)?,
        within: check.length("[proof] within", section.within, defaults.within, most)?,
    };
    if proof.settle > proof.within {
        let what =
            "[proof] within is shorter than settle: a service would be judged before its numbers are there";
        return Err(check.error(within.unwrap_or_default(), what));
    }
    Ok(proof)
}

impl Check<'_> {
    /// A length of time from a second to `most`.
    pub(super) fn length(
        &self,
        key: &str,
        given: Option<Spanned<String>>,
        default: Option<Spanned<String>>,
        most: Period,
    ) -> Result<Duration, ConfigError> {
        let Some(typed) = given.or(default) else {
            return Err(self.error(0..0, format!("{key} is missing")));
        };
        let read = Period::between(typed.get_ref(), Period::seconds(1), most);
        read.map(Duration::from)
            .map_err(|expected| self.error(typed.span(), format!("{key} must be {expected}")))
    }
}
