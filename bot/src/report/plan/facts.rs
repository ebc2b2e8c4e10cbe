//! What a plan does and how it is taken back, in a sentence each; targets, steps and forecasts in a line.

use commands::backend::Backend;
use commands::commit::CommitId;
use commands::ids::ServiceName;
use commands::layout;
use commands::migration;
use commands::plan::{Act, Forecast, Remake, Step, Target, UpkeepKind};
use commands::workload::Workload;
use jiff::Timestamp;

use crate::report::host::bytes;

/// What a restart does.
#[must_use]
pub fn restart_effect(name: &ServiceName, workload: &Workload) -> String {
    format!(
        "Stops and starts {}, the container of {name}. It takes no new image and no new settings; what the \
         service counted in memory is lost.",
        workload.container.name
    )
}

/// How a restart is taken back.
#[must_use]
pub fn restart_undo() -> String {
    "Nothing to take back: it is the same container. Its last 500 lines and its state are kept first."
        .to_owned()
}

/// What cancelling does.
#[must_use]
pub fn cancel_effect(backend: &Backend) -> String {
    format!(
        "Cancels the statement that {} runs in session {}. The session stays.",
        who(backend),
        pid(backend)
    )
}

/// How it is taken back.
#[must_use]
pub fn cancel_undo() -> String {
    "Can't be taken back: the program has to run its statement again.".to_owned()
}

/// What ending a session does.
#[must_use]
pub fn kill_effect(backend: &Backend) -> String {
    format!("Ends session {} of {}, and with it what it has not committed.", pid(backend), who(backend))
}

/// How it is taken back.
#[must_use]
pub fn kill_undo() -> String {
    "Can't be taken back: the program has to connect again and to repeat what was not committed.".to_owned()
}

const fn pid(backend: &Backend) -> i32 {
    backend.target.backend.pid
}

fn who(backend: &Backend) -> String {
    let application =
        if backend.application.is_empty() { "a program without a name" } else { &backend.application };
    format!("{application} ({})", backend.user)
}

fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.6fZ").to_string()
}

/// A target: what it is, and everything that pins it.
pub(super) fn target(target: &Target) -> (String, String) {
    match target {
        Target::Container { service, name, id, image, image_id, state, started_at, configuration } => {
            let mut pinned = vec![
                format!("container {name}"),
                format!("id {id}"),
                format!("image {image}"),
                format!("image id {image_id}"),
                format!("configuration {}", configuration.short()),
            ];
            match state {
                Some(state) => pinned.push(state.clone()),
                None => pinned.push("restarted by Docker again and again".to_owned()),
            }
            pinned.extend(started_at.map(|started| format!("since {}", at(started))));
            (service.clone(), pinned.join(", "))
        }
        Target::Backend { backend, query_start, application, user, database, statement } => {
            let mut pinned = vec![
                format!("application {application}"),
                format!("user {user}"),
                format!("database {database}"),
                format!("since {}", at(backend.started)),
            ];
            pinned.extend(query_start.map(|start| format!("statement since {}", at(start))));
            if !statement.is_empty() {
                pinned.push(format!("statement {statement}"));
            }
            (format!("session {}", backend.pid), pinned.join(", "))
        }
        Target::Database { name, oid } => ("database".to_owned(), format!("{name}, OID {oid}")),
        Target::Relation { name, oid: Some(oid) } => ("relation".to_owned(), format!("{name}, OID {oid}")),
        Target::Relation { name, oid: None } => ("relation".to_owned(), format!("{name}, not there yet")),
        Target::File { name, bytes: size, sha256 } => {
            ("file".to_owned(), format!("{name}, {}, SHA-256 {sha256}", bytes(*size)))
        }
        Target::Image { reference, id } => {
            let reference = reference.as_deref().unwrap_or("without a name");
            ("image".to_owned(), format!("{reference}, {id}"))
        }
        Target::Commit { id } => ("commit".to_owned(), id.clone()),
        Target::Network { range } => ("addresses".to_owned(), range.clone()),
        Target::Secret { name, fingerprint } => {
            let seen = fingerprint.as_deref().unwrap_or("not set");
            ("to be made anew".to_owned(), format!("{name}, now {seen}"))
        }
        Target::Named { name } => ("target".to_owned(), name.clone()),
    }
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..12).unwrap_or(commit.as_str())
}

