//! Measures the bot beside bare bots on the same SDKs and beside what the machine itself can do, all in
//! one run: absolute numbers differ from machine to machine, ratios much less. Aims are printed and not
//! asserted; only what does not work at all is an error.
//!
//! Everything is local: platforms are the tests' own servers, services are sockets of this process; what looks at
//! containers looks at the demo stack.

mod acgs;
mod acting;
mod failover;
mod fan_out;
mod floor;
mod grammar;
mod latency;
mod load;
mod machine;
mod plot;
mod process;
mod samples;
mod scene;
mod seat;
mod stack;
mod start;
mod table;
mod timers;

use crate::scene::Scene;
use crate::seat::Seat;
use crate::table::Table;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn main() -> anyhow::Result<()> {
    // The first to be installed stays, and it is the only one there is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!("{}\n", machine::line());
    println!("{}", measured().await?);
    Ok(())
}

async fn measured() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("acting") => {
            acting::measure(e2e::stack::Stack::take().await, &mut table).await?;
            return Ok(table);
        }
        Some("timers") => {
            let open = arguments.next().map_or(Ok(timers::OPEN), |open| open.parse())?;
            timers::measure(open, &mut table).await?;
            return Ok(table);
        }
        _ => {}
    }
    let folder = tempfile::tempdir()?;
    let addresses = fan_out::endpoints(6).await?;
    let scene = Scene::start(&addresses).await?;
    latency::measure(&scene, folder.path(), &mut table).await?;
    load::measure(&scene, &mut table).await?;
    start::memory("memory after these commands", &scene.acgs, &mut table).await?;
    fan_out::measure(&mut table).await?;
    if let Seat::Slack(slack) = &scene.slack {
        fan_out::whole_command(slack, &mut table).await?;
    }
    grammar::measure(&mut table)?;
    plot::measure(&mut table)?;
    start::measure(&addresses, &mut table).await?;
    failover::measure(&mut table).await?;
    timers::measure(timers::OPEN, &mut table).await?;
    stack::measure(&mut table).await?;
    Ok(table)
}
