//! What each command does, one arm a command. Authorisation was asked before; wording is [`report`]'s.

use std::time::Duration;

use commands::health::ServiceHealth;
use commands::ids::{RunId, ServiceName};
use commands::intent::{Auth, Backup, Db, Deploy, Intent, Maintenance, RunbookAsk, Secrets, Security, Stack};
use commands::logs::Wanted;
use futures_util::future::BoxFuture;
use store::AuditFilter;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::asked::Asker;
use crate::clock;
use crate::config::{Person, Service};
use crate::performed::{News, Performed, news};
use crate::progress::Progress;
use crate::{
    alert, approval, backups, containers, database, firewall, host, incident, links, logins, lookup,
    maintenance, migration, oncall, report, runbook, scan, secrets, security, task, traffic, validation,
    watch,
};

/// A service counts as recovered after this many good answers in a row.
const GOOD_IN_A_ROW: u32 = 3;
/// The way through the network and TLS is longer than to a neighbour.
const PUBLIC_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks of `--wait`.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Does what `intent` says for `asker`, who may, and which does not act.
pub async fn perform(
    app: &App,
    asker: Asker<'_>,
    run: RunId,
    intent: &Intent,
    progress: Option<&Progress>,
) -> anyhow::Result<Performed> {
    let Intent::Runbook(RunbookAsk::Run { name, service }) = intent else {
        return one(app, asker, run, intent, progress).await;
    };
    let step = |intent: Intent| -> BoxFuture<'_, anyhow::Result<Performed>> {
        Box::pin(async move { one(app, asker, run, &intent, None).await })
    };
    let show = |reply| -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(progress) = progress {
                progress.show(reply).await;
            }
        })
    };
    runbook::run(app, asker.person, (name, service.as_ref()), &step, &show).await
}

