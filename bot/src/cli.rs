//! The command line of the binary: what is asked, and the exit code that answers it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chat_slack::ManifestMode;
use clap::{Parser, Subcommand};
use commands::coverage::STEPS;
use secrecy::ExposeSecret as _;
use store::{Store, Verified};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::{self, Config, ConfigError, LogFormat};
use crate::{app, check, clock, demo, logging, login, report, serve, terminal};

/// Of each thread that runs commands.
const STACK_BYTES: usize = 8 << 20;

/// A ChatOps incident bot: the runbook from Slack, Discord, a web page or the terminal.
#[derive(Debug, Parser)]
#[command(name = "acgs", version)]
pub struct Cli {
    #[command(subcommand)]
    ask: Ask,
}

#[derive(Debug, Subcommand)]
enum Ask {
    /// Run the bot with every platform and executor that the file configures.
    Serve(ConfigFile),
    /// Try the bot: web chat and six sandbox services, no account, no server, no network.
    Demo(demo::Demo),
    /// Run one command line from the terminal: exit 0 ok, 1 failed, 2 refused or misused.
    Run {
        #[command(flatten)]
        file: ConfigFile,
        /// Print the card as JSON.
        #[arg(long)]
        json: bool,
        /// The line, as typed in chat.
        #[arg(last = true, required = true)]
        line: Vec<String>,
    },
    /// Check the file and connect to everything in it; exit 1 if anything is wrong.
    Check(ConfigFile),
    /// Print what to give the platform: an app manifest or an invite link.
    Manifest {
        /// For which platform.
        #[command(subcommand)]
        platform: ManifestFor,
    },
    /// Runbooks.
    Runbook {
        #[command(subcommand)]
        ask: RunbookAsk,
    },
    /// The audit trail.
    Audit {
        #[command(subcommand)]
        ask: AuditAsk,
    },
    /// Print a one-time link that logs a person in to the web chat.
    WebLogin {
        /// As in [[person]] name.
        name: String,
        #[command(flatten)]
        file: ConfigFile,
    },
}

#[derive(Debug, Subcommand)]
enum RunbookAsk {
    /// Check a runbook file as the bot does when it starts; exit 2 if it can't be used.
    Check {
        /// The runbook; its name is the file's.
        runbook: PathBuf,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Print every step of the operations runbook with the line that does it.
    Coverage,
}

#[derive(Debug, Subcommand)]
enum AuditAsk {
    /// Check the hash chain and name the first bad row; exit 1 if there is one.
    Verify(ConfigFile),
}

#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration; without it ./acgs.toml, else /etc/acgs/acgs.toml.
    #[arg(long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ManifestFor {
    /// The app manifest for api.slack.com/apps.
    Slack {
        /// What the app is called.
        #[arg(long, default_value = "acgs")]
        name: String,
        /// For HTTP mode: the bot's public address, which Slack calls. Without it: Socket Mode.
        #[arg(long)]
        url: Option<Url>,
    },
    /// The invite link.
    Discord(ConfigFile),
}

impl ConfigFile {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.path.clone().unwrap_or_else(config::default_path))
    }
}

/// Wrong words or a wrong file.
const MISUSED: u8 = 2;

/// Does what the command line asks. Errors are printed here, once.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // A runbook runs commands within a command, and an unoptimised build keeps all of them on the stack: 2 MiB, the
    // default, was too little. What is not used takes no memory.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.enable_all().thread_stack_size(STACK_BYTES).build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::Error::new(error).context("no runtime")),
    };
    let code = runtime.block_on(cli.ask.answer()).unwrap_or_else(|error| complain(&error));
    // Whatever still runs is journalled; nothing waits for it.
    runtime.shutdown_background();
    code
}

#[expect(clippy::print_stderr, reason = "the one place where the binary reports why it ends")]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("acgs: {error:#}");
    if error.is::<ConfigError>() { ExitCode::from(MISUSED) } else { ExitCode::FAILURE }
}

impl Ask {
    async fn answer(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(file) => {
                let config = file.load()?;
                logging::install(config.bot.log);
                serve::serve(config, stopped_by_signal()?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Demo(demo) => {
                logging::install(LogFormat::Human);
                demo::run(demo, stopped_by_signal()?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Run { file, json, line } => terminal::run(file.load()?, line, json).await,
            Self::Check(file) => check::run(&file.load()?).await,
            Self::Manifest { platform } => manifest(platform),
            Self::Runbook { ask: RunbookAsk::Check { runbook, file } } => check_runbook(&runbook, &file),
            Self::Runbook { ask: RunbookAsk::Coverage } => Ok(coverage()),
            Self::Audit { ask: AuditAsk::Verify(file) } => verify_audit(&file.load()?).await,
            Self::WebLogin { name, file } => web_login(&file.load()?, &name).await,
        }
    }
}

/// A token that SIGTERM and SIGINT cancel.
fn stopped_by_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stopped.cancel();
    });
    Ok(stop)
}

#[expect(clippy::print_stdout, reason = "the manifest is this call's output")]
fn manifest(platform: ManifestFor) -> anyhow::Result<ExitCode> {
    match platform {
        ManifestFor::Slack { name, url } => {
            let mode = url.map_or(ManifestMode::Socket, |base_url| ManifestMode::Http { base_url });
            let (description, hint) = report::slash_command();
            println!("{}", chat_slack::manifest(&name, description, hint, &mode));
        }
        ManifestFor::Discord(file) => {
            let discord = file.load()?.discord.context("[discord] is not in the configuration")?;
            println!("{}", chat_discord::manifest(discord.application_id));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the table is this call's output")]
fn coverage() -> ExitCode {
    print!("{}", report::coverage(&STEPS));
    ExitCode::SUCCESS
}

/// With the services of the configuration; without one a step can name none but `{service}`.
#[expect(clippy::print_stdout, reason = "the verdict is this call's output")]
fn check_runbook(runbook: &Path, file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let named = file.path.is_some() || config::default_path().exists();
    let grammar = if named { app::grammar(&file.load()?) } else { app::any_service() };
    let runbook = config::runbook(runbook, &grammar)?;
    println!("{}", report::runbook_is_good(&runbook));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the verdict is this call's output")]
async fn verify_audit(config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::open(config.store.0.expose_secret()).await?;
    let verified = store.verify_audit().await?;
    println!("{}", report::audit_verified(&verified));
    Ok(if matches!(verified, Verified::Intact { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "the link is this call's output")]
async fn web_login(config: &Config, name: &str) -> anyhow::Result<ExitCode> {
    let web = config.web.as_ref().context("[web] is not in the configuration")?;
    let person = config.people.named(name).with_context(|| format!("no [[person]] has the name {name:?}"))?;
    let account = person.accounts.iter().find(|account| account.platform == commands::ids::Platform::Web);
    let account = account.with_context(|| format!("{name} has no web = \"…\" in [[person]]"))?;
    let store = Store::open(config.store.0.expose_secret()).await?;
    clock::follow(&store).await?;
    let token = login::new_link(&store, &account.id, clock::now()).await?;
    println!("http://{}/login?token={}", web.listen, token.expose_secret());
    Ok(ExitCode::SUCCESS)
}
