//! From `exec` to `/readyz`, and the memory that is taken when nothing more happens.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use url::Url;

use crate::acgs;
use crate::process::Process;
use crate::samples::Samples;
use crate::scene::{connected, servers};
use crate::table::{Table, Value};

const STARTS: usize = 9;
const READY: Duration = Duration::from_millis(100);
const MEMORY: f64 = 30e6;

/// The first start, later ones, and the demo.
pub async fn measure(addresses: &[Url], table: &mut Table) -> anyhow::Result<()> {
    let (slack, discord) = servers().await;
    let (mut first, mut again, mut demo) = (Samples::default(), Samples::default(), Samples::default());
    for number in 0..STARTS {
        let folder = tempfile::tempdir()?;
        let ready = acgs::serve(folder.path(), &slack, &discord, addresses).await?;
        first.push(ready.after);
        connected(&slack, &discord).await;
        ready.process.kill().await?;
        forget_session(folder.path()).await?;
        let ready = acgs::serve(folder.path(), &slack, &discord, addresses).await?;
        again.push(ready.after);
        connected(&slack, &discord).await;
        if number + 1 == STARTS {
            let resident =
                memory("memory at rest, Slack and Discord connected", &ready.process, table).await?;
            table.aim("memory at rest <= 30 MB", resident, Value::Memory(MEMORY));
        }
        ready.process.kill().await?;
        let ready = acgs::demo().await?;
        demo.push(ready.after);
        ready.process.kill().await?;
    }
    for (what, samples) in [("first start", &first), ("start", &again), ("demo", &demo)] {
        table.alone(format!("{what}, exec to ready"), samples.p50());
        table.aim(format!("{what}, exec to ready <= 100 ms"), samples.p50(), READY);
    }
    Ok(())
}

/// As if the last session were begun long ago: Discord wants five seconds between two, and the bot waits for them.
async fn forget_session(folder: &Path) -> anyhow::Result<()> {
    let file = SqliteConnectOptions::new().filename(folder.join("acgs.db"));
    let mut connection = SqliteConnection::connect_with(&file).await?;
    connection.execute("DELETE FROM lease").await?;
    connection.close().await?;
    Ok(())
}

/// Resident memory, and what of it is heap and stacks.
pub async fn memory(what: &str, process: &Process, table: &mut Table) -> anyhow::Result<Value> {
    let resident = Value::Memory(process.resident().await?);
    table.row(what, resident, "of it heap and stacks", Value::Memory(process.anonymous()?));
    Ok(resident)
}
