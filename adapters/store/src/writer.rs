//! The one writer of the embedded database. It takes what is queued as a group, runs all of it in one
//! transaction and commits once, so that many callers share one wait for the disk.
//!
//! A group is first run straight through. If one of its jobs fails, the group is rolled back and run
//! again with a savepoint around each job, so that the failed one spoils nobody else's.

use std::sync::Arc;
use std::time::Instant;

use metrics::Histogram;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::audit::{self, Head};
use crate::{Result, StoreError};

/// Callers wait when this many jobs are queued.
const QUEUE: usize = 1024;
/// Jobs in one transaction at most; keeps the first caller's wait short.
const GROUP: usize = 256;

/// What a job works on.
pub(crate) struct Unit {
    pub(crate) connection: SqliteConnection,
    /// The audit chain's end, read when a transaction begins, moved on by its jobs and saved with the
    /// commit. `None` if its row is gone; and without meaning outside a transaction.
    pub(crate) head: Option<Head>,
}

impl Unit {
    const fn new(connection: SqliteConnection) -> Self {
        Self { connection, head: None }
    }
}

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// May run twice, so it borrows its arguments.
type Body<A, T> = for<'a> fn(&'a mut Unit, &'a A) -> BoxFuture<'a, Result<T>>;

/// The handle to the writer's task.
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let stop = Arc::new(Notify::new());
        let desk = Desk {
            options,
            unit: Some(Unit::new(connection)),
            commits: metrics::histogram!("acgs_store_commit_seconds"),
        };
        let task = tokio::spawn(desk.work(jobs, Arc::clone(&stop)));
        Self { queue, stop, task: Mutex::new(Some(task)) }
    }

    /// Runs a body that is a single statement; alone in its group it needs no transaction around it.
    pub(crate) async fn statement<A, T>(&self, arguments: A, body: Body<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.submit(Scope::Statement, arguments, body).await
    }

    /// Runs a body whose statements happen all or not at all.
    pub(crate) async fn transaction<A, T>(&self, arguments: A, body: Body<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.submit(Scope::Transaction, arguments, body).await
    }

    async fn submit<A, T>(&self, scope: Scope, arguments: A, body: Body<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let task = Task { scope, arguments, body, result: None, caller };
        self.queue.send(Box::new(task)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what is queued, then closes the connection.
    pub(crate) async fn close(&self) {
        self.stop.notify_one();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer ended badly");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Statement,
    Transaction,
}

/// A [`Task`] whose types are forgotten, so that different ones can stand in one queue.
trait Job: Send {
    fn scope(&self) -> Scope;
    fn run<'a>(&'a mut self, unit: &'a mut Unit) -> BoxFuture<'a, Result<()>>;
    fn answer(self: Box<Self>, group: Result<()>);
}

struct Task<A, T> {
    scope: Scope,
    arguments: A,
    body: Body<A, T>,
    result: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<A: Send + Sync, T: Send> Job for Task<A, T> {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn run<'a>(&'a mut self, unit: &'a mut Unit) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let result = (self.body)(unit, &self.arguments).await;
            let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
            self.result = Some(result);
            outcome
        })
    }

    fn answer(self: Box<Self>, group: Result<()>) {
        let Self { result, caller, .. } = *self;
        let result = group.and_then(|()| result.unwrap_or(Err(StoreError::Closed)));
        // A caller that went away doesn't want the answer; what it asked for is done.
        let _ = caller.send(result);
    }
}

/// The writer's task.
struct Desk {
    options: SqliteConnectOptions,
    /// `None` after a failure that says nothing good about the connection; opened anew for the next group.
    unit: Option<Unit>,
    commits: Histogram,
}

