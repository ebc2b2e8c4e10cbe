//! `[[schedule]]`: what the bot does by itself.

use commands::grammar::Grammar;
use commands::schedule::Schedule;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::check::Check;
use super::{Bot, ConfigError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleSection {
    name: String,
    cron: String,
    zone: Spanned<String>,
    line: String,
}

/// Reads them all. Without a channel nobody would hear of one that fails.
pub(super) fn all(
    check: &Check<'_>,
    sections: &[Spanned<ScheduleSection>],
    grammar: &Grammar,
    bot: &Bot,
    has_backups: bool,
) -> Result<Vec<Schedule>, ConfigError> {
    let mut schedules: Vec<Schedule> = Vec::new();
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[schedule]] {what}"));
        if bot.incident_channels.is_empty() {
            return Err(error(
                "needs [bot] incident_channels: nobody would hear of one that fails".to_owned(),
            ));
        }
        if !has_backups {
            return Err(error("needs [backups]: name their folder".to_owned()));
        }
        let zone_name = section.zone.get_ref();
        let zone = TimeZone::get(zone_name).map_err(|_| {
            let what = format!(
                "[[schedule]] zone {zone_name:?} is no time zone: name one such as Europe/Vienna or UTC"
            );
            check.error(section.zone.span(), what)
        })?;
        let intent = grammar
            .parse(&section.line)
            .map_err(|wrong| error(format!("line {:?}: {wrong}", section.line)))?;
        let schedule = Schedule::new(&section.name, &section.cron, (zone_name, zone), intent)
            .map_err(|wrong| error(wrong.to_string()))?;
        if schedules.iter().any(|known| known.name() == schedule.name()) {
            return Err(error(format!("name {:?} is listed twice", section.name)));
        }
        schedules.push(schedule);
    }
    Ok(schedules)
}
