//! The bot under measurement: its configuration, its start, its readiness.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::bot::binary;
use e2e::discord::{APPLICATION, BOT_TOKEN as DISCORD_TOKEN, DiscordServer, GUILD};
use e2e::people;
use e2e::platform::SERVICES;
use e2e::slack::{APP_TOKEN, BOT_TOKEN, SlackServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use url::Url;

use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(20);
/// Between two questions whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(1);

/// A bot that is ready, and how long that took from its start.
pub struct Ready {
    pub process: Process,
    pub after: Duration,
}

/// `acgs serve` in `folder` with Slack and Discord connected, and services at `addresses`.
pub async fn serve(
    folder: &Path,
    slack: &SlackServer,
    discord: &DiscordServer,
    addresses: &[Url],
) -> anyhow::Result<Ready> {
    serve_on(folder, (slack, discord), addresses, None).await
}

/// The same on a store elsewhere than in the folder.
pub async fn serve_on(
    folder: &Path,
    platforms: (&SlackServer, &DiscordServer),
    addresses: &[Url],
    store: Option<&str>,
) -> anyhow::Result<Ready> {
    let http = free_port()?;
    let config = folder.join("acgs.toml");
    let elsewhere = store.map_or("", |_| "[store]\nurl_env = \"STORE_URL\"\n");
    std::fs::write(&config, configuration(folder, http, platforms, addresses) + elsewhere)?;
    let mut command = Command::new(binary());
    command
        .args(["serve", "--config"])
        .arg(&config)
        .env("SLACK_BOT_TOKEN", BOT_TOKEN)
        .env("SLACK_APP_TOKEN", APP_TOKEN)
        .env("DISCORD_TOKEN", DISCORD_TOKEN)
        .env("STORE_URL", store.unwrap_or_default())
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("log"))?);
    until_ready(&mut command, http).await
}

/// `acgs demo`.
pub async fn demo() -> anyhow::Result<Ready> {
    let http = free_port()?;
    let mut command = Command::new(binary());
    command.args(["demo", "--port", &http.port().to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    until_ready(&mut command, http).await
}

fn configuration(
    folder: &Path,
    http: SocketAddr,
    (slack, discord): (&SlackServer, &DiscordServer),
    addresses: &[Url],
) -> String {
    let mut toml = format!(
        "[bot]\nhttp_listen = \"{http}\"\ndata_dir = {folder:?}\nlog = \"json\"\n\
         [slack]\napi_url = \"{}\"\n\
         [discord]\napi_url = \"{}\"\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"\n{}",
        slack.api_url(),
        discord.api_url(),
        people::toml(),
    );
    for (name, address) in SERVICES.iter().zip(addresses) {
        write!(toml, "[[service]]\nname = {name:?}\nurl = \"{address}\"\n")
            .expect("a String takes everything");
    }
    toml
}

/// Nobody else is expected to take it in the moment until the bot does.
fn free_port() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn until_ready(command: &mut Command, http: SocketAddr) -> anyhow::Result<Ready> {
    let started = Instant::now();
    let process = Process::start(command)?;
    while !is_ready(http).await {
        ensure!(started.elapsed() < PATIENCE, "not ready after {PATIENCE:?}: {command:?}");
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(Ready { process, after: started.elapsed() })
}

async fn is_ready(http: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(http).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: acgs\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    // Not there yet is not ready yet.
    ask.await.unwrap_or(false)
}

/// The bots that are built beside this program.
pub fn beside(name: &str, address: &Url) -> anyhow::Result<Process> {
    let folder = std::env::current_exe()?.parent().context("a folder")?.to_owned();
    Process::start(Command::new(folder.join(name)).arg(address.as_str()).stdout(Stdio::null()))
}