/// One command that is no list of commands.
///
/// Each in a box of its own: one future that can be any of them would be as large as all of them to a thread's
/// stack.
fn one<'a>(
    app: &'a App,
    asker: Asker<'a>,
    run: RunId,
    intent: &'a Intent,
    progress: Option<&'a Progress>,
) -> BoxFuture<'a, anyhow::Result<Performed>> {
    let person = asker.person;
    match intent {
        Intent::Help { topic } => Box::pin(async move { Ok(help(app, person, topic)) }),
        Intent::Health { public: true, .. } => Box::pin(async move { Ok(public_health(app).await) }),
        Intent::Health { deep: true, .. } => Box::pin(async move { Ok(validation::deep(app).await) }),
        Intent::Health { service: Some(name), watch: Some(length), .. } => {
            Box::pin(async move { watch::watch(app, configured(app, name)?, *length, progress).await })
        }
        Intent::Health { service: None, wait: None, .. } => Box::pin(async move { Ok(health(app).await) }),
        Intent::Health { service: Some(name), wait: None, .. } => {
            Box::pin(async move { service_health(app, name).await })
        }
        Intent::Health { service: None, wait: Some(_), .. } if app.config.services.is_empty() => {
            Box::pin(async move { Ok(health(app).await) })
        }
        Intent::Health { service, wait: Some(seconds), .. } => Box::pin(async move {
            wait_for_health(app, service.as_ref(), Duration::from_secs(u64::from(*seconds)), progress).await
        }),
        Intent::Ps => Box::pin(async move { Ok(containers::ps(app).await) }),
        Intent::Logs { service, tail, since, grep, level } => Box::pin(async move {
            let wanted =
                Wanted { tail: *tail, since: None, grep: grep.clone(), level: *level, subject: None };
            Ok(containers::logs(app, configured(app, service)?, *since, wanted).await)
        }),
        Intent::Stats { service, sort, trend: None } => {
            Box::pin(async move { Ok(containers::stats(app, service.as_ref(), *sort).await) })
        }
        Intent::Stats { service, trend: Some(trend), .. } => {
            Box::pin(async move { Ok(traffic::memory_trend(app, service.as_ref(), *trend).await) })
        }
        Intent::Disk => Box::pin(async move { Ok(host::disk(app).await) }),
        Intent::Backup(Backup::List) => Box::pin(async move { Ok(backups::list(app).await) }),
        Intent::Deploy(Deploy::List) => Box::pin(async move { Ok(containers::deployed(app).await) }),
        Intent::Secrets(Secrets::Check) => Box::pin(async move { Ok(secrets::check(app).await) }),
        Intent::Errors { window } => Box::pin(async move { Ok(traffic::errors(app, *window).await) }),
        Intent::Latency { quantile, window, top: None } => {
            Box::pin(async move { Ok(traffic::latency(app, *quantile, *window).await) })
        }
        Intent::Latency { quantile, window, top: Some(top) } => {
            Box::pin(async move { Ok(traffic::slow_endpoints(app, *quantile, *window, *top).await) })
        }
        Intent::Links => Box::pin(async move { Ok(links::links(app).await) }),
        Intent::Auth(Auth::Failures { window }) => {
            Box::pin(async move { Ok(traffic::auth_failures(app, *window).await) })
        }
        Intent::Security(Security::Watch { window }) => {
            Box::pin(async move { Ok(traffic::security_watch(app, *window).await) })
        }
        Intent::Security(Security::Events { since }) => {
            Box::pin(async move { Ok(security::events(app, *since).await) })
        }
        Intent::Security(Security::Review { since }) => {
            Box::pin(async move { Ok(security::review(app, *since).await) })
        }
        Intent::Security(Security::Blocks) => Box::pin(async move { firewall::list(app).await }),
        Intent::Security(Security::Scan) => Box::pin(async move { Ok(scan::scan(app).await) }),
        Intent::Security(Security::Tasks { done: None }) => Box::pin(async move { task::list(app).await }),
        Intent::Security(Security::Tasks { done: Some(name) }) => {
            Box::pin(async move { task::done(app, person, name).await })
        }
        Intent::Db(Db::Ping) => Box::pin(async move { Ok(database::ping(app).await) }),
        Intent::Db(Db::Connections) => Box::pin(async move { Ok(database::connections(app).await) }),
        Intent::Auth(Auth::Test) => Box::pin(async move { Ok(logins::test(app).await) }),
        Intent::Oncall(ask) => Box::pin(async move { oncall::answer(app, asker, ask, run).await }),
        Intent::Runbook(RunbookAsk::List) => Box::pin(async move { Ok(runbook::list(app)) }),
        Intent::Runbook(RunbookAsk::Show { name }) => Box::pin(async move { Ok(runbook::show(app, name)) }),
        Intent::Runbook(RunbookAsk::Run { .. }) => {
            Box::pin(async move { anyhow::bail!("a runbook in a runbook is refused at load") })
        }
        Intent::Db(Db::LongQueries { over }) => {
            Box::pin(async move { Ok(database::long_queries(app, *over).await) })
        }
        Intent::Db(Db::Locks) => Box::pin(async move { Ok(database::locks(app).await) }),
        Intent::Db(Db::Slow { by }) => Box::pin(async move { Ok(database::slow(app, *by).await) }),
        Intent::Db(Db::Migrate { check: true, .. }) => Box::pin(async move { migration::check(app).await }),
        Intent::Db(Db::Users) => Box::pin(async move { Ok(database::users(app).await) }),
        Intent::Db(Db::UnusedIndexes) => Box::pin(async move { Ok(database::unused_indexes(app).await) }),
        Intent::Stack(Stack::Freeze { why, length }) => {
            Box::pin(async move { incident::freeze(app, person, why.as_str(), *length).await })
        }
        Intent::Stack(Stack::Unfreeze) => Box::pin(async move { incident::thaw(app, person).await }),
        Intent::Maintenance(Maintenance::Start { service, length, why }) => {
            Box::pin(
                async move { maintenance::start(app, asker, run, (service, *length, why.as_str())).await },
            )
        }
        Intent::Maintenance(Maintenance::End { service }) => {
            Box::pin(async move { maintenance::end(app, asker, run, service.as_ref()).await })
        }
        Intent::Incident(ask) => Box::pin(async move { incident::answer(app, asker, ask, run).await }),
        Intent::Alert(ask) => Box::pin(async move { alert::answer(app, asker, ask).await }),
        Intent::Approvals => Box::pin(async move { approval::waiting(app, person).await }),
        Intent::Backup(Backup::Verify { archive }) => {
            Box::pin(async move { Ok(backups::verify(app, archive).await) })
        }
        Intent::Restart { .. }
        | Intent::Deploy(Deploy::Run { .. } | Deploy::Rollback { .. } | Deploy::Config { .. })
        | Intent::Secrets(Secrets::Rotate { .. })
        | Intent::Stack(
            Stack::Restart { .. }
            | Stack::Stop { .. }
            | Stack::Start { .. }
            | Stack::Cleanup { .. }
            | Stack::Scale { .. },
        )
        | Intent::Security(Security::Block { .. } | Security::Unblock { .. })
        | Intent::Backup(
            Backup::Create { .. } | Backup::Archive { .. } | Backup::Restore { .. } | Backup::Drill { .. },
        )
        | Intent::Db(
            Db::Cancel { .. }
            | Db::Kill { .. }
            | Db::Vacuum { .. }
            | Db::Analyze { .. }
            | Db::IndexCreate { .. }
            | Db::PoolReset { .. }
            | Db::Migrate { check: false, .. },
        ) => Box::pin(async move { anyhow::bail!("{} acts: it takes a plan", intent.verb()) }),
        Intent::Query { name: None } => Box::pin(async move { Ok(lookup::list(app)) }),
        Intent::Query { name: Some(name) } => Box::pin(async move { Ok(lookup::run(app, name).await) }),
        Intent::Audit { last, person, run } => Box::pin(async move {
            let filter = AuditFilter { last: u32::from(*last), person: person.clone(), run: *run };
            let rows = app.store.audit_rows(filter).await?;
            Ok(Performed::done(report::audit(&rows), News::Good))
        }),
    }
}

