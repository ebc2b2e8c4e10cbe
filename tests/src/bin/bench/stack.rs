//! Look-ups of the real platform beside the programs that people would use instead, and beside their own parts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::bot::Bot;
use e2e::chatter::Chatter;
use e2e::people;
use e2e::stack::Stack;
use tokio::process::Command;

use crate::acting;
use crate::machine::field;
use crate::samples::Samples;
use crate::table::{Table, Value};

const ROUNDS: usize = 7;
/// The service that the runbook is about.
const SERVICE: &str = "ac_service";
const LOG_BYTES: u64 = 200_000_000;
/// What an answer with 10,000 lines may take beside what is read for it.
const PEAK: f64 = 64e6;

/// All of it.
pub async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let stack = Stack::take().await;
    let bot = Bot::start(stack.setup().with(&people::toml())).await;
    ps(&stack, &bot, table).await?;
    stats(&stack, &bot, table).await?;
    runbook(&bot, table).await?;
    long_log(&stack, table).await?;
    acting::measure(stack, table).await
}

async fn of_bot(bot: &Bot, line: &[&str]) -> Duration {
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        bot.line(line, false).await;
        samples.push(started.elapsed());
    }
    samples.p50()
}

async fn of_program(stack: &Stack, mut command: impl FnMut() -> Command) -> anyhow::Result<Duration> {
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let output = command().env("DOCKER_HOST", stack.engine()).output().await?;
        samples.push(started.elapsed());
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(samples.p50())
}

async fn ps(stack: &Stack, bot: &Bot, table: &mut Table) -> anyhow::Result<()> {
    let project = stack.project();
    let list = || {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", &project, "--file"]).arg(compose_file()).arg("ps");
        command.env_remove("COMPOSE_FILE").envs(blank_variables());
        command
    };
    let compose = of_program(stack, list).await?;
    table.row("acgs run -- ps", of_bot(bot, &["ps"]).await, "docker-compose ps", compose);
    Ok(())
}

fn compose_file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/compose.yaml")
}

/// compose reads the whole file before it lists anything, and refuses blank variables.
fn blank_variables() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(compose_file()).unwrap_or_default();
    let names = text.split("${").skip(1).filter_map(|rest| rest.split([':', '}']).next());
    names.map(|name| (name.to_owned(), "1".to_owned())).collect()
}

async fn stats(stack: &Stack, bot: &Bot, table: &mut Table) -> anyhow::Result<()> {
    let all = stack.docker(&["ps", "--quiet", "--filter", &project_label(stack)]).await.lines().count();
    let container = stack.container(SERVICE);
    let one = of_program(stack, || {
        let mut command = Command::new("docker");
        command.args(["stats", "--no-stream", &container]);
        command
    })
    .await?;
    let measured = of_bot(bot, &["stats"]).await;
    table.row(format!("acgs run -- stats, {all} containers"), measured, "docker stats of one", one);
    Ok(())
}

fn project_label(stack: &Stack) -> String {
    format!("label=com.docker.compose.project={}", stack.project())
}

/// The shipped runbook against its own steps, each as a line by itself.
async fn runbook(bot: &Bot, table: &mut Table) -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/runbooks/service-down.toml");
    let text: toml::Table = std::fs::read_to_string(file)?.parse()?;
    let steps = text["step"].as_array().context("no steps")?;
    let (mut sum, mut slowest) = (Duration::ZERO, Duration::ZERO);
    for step in steps {
        let line = step["line"].as_str().context("a step without a line")?.replace("{service}", SERVICE);
        let took = of_bot(bot, &line.split(' ').collect::<Vec<_>>()).await;
        sum += took;
        slowest = slowest.max(took);
    }
    let whole = of_bot(bot, &["runbook", "run", "service-down", SERVICE]).await;
    let what = format!("runbook run service-down, {} steps", steps.len());
    table.row(what.clone(), whole, "its slowest step alone", slowest);
    table.row(what, whole, "its steps one after another", sum);
    Ok(())
}

/// A running bot is asked for the newest lines and for a needle in a log of 200 MB.
async fn long_log(stack: &Stack, table: &mut Table) -> anyhow::Result<()> {
    let name = format!("{}-loud", stack.project());
    let image =
        stack.docker(&["inspect", "--format", "{{.Config.Image}}", &stack.container("postgres_db")]).await;
    let write = format!(
        "yes 'INFO a line of a log as long as such lines are, with id=4711 and took=12ms and some more words' | \
         head -c {LOG_BYTES}; echo written; exec sleep 3600"
    );
    let _ = stack.docker_both(&["rm", "--force", &name]).await;
    stack
        .docker(&["run", "--detach", "--name", &name, "--entrypoint", "/bin/sh", image.trim(), "-c", &write])
        .await;
    let outcome = asked_about(stack, &name, table).await;
    stack.docker(&["rm", "--force", &name]).await;
    outcome
}

async fn asked_about(stack: &Stack, name: &str, table: &mut Table) -> anyhow::Result<()> {
    e2e::wait::eventually(Duration::from_secs(120), "a log of 200 MB", async || {
        let last = stack.docker_both(&["logs", "--tail", "1", name]).await;
        last.contains("written").then_some(())
    })
    .await;
    let loud = format!("[[service]]\nname = \"loud\"\nurl = \"http://127.0.0.1:9\"\ncontainer = {name:?}\n");
    let setup = stack.setup().with("[web]\nlisten = \"127.0.0.1:0\"").with(&loud).with(&people::toml());
    let bot = Bot::start(setup).await;
    let chatter = Chatter::log_in(&bot).await;
    let before = peak(&bot)?;
    for line in ["logs loud --tail 10000", "logs loud --grep needle"] {
        let started = Instant::now();
        let answer = chatter.ask(line).await;
        table.alone(format!("{line}, of 200 MB"), started.elapsed());
        ensure!(!answer.contains("could not be asked"), "{answer}");
    }
    let after = peak(&bot)?;
    table.row("peak memory after these", Value::Memory(after), "before", Value::Memory(before));
    table.aim(
        "peak memory over a log of 200 MB <= before + 64 MB",
        Value::Memory(after),
        Value::Memory(before + PEAK),
    );
    Ok(())
}

fn peak(bot: &Bot) -> anyhow::Result<f64> {
    let value = field(&format!("/proc/{}/status", bot.pid()), "VmHWM").context("the bot ended")?;
    let kibibytes: f64 = value.trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0)
}
