//! What somebody has to do again and again, and who did it last.

use commands::suggestion::nearest;
use commands::task::{Done, TaskName, standings};
use store::TaskDone;

use crate::app::App;
use crate::config::Person;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// All of them, the overdue ones first.
pub async fn list(app: &App) -> anyhow::Result<Performed> {
    let done = app.store.tasks_done().await?;
    let now = clock::now();
    let last = |name: &TaskName| {
        let row = done.iter().find(|row| row.task == name.as_str())?;
        Some(Done { at: row.at, person: row.person.clone() })
    };
    let standings = standings(&app.config.tasks, last, now);
    let well = !standings.iter().any(commands::task::Standing::is_overdue);
    Ok(Performed::done(report::tasks(&standings, now), news(well)))
}

/// Records that `person` has done the one called `name`.
pub async fn done(app: &App, person: &Person, name: &TaskName) -> anyhow::Result<Performed> {
    let Some(task) = app.config.tasks.iter().find(|task| task.name == *name) else {
        let meant = nearest(name.as_str(), app.config.tasks.iter().map(|task| task.name.as_str()));
        return Ok(Performed::failed(report::unknown_task(name, meant, &app.config.tasks)));
    };
    let at = clock::now();
    let row = TaskDone { task: name.to_string(), at, person: person.name.clone() };
    app.store.record_task(row).await?;
    Ok(Performed::done(report::task_done(task, &person.name, at), News::Good))
}