/// A step in one line.
pub(super) fn step(step: &Step) -> String {
    match &step.act {
        Act::RestartContainer { name, grace_seconds, .. } => {
            format!("restart container {name} ({grace_seconds} s to stop)")
        }
        Act::StopContainer { name, grace_seconds, .. } => {
            format!("stop container {name} ({grace_seconds} s to stop)")
        }
        Act::StartContainer { name, .. } => format!("start container {name}"),
        Act::RotateVariables { path, variables, length, .. } => {
            format!(
                "write a new value of {length} letters and digits as {} into {path}",
                variables.join(", ")
            )
        }
        Act::TakeVariables { name, variables, path, way, .. } => {
            let names: Vec<_> = variables.iter().map(|one| one.name.as_str()).collect();
            let by = match way {
                Remake::Compose => "by Compose",
                Remake::Engine => "by the Engine",
            };
            format!("make container {name} anew {by}, with {} as in {path}", names.join(", "))
        }
        Act::ProveRotation { ends_sessions: true, .. } => {
            "show a token from before, which must be refused, and log in as the canary".to_owned()
        }
        Act::ProveRotation { ends_sessions: false, .. } => "log in as the canary".to_owned(),
        Act::SetVariable { path, variable, value, .. } => format!("set {variable} to {value} in {path}"),
        Act::FastForward { repository, from, to } => {
            format!("bring {repository} forward from {} to {}", short(from), short(to))
        }
        Act::KeepImage { id, name } => format!("keep image {} as {name}:prev-…", id.short()),
        Act::BuildImage { service, reference, commit } => {
            format!("build {reference} of {service} from {}", short(commit))
        }
        Act::Recreate { name, reference, .. } => {
            format!("make container {name} anew by Compose, with {reference}")
        }
        Act::SwapImage { name, reference, to, .. } => {
            format!("make container {name} anew with image {} as {reference}", to.short())
        }
        Act::RemoveContainer { name, id, bytes: size } => {
            format!("remove container {name} ({}), {}", id.short(), bytes(*size))
        }
        Act::RemoveImage { id, tags, bytes: size } => {
            let named = if tags.is_empty() { "without a name".to_owned() } else { tags.join(", ") };
            format!("remove image {} {named}, {}", id.short(), bytes(*size))
        }
        Act::Scale { service, count, .. } => format!("run {count} containers of {service} by Compose"),
        Act::AwaitHealthy { name } => format!("wait until {name} is healthy"),
        Act::TryLogin => "log in as the canary".to_owned(),
        Act::CancelBackend { target } => format!("cancel the statement of session {}", target.backend.pid),
        Act::TerminateBackend { target } => format!("end session {}", target.backend.pid),
        Act::CreateBeside { seat } => format!("create a database beside {}", seat.database),
        Act::LoadArchive { archive, .. } => format!("read {archive} into it, all or nothing"),
        Act::CompareBeside { rows: Some(rows), .. } => {
            format!("compare it with the manifest: {} tables", rows.len())
        }
        Act::CompareBeside { rows: None, .. } => "count its rows; no manifest to compare with".to_owned(),
        Act::DressBeside { seat } => format!("put the settings and rights of {} on it", seat.database),
        Act::SwapDatabases { seat, with: None } => format!("give it the name {}", seat.database),
        Act::SwapDatabases { seat, with: Some(other) } => {
            format!("give {} (OID {}) the name {}", other.name, other.oid, seat.database)
        }
        Act::Upkeep { seat, kind, table } => {
            let word = match kind {
                UpkeepKind::Vacuum => "VACUUM (ANALYZE)",
                UpkeepKind::Analyze => "ANALYZE",
            };
            match table {
                Some(table) => format!("{word} {table}"),
                None => format!("{word} of {}", seat.database),
            }
        }
        Act::CreateIndex { index, .. } => {
            format!("make {} on {} ({})", index.name, index.table, index.columns.join(", "))
        }
        Act::EndIdle { application, backends, superusers, .. } => {
            format!("end {} idle connections of {application}", backends.len() + superusers.len())
        }
        Act::BlockNetwork { network, seconds } => {
            let length = layout::duration(std::time::Duration::from_secs((*seconds).into()));
            format!("drop packets from {network} for {length}")
        }
        Act::UnblockNetwork { blocks } => {
            let comments: Vec<String> = blocks.iter().map(commands::block::Block::comment).collect();
            format!("take away the rules {}", comments.join(", "))
        }
        Act::Migrate { like, from, to, .. } => {
            let by = layout::short(&like.argv.join(" "), 80);
            format!(
                "run {by} with image {}: from {} to {}",
                like.image.short(),
                migration::shown(from),
                migration::shown(to)
            )
        }
        Act::DropBeside { .. } => "drop it".to_owned(),
        Act::ArchiveFiles { folder, paths } => {
            format!("archive {} into {folder}", layout::short(&paths.join(", "), 200))
        }
        Act::CopyArchive { from, to, .. } => format!("copy {from} to {to}, and read it back"),
        Act::DumpDatabase { seat, folder } => {
            format!("dump {} in {} as role {} into {folder}", seat.database, seat.name, seat.role)
        }
    }
}

/// A forecast: what of, and how much.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn forecast(forecast: &Forecast) -> (String, String) {
    match forecast {
        Forecast::Dependents { services } => ("depend on it".to_owned(), services.join(", ")),
        Forecast::Requests { service, per_second_milli } => {
            (format!("{service} answers now"), format!("{:.2} a second", *per_second_milli as f64 / 1_000.0))
        }
        Forecast::Sessions { count } => ("sessions that end".to_owned(), count.to_string()),
        Forecast::Waits { sessions } => ("waits for".to_owned(), sessions.join("; ")),
        Forecast::Freed { bytes: size } => ("frees".to_owned(), bytes(*size)),
        Forecast::Taken { bytes: size } => ("takes".to_owned(), bytes(*size)),
        Forecast::Commits { subjects, count } => {
            let listed = u64::try_from(subjects.len()).unwrap_or(u64::MAX);
            let more = count.saturating_sub(listed);
            let rest = if more == 0 { String::new() } else { format!("; and {more} more") };
            ("brings".to_owned(), format!("{}{rest}", subjects.join("; ")))
        }
        Forecast::Guests { names } => {
            ("on its networks, not of the project".to_owned(), format!("{}: left alone", names.join(", ")))
        }
        Forecast::Unreachable { what, seconds } => {
            let about = layout::duration(std::time::Duration::from_secs((*seconds).into()));
            (format!("{what} does not answer"), format!("for up to {about}, and until it is well"))
        }
    }
}
