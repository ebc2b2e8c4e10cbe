//! A command in a running container, with its input and output as streams of any length.

use std::io;
use std::time::Duration;

use commands::workload::{ContainerId, ExecId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{ANSWER, ActError, Acts};
use crate::call::{Call, Fault, Tunnel, join};
use crate::targets::bad;
use crate::{Docker, DockerError};

/// Bytes on the way in each direction.
const PIECE: usize = 64 << 10;

/// Of what is written to standard error the newest bytes are kept.
const COMPLAINTS: usize = 64 << 10;

/// How long whoever is told of an end may take for what he does about it.
const ABORT: Duration = Duration::from_secs(30);

/// How long a command that was told to end, or whose output has ended, may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// PostgreSQL's clients call their session so.
const SESSION_NAME: &str = "PGAPPNAME";

/// A command to run. No shell reads it.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// Where; it must run.
    pub container: &'a ContainerId,
    /// The program, and its arguments.
    pub argv: &'a [&'a str],
    /// Variables besides the container's own.
    pub env: &'a [(String, SecretString)],
    /// As which user, or as the container's own.
    pub user: Option<&'a str>,
    /// The name that its database session gets (`PGAPPNAME`), so that the session can be found and ended.
    pub tag: &'a str,
    /// How long it may take at most.
    pub timeout: Duration,
    /// The path of the program `timeout` in the container, which coreutils and busybox have. It ends the command
    /// a little after its time also where the bot can't, because it was killed itself.
    pub ended_by: Option<&'a str>,
}

/// How a command ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its id.
    pub exec: ExecId,
    /// 0 is well.
    pub exit_code: i64,
    /// The newest 64 KiB of its standard error.
    pub complaints: Vec<u8>,
    /// Bytes of the input that were handed over.
    pub bytes_in: u64,
    /// Whether it was given all of the input before it ended.
    pub took_all: bool,
    /// Bytes of its output.
    pub bytes_out: u64,
}

/// Why a command was not let run to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abort {
    /// Its time was over.
    #[error("its time was over")]
    TimedOut,
    /// Its input could not be read further. It must not take what it got for all of it.
    #[error("its input can't be read: {0}")]
    Input(String),
    /// Its output could not be put away.
    #[error("its output can't be written: {0}")]
    Output(String),
    /// The Engine was lost on the way.
    #[error("the connection to it was lost: {0}")]
    Connection(DockerError),
}

/// Why a command has no exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// It was not started, as far as is known.
    #[error("the command was not started: {0}")]
    NotStarted(ActError),
    /// It was started, and given up.
    #[error("the command was given up: {why}")]
    Aborted {
        /// Its id, for [`Docker::exec_running`].
        exec: ExecId,
        /// Why.
        why: Abort,
        /// Whether it still runs; `None` where the Engine does not say.
        still_running: Option<bool>,
    },
}

/// How the streams ended.
struct Flow {
    complaints: Vec<u8>,
    bytes_in: u64,
    took_all: bool,
    bytes_out: u64,
}

impl Acts {
    /// Runs a command to its end, its input fed from `stdin` and its output written to `stdout` as fast as
    /// that takes it, in constant memory.
    ///
    /// `abort` is awaited (30 s at most) when the command is given up, before the connection is closed: with it the
    /// command's input ends, and a command that reads a script would take what it got for all of it. That is the
    /// place to end its database session by the tag. Whoever drops this closes the connection at once; what
    /// then ends the command is `ended_by`.
    pub async fn exec<I, O>(
        &self,
        exec: &Exec<'_>,
        stdin: Option<I>,
        stdout: &mut O,
        abort: impl AsyncFnOnce(&Abort),
    ) -> Result<Executed, ExecError>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
    {
        let by = Instant::now() + exec.timeout;
        let id = self.make_exec(exec, stdin.is_some()).await.map_err(ExecError::NotStarted)?;
        let mut tunnel = match join(&self.endpoint, &id, ANSWER).await {
            Ok(Ok(tunnel)) => tunnel,
            Ok(Err(reply)) => {
                let error = match self.judged(reply) {
                    Err(error) => error,
                    Ok(_) => ActError::Unknown(DockerError::BadAnswer("no stream for a command".to_owned())),
                };
                return Err(ExecError::NotStarted(error));
            }
            Err(Fault::NotSent(error)) => return Err(ExecError::NotStarted(error.into())),
            Err(Fault::Unanswered(error)) => {
                let still_running = self.exec_running(&id, ANSWER).await.ok().flatten();
                return Err(ExecError::Aborted { exec: id, why: Abort::Connection(error), still_running });
            }
        };
        // It lives until the end, for what is dropped closes the connection.
        let flowed = timeout_at(by, flow(&mut tunnel, stdin, stdout)).await;
        let flowed = flowed.unwrap_or(Err(Stop::TimedOut));
        let why = match flowed {
            Ok(flow) => match self.exit_code(&id).await {
                Ok(exit_code) => {
                    let Flow { complaints, bytes_in, took_all, bytes_out } = flow;
                    return Ok(Executed { exec: id, exit_code, complaints, bytes_in, took_all, bytes_out });
                }
                Err(error) => Abort::Connection(error),
            },
            Err(Stop::TimedOut) => Abort::TimedOut,
            Err(Stop::Input(error)) => Abort::Input(error.to_string()),
            Err(Stop::Output(error)) => Abort::Output(error.to_string()),
            Err(Stop::Connection(error)) => Abort::Connection(self.endpoint.io_error(&error)),
        };
        // What the hook could not do in its time is told by `still_running`.
        let _ = timeout(ABORT, abort(&why)).await;
        let still_running = match timeout(GONE, self.exit_code(&id)).await {
            Ok(Ok(_)) => Some(false),
            Ok(Err(_)) | Err(_) => self.exec_running(&id, ANSWER).await.ok().flatten(),
        };
        drop(tunnel);
        Err(ExecError::Aborted { exec: id, why, still_running })
    }

