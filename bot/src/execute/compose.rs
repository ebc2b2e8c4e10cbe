//! Compose, as the configuration says that it is called. Questions are asked from plans; making containers is for
//! [`super`] alone.

use commands::workload::Workload;
use exec_docker::act::{Compose, ComposeProject};

use crate::app::App;

/// Where Compose looks for the programs that it runs itself.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The Compose of the configuration; `None` where it names no compose file. Why there is none otherwise.
pub(super) async fn of(app: &App) -> Result<Option<Compose>, String> {
    let Some(docker) = &app.config.docker else { return Ok(None) };
    let Some((files, project)) = docker.compose.as_ref().zip(docker.compose_project.as_ref()) else {
        return Ok(None);
    };
    let project = ComposeProject {
        directory: files.directory.clone(),
        file: files.file.clone(),
        env_file: files.env_file.clone(),
        name: project.clone(),
        docker_host: docker.host.clone(),
        path: PATH.to_owned(),
        home: files.home.clone(),
    };
    Compose::detect(&files.programs, project).await.map(Some).map_err(|error| error.to_string())
}

/// Whether Compose would leave this container as it is, so that it may make it anew without changing more than is
/// meant; `None` where there is no Compose. Changes nothing.
pub async fn is_up_to_date(app: &App, workload: &Workload) -> Result<Option<bool>, String> {
    let Some(docker) = &app.executors.docker else { return Ok(None) };
    let Some(compose) = of(app).await? else { return Ok(None) };
    compose.is_up_to_date(workload, &[], docker).await.map(Some).map_err(|error| error.to_string())
}

/// Which Compose there is, with its number, for `acgs check`; `None` where none is configured. Changes nothing.
pub async fn check(app_config: &crate::config::Docker) -> Option<Result<String, String>> {
    let (files, project) = app_config.compose.as_ref().zip(app_config.compose_project.as_ref())?;
    let project = ComposeProject {
        directory: files.directory.clone(),
        file: files.file.clone(),
        env_file: files.env_file.clone(),
        name: project.clone(),
        docker_host: app_config.host.clone(),
        path: PATH.to_owned(),
        home: files.home.clone(),
    };
    let asked = async {
        let compose = Compose::detect(&files.programs, project).await?;
        let blank = compose.blank_variables().await?;
        Ok::<_, exec_docker::act::ComposeError>((compose.number().to_owned(), blank))
    };
    Some(match asked.await {
        Ok((number, blank)) if blank.is_empty() => Ok(format!("version {number} reads the file")),
        Ok((_, blank)) => Err(format!("[docker] env_file does not set {}", blank.join(", "))),
        Err(error) => Err(error.to_string()),
    })
}
