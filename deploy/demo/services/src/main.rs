//! One service of the demo platform in a container: `acgs-demo-service` serves,
//! `acgs-demo-service health` asks the one that serves, for the image has no shell to do that.
//!
//! Configured by the environment alone, as the platform's services are: `SERVICE_NAME`,
//! `SERVICE_PORT`, `SERVICE_VERSION`, `DATABASE_URL`, `DATABASE_POOL_SIZE`,
//! `AUTH_SERVICE_SECRET_KEY` (a service without it has no logins), `SICK` (lasting faults).

mod own_health;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use acgs_demo_services::{Faults, Order, Service};
use anyhow::{Context, bail};
use axum::serve::ListenerExt;
use secrecy::SecretString;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long a request waits for a seat in the pool.
const POOL_PATIENCE: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stdout)
        .init();
    let outcome = match std::env::args().nth(1).as_deref() {
        None => serve().await,
        Some("health") => own_health::ask(port_or_default()).await,
        Some(other) => Err(anyhow::anyhow!("{other:?} is unknown: use no argument to serve, or `health`")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    // First of all: as process 1 of a container it gets only the signals it has asked for.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut running = configured()?.run();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port_or_default())).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::warn!("TCP_NODELAY: {error}");
        }
    });
    tracing::info!("listening on {address}");
    let router = running.router.clone();
    tokio::select! {
        served = axum::serve(listener, router) => served.context("the listener failed"),
        () = running.crashed() => bail!("fault switch: crash"),
        _ = terminate.recv() => {
            tracing::info!("terminated");
            Ok(())
        }
    }
}

fn configured() -> anyhow::Result<Service> {
    let name = variable("SERVICE_NAME").context("SERVICE_NAME is not set: give the service a name")?;
    let sick = variable("SICK").unwrap_or_default();
    Ok(Service {
        version: variable("SERVICE_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        token_key: variable("AUTH_SERVICE_SECRET_KEY").map(SecretString::from),
        database: database(&name)?,
        faults: Faults::default().after(&Order::parse(&sick)?).context("SICK")?,
        name,
    })
}

/// Connects when first asked, so that the service starts before its database does.
fn database(service: &str) -> anyhow::Result<Option<PgPool>> {
    let Some(url) = variable("DATABASE_URL") else { return Ok(None) };
    // sqlx takes any scheme for its own, and its error would repeat the address with its password.
    let scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let address = PgConnectOptions::from_str(&url)
        .ok()
        .filter(|_| scheme)
        .context("DATABASE_URL is not a PostgreSQL address: write postgres://user:password@host/database")?
        .application_name(service);
    let seats = number("DATABASE_POOL_SIZE")?.unwrap_or(2);
    let pool = PgPoolOptions::new().max_connections(seats).acquire_timeout(POOL_PATIENCE);
    Ok(Some(pool.connect_lazy_with(address)))
}

fn port_or_default() -> u16 {
    number("SERVICE_PORT").ok().flatten().unwrap_or(8000)
}

fn number<T: FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    match variable(name).map(|text| text.parse()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => bail!("{name} is not a number in range"),
    }
}

/// A blank variable is one that is not set: compose can't leave one out.
#[expect(clippy::disallowed_methods, reason = "a program of its own: this is where it reads its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