impl Desk {
    async fn work(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>, stop: Arc<Notify>) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => { queue.close(); continue }
                taken = queue.recv_many(&mut group, GROUP) => if taken == 0 { break },
            }
            let outcome = self.commit(&mut group).await;
            for job in group.drain(..) {
                job.answer(outcome.clone());
            }
        }
        self.close().await;
    }

    async fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<()> {
        let started = Instant::now();
        let unit = match &mut self.unit {
            Some(unit) => unit,
            lost @ None => {
                let connection = SqliteConnection::connect_with(&self.options).await?;
                lost.insert(Unit::new(connection))
            }
        };
        let outcome = match group {
            [job] if job.scope() == Scope::Statement => job.run(unit).await,
            group => together(unit, group).await,
        };
        self.commits.record(started.elapsed());
        if let Err(error) = &outcome
            && !spares_the_connection(error)
        {
            self.unit = None;
        }
        outcome
    }

    async fn close(self) {
        if let Some(unit) = self.unit
            && let Err(error) = unit.connection.close().await
        {
            tracing::warn!(%error, "the store's file could not be closed cleanly; it is repaired when opened");
        }
    }
}

/// The whole group in one transaction; in the rare case that a job fails, again and one by one.
async fn together(unit: &mut Unit, group: &mut [Box<dyn Job>]) -> Result<()> {
    let head = begin(unit).await?;
    for job in &mut *group {
        if job.run(unit).await.is_err() {
            roll_back(unit).await;
            return one_by_one(unit, group).await;
        }
    }
    end(unit, &head).await
}

async fn one_by_one(unit: &mut Unit, group: &mut [Box<dyn Job>]) -> Result<()> {
    let head = begin(unit).await?;
    for job in group {
        run(unit, "SAVEPOINT job").await?;
        let before = unit.head.clone();
        if let Err(error) = job.run(unit).await {
            unit.head = before;
            // SQLite may have given the whole transaction up by itself, for instance on a full disk.
            if run(unit, "ROLLBACK TO job").await.is_err() {
                roll_back(unit).await;
                return Err(error);
            }
        }
        run(unit, "RELEASE job").await?;
    }
    end(unit, &head).await
}

/// Immediate, so that waiting for another process happens here and never in the middle. Each trip to
/// sqlx's thread costs more than the statement, so the chain's end comes along; it is also returned.
async fn begin(unit: &mut Unit) -> Result<Option<Head>> {
    match audit::begin_with_head(&mut unit.connection).await {
        Ok(head) => {
            unit.head.clone_from(&head);
            Ok(head)
        }
        Err(error) => {
            roll_back(unit).await;
            Err(error)
        }
    }
}

async fn end(unit: &mut Unit, before: &Option<Head>) -> Result<()> {
    let ended = match &unit.head {
        Some(head) if unit.head != *before => audit::commit_with_head(&mut unit.connection, head).await,
        _ => run(unit, "COMMIT").await,
    };
    if ended.is_err() {
        roll_back(unit).await;
    }
    ended
}

async fn roll_back(unit: &mut Unit) {
    if let Err(error) = run(unit, "ROLLBACK").await {
        // No transaction is left when SQLite rolled back by itself, which is what is wanted.
        tracing::debug!(%error, "rollback");
    }
}

async fn run(unit: &mut Unit, statement: &'static str) -> Result<()> {
    sqlx::query(statement).execute(&mut unit.connection).await?;
    Ok(())
}

/// Whether the connection is as good as before: the statement itself was at fault, the disk was
/// full, or another process held the lock (5 `SQLITE_BUSY`, 13 `SQLITE_FULL`, 18 `SQLITE_TOOBIG`,
/// 19 `SQLITE_CONSTRAINT`). After anything else it is opened anew, which cures a file system that
/// was read-only for a while.
fn spares_the_connection(error: &StoreError) -> bool {
    let (StoreError::Unwritable(source) | StoreError::Failed(source)) = error else { return true };
    let code = source.as_database_error().and_then(|error| error.code());
    let class = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(class, Some(5 | 13 | 18 | 19))
}
