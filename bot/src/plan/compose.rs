//! The files that Compose reads: whoever lets it make containers acts on them as well.

use commands::plan::Target;

use super::NoPlan;
use crate::app::App;
use crate::health::DEADLINE;
use crate::report::plan as say;

/// The compose file and the file with its variables, as they are now; none where there is no Compose.
pub(super) async fn files(app: &App) -> Result<Vec<Target>, NoPlan> {
    let Some(files) = app.config.docker.as_ref().and_then(|docker| docker.compose.as_ref()) else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for path in [&files.file, &files.env_file] {
        let name = path.display().to_string();
        let digest = exec_host::digest(&name, DEADLINE).await;
        let (bytes, sha256) =
            digest.map_err(|error| NoPlan::refused(say::no_compose_file(&error.to_string())))?;
        targets.push(Target::File { name, bytes, sha256: sha256.as_str().to_owned() });
    }
    Ok(targets)
}

/// Puts what is not among the targets yet there.
pub(super) fn add(targets: &mut Vec<Target>, files: Vec<Target>) {
    let new = files.into_iter().filter(|file| !targets.contains(file)).collect::<Vec<_>>();
    targets.extend(new);
}
