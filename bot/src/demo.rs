//! `acgs demo`: the same bot on embedded defaults. An SQLite file in a temporary folder, the web
//! chat, six sandbox services with fault switches; no account, no server, no network. One loopback
//! listener serves everything.
//!
//! With `--stack` the bot looks at the real demo stack that `deploy/demo/up` brought up, through the
//! configuration that it left.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use acgs_demo_services::Service as Sandbox;
use anyhow::Context as _;
use axum::Router;
use chat_web::{WebChat, WebMode};
use commands::ids::ServiceName;
use secrecy::{ExposeSecret as _, SecretString};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::chat::{Chat, Chats};
use crate::config::{self, Config, Service, StoreUrl};
use crate::listener::Listener;
use crate::{http, report, serve, status_page};

/// What the demo knows.
const EMBEDDED: &str = include_str!("../../deploy/demo/demo.toml");
/// Tried first, so that the address is the same each time.
const USUAL_PORT: u16 = 8081;

/// `acgs demo`.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// The port on 127.0.0.1; without it 8081, or a free one if that is taken.
    #[arg(long)]
    port: Option<u16>,
    /// Look at the real demo stack instead of the sandbox, through the configuration that
    /// deploy/demo/up wrote; without FILE, where it writes it by default.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    stack: Option<Option<PathBuf>>,
}

/// Runs the demo until `stop`.
#[expect(clippy::print_stdout, reason = "the address and the switches are this call's output")]
pub async fn run(demo: Demo, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = http::install_metrics()?;
    let socket = bind(demo.port).await?;
    let address = socket.local_addr()?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut config = match &demo.stack {
        Some(Some(file)) => Config::load(file)?,
        Some(None) => Config::load(&config::demo_stack_path())
            .context("is the demo stack up? deploy/demo/up brings it up and writes its configuration")?,
        None => Config::parse("deploy/demo/demo.toml", EMBEDDED, &|_| None)?,
    };
    config.store =
        StoreUrl(SecretString::from(format!("sqlite://{}", folder.path().join("acgs.db").display())));
    config.bot.http_listen = address;
    let sandboxes = if demo.stack.is_none() { sandboxes(&mut config, address) } else { Router::new() };
    let stack = demo.stack.is_some();

    let store = Store::open(config.store.0.expose_secret()).await?;
    let grammar = app::grammar(&config);
    let executors = app::executors(&config)?;
    let mut web = serve::web_config(&config, &grammar, WebMode::Demo);
    web.banner = Some(report::demo_banner(stack));
    let chat = WebChat::new(web);
    let app = App::new(config, store, executors, grammar, Chats::new(vec![Chat::Web(chat.clone())]));
    let probes = http::probes(std::sync::Arc::clone(&app), metrics.clone());
    let router = http::with_deadline(probes.merge(status_page::router(std::sync::Arc::clone(&app))))
        .merge(chat.router(serve::receiver(&app)))
        .merge(sandboxes);
    let names: Vec<ServiceName> = app.config.services.iter().map(|service| service.name.clone()).collect();
    println!("{}", report::demo_greeting(address, &names, stack));
    serve::run(app, metrics, vec![Listener { name: "web", socket, router }], stop).await
}

/// Loopback alone: in the demo everybody may be anybody.
async fn bind(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match port {
        Some(port) => {
            TcpListener::bind(at(port)).await.with_context(|| format!("port {port} can't be bound"))
        }
        None => match TcpListener::bind(at(USUAL_PORT)).await {
            Ok(listener) => Ok(listener),
            Err(_) => Ok(TcpListener::bind(at(0)).await?),
        },
    }
}

/// Six services behind paths of the one listener; the configuration then points there.
fn sandboxes(config: &mut Config, address: SocketAddr) -> Router {
    let mut router = Router::new();
    for service in &mut config.services {
        let running = Sandbox::sandbox(service.name.as_str()).run();
        router = router.nest(&format!("/sandbox/{}", service.name), running.router);
        point_at(service, address);
    }
    router
}

fn point_at(service: &mut Service, address: SocketAddr) {
    // Both parts of a loopback address fit into any http URL.
    let _ = service.health_url.set_port(Some(address.port()));
    let _ = service.health_url.set_ip_host(address.ip());
}