fn help(app: &App, person: &Person, command: &[String]) -> Performed {
    match app.grammar.help(command, Some(person.role)) {
        Ok(help) => Performed::done(report::help(&help), News::Good),
        Err(error) => Performed::failed(report::unparsed(&error)),
    }
}

async fn health(app: &App) -> Performed {
    let looked = app.executors.look(&app.config.services).await;
    let well = looked.verdict().severity.is_none();
    Performed::done(report::health(&looked), news(well))
}

async fn public_health(app: &App) -> Performed {
    let Some(url) = &app.config.public else {
        return Performed::done(report::not_configured("public"), News::Bad);
    };
    let health = app.executors.prober.public(url, PUBLIC_DEADLINE).await;
    let now = clock::now();
    Performed::done(report::public_health(url, &health, now), news(health.is_well(now)))
}

async fn service_health(app: &App, name: &ServiceName) -> anyhow::Result<Performed> {
    let service = configured(app, name)?;
    let health = look_at(app, service).await?;
    let well = !health.is_sick();
    Ok(Performed::done(report::service_health(&health, clock::now()), news(well)))
}

/// Polls until three good answers in a row or until the time is up.
async fn wait_for_health(
    app: &App,
    name: Option<&ServiceName>,
    limit: Duration,
    progress: Option<&Progress>,
) -> anyhow::Result<Performed> {
    let services: Vec<Service> = match name {
        Some(name) => vec![configured(app, name)?.clone()],
        None => app.config.services.clone(),
    };
    let started = Instant::now();
    let mut good = 0;
    let mut looks = 0;
    loop {
        let health = app.executors.services(&services).await;
        looks += 1;
        let well = health.iter().all(|service| !service.is_sick());
        good = if well { good + 1 } else { 0 };
        let waited = report::Waited { looks, good, of: GOOD_IN_A_ROW, took: started.elapsed(), limit };
        if good == GOOD_IN_A_ROW || started.elapsed() + LOOK_EVERY > limit {
            let reply = report::waited(&health, &waited, clock::now());
            return Ok(Performed::done(reply, news(good == GOOD_IN_A_ROW)));
        }
        if let Some(progress) = progress {
            progress.show(report::waiting(&health, &waited, clock::now())).await;
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look_at(app: &App, service: &Service) -> anyhow::Result<ServiceHealth> {
    let looked = app.executors.services(std::slice::from_ref(service)).await;
    looked.into_iter().next().ok_or_else(|| anyhow::anyhow!("no health for {}", service.name))
}

fn configured<'a>(app: &'a App, name: &ServiceName) -> anyhow::Result<&'a Service> {
    app.service(name).ok_or_else(|| anyhow::anyhow!("{name} is in the grammar but not in the configuration"))
}
