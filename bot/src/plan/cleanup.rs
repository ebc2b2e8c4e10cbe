//! `stack cleanup`.

use commands::plan::{Act, Forecast, Step, Target};

use super::restart::target;
use super::{Draft, NoPlan};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// Removing many layers takes the disk a while.
const REMOVE_SECONDS: u32 = 120;
/// In one plan, so that it can be read.
const MOST: usize = 60;

pub(super) async fn draft(app: &App) -> Result<Draft, NoPlan> {
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let keep = app.config.keep_images;
    let read = tokio::try_join!(docker.reclaimable(DEADLINE, keep), docker.targets(DEADLINE), docker.info());
    let (found, all, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let count = found.containers.len() + found.images.len();
    if count == 0 {
        return Err(NoPlan::refused(say::nothing_to_remove(&found)));
    }
    let mut steps = Vec::new();
    let mut targets = Vec::new();
    let mut bytes = 0;
    for spent in found.containers.iter().take(MOST) {
        // One that went away meanwhile is gone already.
        let Some(workload) = all.iter().find(|one| one.id == spent.id) else { continue };
        targets.push(target(workload));
        bytes += spent.bytes;
        steps.push(Step {
            act: Act::RemoveContainer { name: spent.name.clone(), id: spent.id.clone(), bytes: spent.bytes },
            timeout_seconds: REMOVE_SECONDS,
        });
    }
    for image in found.images.iter().take(MOST.saturating_sub(steps.len())) {
        targets.push(Target::Image { reference: image.tags.first().cloned(), id: image.id.clone() });
        bytes += image.bytes;
        steps.push(Step {
            act: Act::RemoveImage { id: image.id.clone(), tags: image.tags.clone(), bytes: image.bytes },
            timeout_seconds: REMOVE_SECONDS,
        });
    }
    if steps.is_empty() {
        return Err(NoPlan::refused(say::nothing_to_remove(&found)));
    }
    let left = count.saturating_sub(steps.len());
    Ok(Draft {
        engine: Some(info.daemon_id),
        targets,
        effect: say::cleanup_effect(&found, steps.len(), left),
        steps,
        proves: Vec::new(),
        forecast: vec![Forecast::Freed { bytes }],
        undo: say::cleanup_undo(),
    })
}
