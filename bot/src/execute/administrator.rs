//! PostgreSQL's own programs in the database's container, for a step of a plan or for a question before one.

use std::time::Duration;

use commands::backend::SessionTag;
use commands::plan::Seat;
use commands::restore::DatabaseName;
use exec_docker::act::{Abort, Acts, Exec, ExecError};
use exec_host::HostError;
use exec_postgres::PostgresError;
use exec_postgres::administration::{
    Administration, Invocation, Statement, Terms, archive_tables, free_room, number,
};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio::time::sleep;

use crate::app::App;
use crate::report::plan as say;

/// Debian's coreutils and Alpine's busybox have it there.
const TIMEOUT: &str = "/usr/bin/timeout";
/// A statement that only looks, or ends sessions, with the program around it.
const SHORT: Duration = Duration::from_secs(20);
/// One lock.
const LOCK: Duration = Duration::from_secs(10);
/// So often it is looked whether ended sessions are gone.
const ENDINGS: u32 = 50;
/// Between two such looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Of a program's complaint.
const COMPLAINT: usize = 300;

/// Who runs programs beside the database.
pub struct Administrator {
    acts: Acts,
    seat: Seat,
    administration: Administration,
    tag: SessionTag,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is nobody to run it, or it was not started.
    #[error("{0}")]
    NotStarted(String),
    /// It ended with an error of its own.
    #[error("{program} ended with {code}: {complaint}")]
    Failed {
        /// Which.
        program: String,
        /// Its exit code.
        code: i64,
        /// Its own last words.
        complaint: String,
    },
    /// It was ended on the way, with its session.
    #[error("{program} was ended: {why}")]
    Ended {
        /// Which.
        program: String,
        /// Why.
        why: Abort,
    },
    /// It was given up, and nobody knows that it has ended.
    #[error("{program} was given up ({why}), and it may still be at work")]
    Lost {
        /// Which.
        program: String,
        /// Why.
        why: Abort,
    },
    /// What it printed is none that was expected.
    #[error("{0}")]
    Unclear(#[from] PostgresError),
    /// The bot's own machine.
    #[error("{0}")]
    Host(#[from] HostError),
}

impl Administrator {
    /// At `seat`; sessions get the name `tag`.
    pub fn at(app: &App, seat: &Seat, tag: SessionTag) -> Result<Self, ProgramError> {
        let Some(docker) = &app.executors.docker else {
            return Err(ProgramError::NotStarted(say::part_missing("docker")));
        };
        Ok(Self {
            acts: Acts::new(docker.clone()),
            administration: Administration {
                role: seat.role.clone(),
                database: seat.database.clone(),
                maintenance: seat.maintenance.clone(),
            },
            seat: seat.clone(),
            tag,
        })
    }

    /// What says how the programs are called.
    pub const fn calls(&self) -> &Administration {
        &self.administration
    }

    /// A statement may take this long.
    pub const fn terms(&self, statement: Duration) -> Terms<'_> {
        Terms { tag: &self.tag, lock: LOCK, statement }
    }

    /// Runs a program to its good end. One that is given up is ended with its session before this returns.
    pub async fn run<I, O>(
        &self,
        call: &Invocation,
        limit: Duration,
        stdin: Option<I>,
        stdout: &mut O,
    ) -> Result<(), ProgramError>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
    {
        self.exec(call, limit, (stdin, stdout), async |_| {
            // What could not be ended is told by the program's own state.
            let _ = self.end_sessions().await;
        })
        .await
    }

    /// One statement; returns what it prints.
    pub async fn ask(
        &self,
        database: &DatabaseName,
        statement: &Statement,
        limit: Duration,
    ) -> Result<String, ProgramError> {
        let call = self.administration.run(database, statement, self.terms(limit));
        self.printed(&call, limit).await
    }

    /// A program that needs no input; returns what it prints.
    pub async fn printed(&self, call: &Invocation, limit: Duration) -> Result<String, ProgramError> {
        let mut printed = Vec::new();
        self.run(call, limit, None::<Empty>, &mut printed).await?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// The tables whose rows the archive `name` below `folder` holds.
    pub async fn tables_in(
        &self,
        folder: &str,
        name: &str,
        limit: Duration,
    ) -> Result<Vec<String>, ProgramError> {
        let (file, _) = exec_host::open_archive(folder, name, SHORT).await?;
        let mut printed = Vec::new();
        self.run(&Administration::list_archive(), limit, Some(file), &mut printed).await?;
        Ok(archive_tables(&String::from_utf8_lossy(&printed)))
    }

    /// Bytes that are free for the server's files.
    pub async fn room(&self, directory: &str) -> Result<u64, ProgramError> {
        Ok(free_room(&self.printed(&Administration::room(directory), SHORT).await?)?)
    }

    /// Ends every session with the tag, and waits until they are gone.
    pub async fn end_sessions(&self) -> Result<(), ProgramError> {
        self.end_all(&Administration::end_tagged(&self.tag)).await
    }

    /// Runs a statement that ends sessions until it finds none.
    pub async fn end_all(&self, statement: &Statement) -> Result<(), ProgramError> {
        let call = self.administration.run(&self.seat.maintenance, statement, self.terms(SHORT));
        for _ in 0..ENDINGS {
            let mut printed = Vec::new();
            self.exec(&call, SHORT, (None::<Empty>, &mut printed), async |_| {}).await?;
            if number(&String::from_utf8_lossy(&printed))? == 0 {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        Err(ProgramError::NotStarted(say::sessions_stay()))
    }

    async fn exec<I, O>(
        &self,
        call: &Invocation,
        limit: Duration,
        (stdin, stdout): (Option<I>, &mut O),
        abort: impl AsyncFnOnce(&Abort),
    ) -> Result<(), ProgramError>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
    {
        let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
        let env: Vec<(String, SecretString)> =
            call.env.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let exec = Exec {
            container: &self.seat.container,
            argv: &argv,
            env: &env,
            user: None,
            tag: self.tag.as_str(),
            timeout: limit,
            ended_by: Some(TIMEOUT),
        };
        let program = call.argv.first().cloned().unwrap_or_default();
        match self.acts.exec(&exec, stdin, stdout, abort).await {
            Ok(ended) if ended.exit_code == 0 => Ok(()),
            Ok(ended) => {
                let complaint = say::complaint(&ended.complaints, COMPLAINT);
                Err(ProgramError::Failed { program, code: ended.exit_code, complaint })
            }
            Err(ExecError::NotStarted(why)) => Err(ProgramError::NotStarted(why.to_string())),
            Err(ExecError::Aborted { why, still_running: Some(false), .. }) => {
                Err(ProgramError::Ended { program, why })
            }
            Err(ExecError::Aborted { why, still_running: _, .. }) => Err(ProgramError::Lost { program, why }),
        }
    }
}
