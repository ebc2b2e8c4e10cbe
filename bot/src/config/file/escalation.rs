//! `[oncall]`, `[[rotation]]` and `[[escalation]]`: who is called, when, and whether that can work at all.

use std::collections::{BTreeMap, BTreeSet};

use commands::escalation::{Ladder, Only, Policy, Quiet, Step, Way};
use commands::ids::Platform;
use commands::incident::Severity;
use commands::oncall::{Rotation, Rung};
use commands::period::Period;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::secret::Spelled;
use crate::config::{ConfigError, Oncall, People};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OncallSection {
    #[serde(default)]
    on_call: Vec<String>,
    #[serde(default)]
    devops_lead: Vec<String>,
    #[serde(default)]
    engineering_manager: Vec<String>,
    #[serde(default)]
    cto: Vec<String>,
    #[serde(default)]
    security: Vec<String>,
    zone: Option<Spanned<String>>,
    quiet_hours: Option<Spanned<String>>,
    fallback_webhook: Option<String>,
    fallback_webhook_env: Option<String>,
    fallback_webhook_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RotationSection {
    rung: Rung,
    people: Option<Vec<String>>,
    from: civil::DateTime,
    days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EscalationSection {
    severity: Severity,
    respond_within: Spanned<String>,
    repage_every: Option<Spanned<String>>,
    acknowledgement_holds: Option<Spanned<String>>,
    status_every: Option<Spanned<String>>,
    steps: Vec<Spanned<StepSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSection {
    after: String,
    tell: Rung,
    how: Way,
    #[serde(default)]
    only: Only,
}

/// The longest wait that a step may have.
const LONGEST: Period = Period::days(7);
/// A rotation's turns.
const DAYS: std::ops::RangeInclusive<u32> = 1..=60;

pub(super) fn oncall(
    check: &Check<'_>,
    section: Spanned<OncallSection>,
    rotations: Vec<Spanned<RotationSection>>,
    people: &People,
) -> Result<Oncall, ConfigError> {
    let span = section.span();
    let section = section.into_inner();
    let zone = match &section.zone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name.get_ref()).map_err(|_| {
            let what =
                format!("[oncall] zone {:?} is none: use a name such as Europe/Berlin", name.get_ref());
            check.error(name.span(), what)
        })?,
    };
    let quiet = section.quiet_hours.as_ref().map(|hours| {
        quiet(hours.get_ref(), &zone).ok_or_else(|| {
            check
                .error(hours.span(), "[oncall] quiet_hours must be two times of day, such as \"22:00-07:00\"")
        })
    });
    let fallback = Spelled {
        key: "fallback_webhook",
        plain: section.fallback_webhook.as_deref(),
        env: section.fallback_webhook_env.as_deref(),
        file: section.fallback_webhook_file.as_deref(),
    };
    let fallback = check.webhook("oncall", &span, &fallback)?;
    let rungs = BTreeMap::from([
        (Rung::OnCall, section.on_call),
        (Rung::DevopsLead, section.devops_lead),
        (Rung::EngineeringManager, section.engineering_manager),
        (Rung::Cto, section.cto),
        (Rung::Security, section.security),
    ]);
    let nobody = |name: &&String| people.named(name).is_none();
    if let Some(name) = rungs.values().flatten().find(nobody) {
        return Err(check.error(span, format!("[oncall] no [[person]] has the name {name:?}")));
    }
    let mut turned = BTreeMap::new();
    for section in rotations {
        let span = section.span();
        let RotationSection { rung, people: own, from, days } = section.into_inner();
        let error = |what: String| check.error(span.clone(), format!("[[rotation]] {what}"));
        let taken = own.unwrap_or_else(|| rungs.get(&rung).cloned().unwrap_or_default());
        if taken.is_empty() {
            return Err(error(format!(
                "of {} has nobody in it: give people, or add them to [oncall]",
                rung.key()
            )));
        }
        if let Some(name) = taken.iter().find(nobody) {
            return Err(error(format!("no [[person]] has the name {name:?}")));
        }
        if !DAYS.contains(&days) {
            return Err(error(format!("days must be {} to {}", DAYS.start(), DAYS.end())));
        }
        let rotation = Rotation { people: taken, from, days, zone: zone.clone() };
        if turned.insert(rung, rotation).is_some() {
            return Err(error(format!("{} turns twice: keep one", rung.key())));
        }
    }
    Ok(Oncall { rungs, rotations: turned, quiet: quiet.transpose()?, zone, fallback })
}

fn quiet(typed: &str, zone: &TimeZone) -> Option<Quiet> {
    let (from, to) = typed.split_once('-')?;
    let time = |typed: &str| civil::Time::strptime("%H:%M", typed.trim()).ok();
    let (from, to) = (time(from)?, time(to)?);
    (from != to).then(|| Quiet { from, to, zone: zone.clone() })
}

/// A ladder for each severity, each of which can be climbed.
pub(super) fn schedule(
    check: &Check<'_>,
    sections: Vec<Spanned<EscalationSection>>,
    oncall: Option<&Oncall>,
    people: &People,
    connects: &dyn Fn(Platform) -> bool,
) -> Result<Option<Policy>, ConfigError> {
    let Some(first) = sections.first().map(Spanned::span) else { return Ok(None) };
    let Some(oncall) = oncall else {
        return Err(check.error(first, "[[escalation]] needs [oncall]: say who stands on each rung"));
    };
    let mut ladders = BTreeMap::new();
    for section in sections {
        let span = section.span();
        let section = section.into_inner();
        let severity = section.severity;
        let ladder = ladder(check, section)?;
        let error = |what: String| check.error(span.clone(), format!("[[escalation]] {severity}: {what}"));
        if let Some(flaw) = ladder.flaws().into_iter().next() {
            return Err(error(flaw.to_string()));
        }
        let rungs: BTreeSet<Rung> = ladder.steps.iter().map(|step| step.tell).collect();
        for rung in rungs.into_iter().chain(ladder.repage_every.map(|_| Rung::OnCall)) {
            let listed = oncall.listed(rung);
            if listed.is_empty() {
                return Err(error(format!("it tells {0}, and [oncall] {0} names nobody", rung.key())));
            }
            let unreached = listed.iter().find(|name| {
                people.named(name).is_none_or(|person| {
                    let account = person.accounts.iter().any(|account| reached(account.platform, connects));
                    !account && person.page_webhook.is_none()
                })
            });
            if let Some(name) = unreached {
                let what = "can't be reached: give them an account on a platform that is configured, or page_webhook";
                return Err(error(format!("it tells {}, and {name:?} {what}", rung.key())));
            }
        }
        if ladders.insert(severity, ladder).is_some() {
            return Err(error("is given twice: keep one".to_owned()));
        }
    }
    let mut take = |severity: Severity| {
        ladders.remove(&severity).ok_or_else(|| {
            check.error(
                first.clone(),
                format!("[[escalation]] has no ladder for {severity}: give one for each severity"),
            )
        })
    };
    Ok(Some(Policy { p0: take(Severity::P0)?, p1: take(Severity::P1)?, p2: take(Severity::P2)? }))
}

fn ladder(check: &Check<'_>, section: EscalationSection) -> Result<Ladder, ConfigError> {
    let severity = section.severity;
    let length = |key: &str, given: &Spanned<String>| {
        Period::between(given.get_ref(), Period::seconds(1), LONGEST).map_err(|expected| {
            check.error(given.span(), format!("[[escalation]] {severity}: {key} must be {expected}"))
        })
    };
    let maybe = |key: &str, given: &Option<Spanned<String>>| {
        given.as_ref().map(|given| length(key, given)).transpose()
    };
    let step = |step: Spanned<StepSection>| {
        let span = step.span();
        let StepSection { after, tell, how, only } = step.into_inner();
        let after = match after.as_str() {
            "0" | "0s" | "0m" => Ok(0),
            typed => Period::between(typed, Period::seconds(1), LONGEST).map(Period::as_secs),
        };
        let after = after.map_err(|expected| {
            check.error(span, format!("[[escalation]] {severity}: after must be 0m or {expected}"))
        })?;
        Ok(Step { after, tell, how, only })
    };
    Ok(Ladder {
        respond_within: length("respond_within", &section.respond_within)?,
        repage_every: maybe("repage_every", &section.repage_every)?,
        acknowledgement_holds: maybe("acknowledgement_holds", &section.acknowledgement_holds)?,
        status_every: maybe("status_every", &section.status_every)?,
        steps: section.steps.into_iter().map(step).collect::<Result<_, _>>()?,
    })
}

/// Whether a message reaches somebody on this platform without their looking. The page in a browser only where it is
/// all that there is: on a bot to try out.
pub(in crate::config) fn reached(platform: Platform, connects: &dyn Fn(Platform) -> bool) -> bool {
    match platform {
        Platform::Slack | Platform::Discord => connects(platform),
        Platform::Web => {
            connects(Platform::Web) && !connects(Platform::Slack) && !connects(Platform::Discord)
        }
        Platform::Cli => false,
    }
}
