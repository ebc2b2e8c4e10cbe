//! Known holes of the services' images, out of a scanner's reports or out of their own package lists.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use commands::ids::ServiceName;
use commands::scan::{InstalledPackages, Known, RunningImage, Scanned, UnreadFile, report_of};
use exec_docker::{Docker, DockerError};
use exec_host::{PackageLists, Reports};
use futures_util::future::join_all;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// For one image's own list, for all reports, and for all lists: each may be many megabytes.
const READ_DEADLINE: Duration = Duration::from_secs(20);

/// What is known of every configured service's image.
pub async fn scan(app: &App) -> Performed {
    let Some(security) = &app.config.security else {
        return Performed::done(report::not_configured("security"), News::Bad);
    };
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let services: Vec<_> =
        app.config.services.iter().map(|service| (service.name.clone(), service.container.clone())).collect();
    let (images, reports) =
        tokio::join!(docker.images(&services, DEADLINE), reports(security.trivy_reports.as_deref()));
    let mut images = match images {
        Ok(images) => images,
        Err(error) => return Performed::failed(report::unavailable("Docker", &error.to_string())),
    };
    let mut scanned = Vec::new();
    let mut running: Vec<(RunningImage, Vec<ServiceName>)> = Vec::new();
    for (service, _) in services {
        match images.remove(&service).unwrap_or(Ok(None)) {
            Ok(Some(image)) => match running.iter_mut().find(|(known, _)| known.id == image.id) {
                Some((_, services)) => services.push(service),
                None => running.push((image, vec![service])),
            },
            Ok(None) => scanned.push(unread(service, "no container, so no image".to_owned())),
            Err(error) => scanned.push(unread(service, error.to_string())),
        }
    }
    let (reports, mut files) = reports;
    let (listed, more) = known(docker, running, &reports, security.package_lists.as_deref()).await;
    scanned.extend(listed);
    files.extend(more);
    let now = clock::now();
    scanned.sort_by_key(|one: &Scanned| std::cmp::Reverse(one.urgency(now)));
    let well = files.is_empty() && !scanned.is_empty() && scanned.iter().all(|one| one.urgency(now) == 0);
    Performed::done(report::scanned(&scanned, &files, now), news(well))
}

fn unread(service: ServiceName, why: String) -> Scanned {
    Scanned { name: "unknown image".to_owned(), services: vec![service], known: Known::Unread(why) }
}

async fn reports(folder: Option<&Path>) -> (Reports, Vec<UnreadFile>) {
    let Some(folder) = folder else { return (Reports::default(), Vec::new()) };
    match exec_host::trivy_reports(folder, READ_DEADLINE).await {
        Ok(mut reports) => {
            let unread = std::mem::take(&mut reports.unread);
            (reports, unread)
        }
        Err(error) => (Reports::default(), vec![unusable(folder, &error.to_string())]),
    }
}

fn unusable(folder: &Path, why: &str) -> UnreadFile {
    UnreadFile { file: folder.display().to_string(), why: why.to_owned() }
}

/// What is known of each image, and the files that were of no use.
async fn known(
    docker: &Docker,
    running: Vec<(RunningImage, Vec<ServiceName>)>,
    reports: &Reports,
    lists: Option<&Path>,
) -> (Vec<Scanned>, Vec<UnreadFile>) {
    let mut scanned = Vec::new();
    let mut without = Vec::new();
    for (image, services) in running {
        match (report_of(&image, &reports.reports), lists) {
            (Some((report, other_build)), _) => {
                let known = Known::Report { report: report.clone(), other_build };
                scanned.push(Scanned { name: image.name, services, known });
            }
            (None, None) => scanned.push(Scanned { name: image.name, services, known: Known::NoReport }),
            (None, Some(_)) => without.push((image, services)),
        }
    }
    let Some(folder) = lists.filter(|_| !without.is_empty()) else { return (scanned, Vec::new()) };
    let installed = join_all(without.iter().map(|(image, _)| docker.packages(image, READ_DEADLINE))).await;
    let names: HashSet<String> = installed
        .iter()
        .filter_map(|installed| installed.as_ref().ok()?.as_ref())
        .flat_map(|installed| installed.packages.iter().map(|package| package.name.clone()))
        .collect();
    let (lists, unread) = match exec_host::package_lists(folder, names, READ_DEADLINE).await {
        Ok(mut lists) => {
            let unread = std::mem::take(&mut lists.unread);
            (lists, unread)
        }
        Err(error) => (PackageLists::default(), vec![unusable(folder, &error.to_string())]),
    };
    for ((image, services), installed) in without.into_iter().zip(installed) {
        scanned.push(Scanned { name: image.name, services, known: beside(installed, &lists) });
    }
    (scanned, unread)
}

fn beside(installed: Result<Option<InstalledPackages>, DockerError>, lists: &PackageLists) -> Known {
    match installed {
        Err(error) => Known::Unread(error.to_string()),
        Ok(None) => Known::NoPackageList,
        Ok(Some(installed)) => match lists.compare(&installed) {
            Some(compared) => Known::Packages(compared),
            None => Known::NoLists { release: installed.release },
        },
    }
}
