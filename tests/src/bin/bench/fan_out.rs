//! Many health probes at once against the slowest answer alone and against one probe after another,
//! through the bot's own executors; and the whole of `/acgs health`.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bot::config::Service;
use bot::health::{DEADLINE, Executors};
use e2e::people::CY;
use e2e::slack::SlackServer;
use exec_http::Prober;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::samples::Samples;
use crate::table::Table;

const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_millis(100);
/// Every so many endpoints, and the last one, are slow.
const SLOW_EVERY: usize = 10;
const ROUNDS: usize = 10;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"status\":\"healthy\"}";

/// Addresses of so many local services that answer after a while.
pub async fn endpoints(count: usize) -> anyhow::Result<Vec<Url>> {
    let mut addresses = Vec::with_capacity(count);
    for number in 1..=count {
        let delay = if number % SLOW_EVERY == 0 || number == count { SLOW } else { QUICK };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        addresses.push(Url::parse(&format!("http://{}", listener.local_addr()?))?);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, delay));
            }
        });
    }
    Ok(addresses)
}

async fn answer(mut stream: TcpStream, delay: Duration) {
    let mut request = [0; 1024];
    let Ok(_) = stream.read(&mut request).await else { return };
    tokio::time::sleep(delay).await;
    // Whoever asked may have given up.
    let _ = stream.write_all(ANSWER).await;
}

/// The fan-out of 6 and of 200.
pub async fn measure(table: &mut Table) -> anyhow::Result<()> {
    for count in [6, 200] {
        of(count, table).await?;
    }
    Ok(())
}

async fn of(count: usize, table: &mut Table) -> anyhow::Result<()> {
    let services = services(&endpoints(count).await?)?;
    let prober = Prober::new()?;
    let executors = Executors {
        prober: prober.clone(),
        webhooks: exec_http::Webhooks::new()?,
        docker: None,
        postgres: None,
        signals: None,
        prometheus: None,
        alertmanager: None,
        canary: None,
        grafana: None,
    };
    let slowest = services.last().context("no endpoint")?;
    let (mut together, mut alone) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let health = executors.services(&services).await;
        together.push(started.elapsed());
        anyhow::ensure!(health.iter().all(|service| !service.is_sick()), "a service is sick: {health:?}");
        alone.push(prober.probe(&slowest.health_url, DEADLINE).await.took);
    }
    let started = Instant::now();
    for service in &services {
        prober.probe(&service.health_url, DEADLINE).await;
    }
    let one_by_one = started.elapsed();
    let (together, alone) = (together.p50(), alone.p50());
    table.row(format!("health probes of {count} endpoints"), together, "the slowest alone", alone);
    table.row(format!("health probes of {count} endpoints"), together, "one after another", one_by_one);
    let limit = alone + alone / 20 + Duration::from_millis(5);
    table.aim(format!("fan-out of {count} <= slowest + 5 % + 5 ms"), together, limit);
    Ok(())
}

fn services(addresses: &[Url]) -> anyhow::Result<Vec<Service>> {
    let of = |(number, address): (usize, &Url)| {
        let name = format!("service_{number}").parse()?;
        Ok(Service { name, health_url: address.clone(), read_url: None, container: None, critical: false })
    };
    addresses.iter().enumerate().map(of).collect()
}

/// `/acgs health` of six services: typed on Slack until the card is in the channel.
pub async fn whole_command(slack: &SlackServer, table: &mut Table) -> anyhow::Result<()> {
    let mut samples = Samples::default();
    for number in 0..ROUNDS {
        let channel = format!("CHEALTH{number}");
        let started = Instant::now();
        slack.slash(CY, &channel, "health").await;
        let card = slack.wait_message(|message| message.channel == channel, DEADLINE).await;
        samples.push(started.elapsed());
        anyhow::ensure!(card.visible().contains("All 6 services are well"), "{}", card.visible());
    }
    table.row("/acgs health of 6, typed to card shown", samples.p50(), "the slowest answer's delay", SLOW);
    Ok(())
}