    async fn make_exec(&self, exec: &Exec<'_>, has_input: bool) -> Result<ExecId, ActError> {
        self.check_own(exec.container).await?;
        let mut env = vec![format!("{SESSION_NAME}={}", exec.tag)];
        for (name, value) in exec.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(ActError::Unfit(format!("{name:?} can't be set")));
            }
            env.push(format!("{name}={}", value.expose_secret()));
        }
        // After our own limit, so that it is we who say why; where we can't, it does.
        let limit = (exec.timeout.as_secs() + 2).to_string();
        let guard = exec.ended_by.map(|program| [program, "-k", "2", &limit]);
        let argv: Vec<&str> = guard.iter().flatten().chain(exec.argv).copied().collect();
        let mut body = json!({
            "AttachStdin": has_input, "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": argv, "Env": env,
        });
        if let Some(user) = exec.user {
            body["User"] = json!(user);
        }
        let call = Call::post(format!("/containers/{}/exec", exec.container)).with(body);
        self.make(call).await?.parse().map_err(|error| ActError::Unknown(bad(error)))
    }
}

impl Docker {
    /// Whether a command runs; `None` where the Engine knows it no more, as after its container has gone.
    pub async fn exec_running(&self, exec: &ExecId, deadline: Duration) -> Result<Option<bool>, DockerError> {
        let reply = Call::get(format!("/exec/{exec}/json")).send(&self.endpoint, deadline).await?;
        match reply.json(&self.endpoint) {
            Ok(told) => told["Running"].as_bool().map(Some).ok_or_else(|| bad("a command without a state")),
            Err(DockerError::Engine { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for the end of a command whose output has ended. Its exit code is known a little later.
    async fn exit_code(&self, exec: &ExecId) -> Result<i64, DockerError> {
        let waiting = async {
            loop {
                let reply = Call::get(format!("/exec/{exec}/json")).send(&self.endpoint, ANSWER).await?;
                let told = reply.json(&self.endpoint)?;
                if told["Running"] == json!(false)
                    && let Some(code) = told["ExitCode"].as_i64()
                {
                    return Ok(code);
                }
                sleep(LOOK).await;
            }
        };
        timeout(GONE, waiting).await.map_err(|_| self.timed_out())?
    }
}

/// Why the streams were given up.
enum Stop {
    TimedOut,
    Input(io::Error),
    Output(io::Error),
    Connection(io::Error),
}

/// Feeds and reads until the output ends. Whether the command has taken all its input does not matter then.
async fn flow<I, O>(tunnel: &mut Tunnel, stdin: Option<I>, stdout: &mut O) -> Result<Flow, Stop>
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
{
    let mut bytes_in = 0;
    let mut took_all = stdin.is_none();
    let feeding = async {
        if let Some(mut stdin) = stdin {
            took_all = feed(&mut stdin, &mut tunnel.to, &mut bytes_in).await.map_err(Stop::Input)?;
        }
        // The output is what ends.
        std::future::pending::<Result<(), Stop>>().await
    };
    let (complaints, bytes_out) = tokio::select! {
        drained = drain(&mut tunnel.from, stdout) => drained?,
        Err(stop) = feeding => return Err(stop),
    };
    Ok(Flow { complaints, bytes_in, took_all, bytes_out })
}

/// Hands the input over and ends it; false where the command takes no more of it.
async fn feed(
    stdin: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    bytes: &mut u64,
) -> io::Result<bool> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = stdin.read(&mut piece).await?;
        if read == 0 {
            return Ok(to.shutdown().await.is_ok());
        }
        if to.write_all(&piece[..read]).await.is_err() {
            return Ok(false);
        }
        *bytes += u64::try_from(read).unwrap_or(u64::MAX);
    }
}

/// Takes the two outputs apart: frames with a header of a byte for which one, three zeros, four for the length.
async fn drain(
    from: &mut (impl AsyncRead + Unpin),
    stdout: &mut (impl AsyncWrite + Unpin),
) -> Result<(Vec<u8>, u64), Stop> {
    let mut piece = vec![0; PIECE];
    let mut complaints = Vec::new();
    let mut bytes = 0;
    loop {
        let mut header = [0; 8];
        let first = from.read(&mut header[..1]).await.map_err(Stop::Connection)?;
        if first == 0 {
            stdout.flush().await.map_err(Stop::Output)?;
            return Ok((complaints, bytes));
        }
        from.read_exact(&mut header[1..]).await.map_err(Stop::Connection)?;
        let [output, 0, 0, 0, length @ ..] = header else { return Err(Stop::Connection(no_frames())) };
        let mut left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        while left > 0 {
            let wanted = left.min(PIECE);
            let read = from.read(&mut piece[..wanted]).await.map_err(Stop::Connection)?;
            if read == 0 {
                return Err(Stop::Connection(io::ErrorKind::UnexpectedEof.into()));
            }
            left -= read;
            match output {
                1 => {
                    stdout.write_all(&piece[..read]).await.map_err(Stop::Output)?;
                    bytes += u64::try_from(read).unwrap_or(u64::MAX);
                }
                2 => {
                    complaints.extend_from_slice(&piece[..read]);
                    let over = complaints.len().saturating_sub(COMPLAINTS);
                    complaints.drain(..over);
                }
                _ => return Err(Stop::Connection(no_frames())),
            }
        }
    }
}

fn no_frames() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an output that is not in frames")
}
