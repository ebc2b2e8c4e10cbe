//! `db migrate --check`: the database beside its migrations.

use crate::app::App;
use crate::performed::{Performed, news};
use crate::plan::{NoPlan, revisions};
use crate::report;

/// Whether the database has every migration that there is.
pub async fn check(app: &App) -> anyhow::Result<Performed> {
    match revisions(app).await {
        Ok(revisions) => {
            let well = revisions.current == revisions.heads;
            Ok(Performed::done(report::revisions(&revisions.current, &revisions.heads), news(well)))
        }
        Err(NoPlan::Refused(reply)) => Ok(Performed::failed(*reply)),
        Err(NoPlan::Failed(error)) => Err(error),
    }
}
