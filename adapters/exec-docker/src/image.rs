//! The images that services run, and what they say of their own packages. Nothing is run in a container:
//! files are read through the Engine, also out of one that has no shell.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use commands::ids::ServiceName;
use commands::scan::{InstalledPackages, Package, RunningImage};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::{Docker, DockerError, Target};

/// Debian's list of what is installed, and the folder of such lists in images without dpkg.
const STATUS: [&str; 2] = ["/var/lib/dpkg/status", "/var/lib/dpkg/status.d"];

/// Says which release it is (os-release(5)); the other usual path is a link to it.
const RELEASE: &str = "/usr/lib/os-release";

/// A list of some thousand packages takes a few megabytes.
const LARGEST: usize = 64 << 20;

/// The images of services, or why one is not known.
pub type Images = BTreeMap<ServiceName, Result<Option<RunningImage>, DockerError>>;

impl Docker {
    /// Which image each service's container (as [`Docker::containers`] finds it) runs; `None` where there
    /// is no such container. One that can't be asked hides no other.
    pub async fn images(
        &self,
        services: &[(ServiceName, Option<String>)],
        deadline: Duration,
    ) -> Result<Images, DockerError> {
        let found = self.containers(services, deadline).await?;
        let one = async |(service, container): (ServiceName, Result<_, DockerError>)| {
            let image = async {
                let Some(container): Option<commands::health::Container> = container? else {
                    return Ok(None);
                };
                self.running_image(container.id).await
            };
            let image = timeout(deadline, image).await.unwrap_or_else(|_| Err(self.timed_out()));
            (service, image)
        };
        Ok(join_all(found.into_iter().map(one)).await.into_iter().collect())
    }

    async fn running_image(&self, container: String) -> Result<Option<RunningImage>, DockerError> {
        let client = self.endpoint.client()?;
        let Some(inspected) = self.inspect_whole(&client, &Target::Id(container.clone())).await? else {
            return Ok(None);
        };
        let id = inspected.image.ok_or_else(|| crate::container::missing("image"))?;
        let name = inspected.config.and_then(|config| config.image).unwrap_or_else(|| id.clone());
        // An image may be gone while its container goes on.
        let digests = match client.inspect_image(&id).await {
            Ok(image) => image.repo_digests.unwrap_or_default(),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Vec::new(),
            Err(error) => return Err(self.endpoint.error(error)),
        };
        Ok(Some(RunningImage { container, name, id, digests }))
    }

    /// Debian's packages in a container; `None` where it has no list of them.
    pub async fn packages(
        &self,
        image: &RunningImage,
        deadline: Duration,
    ) -> Result<Option<InstalledPackages>, DockerError> {
        timeout(deadline, self.all_packages(&image.container)).await.map_err(|_| self.timed_out())?
    }

    async fn all_packages(&self, container: &str) -> Result<Option<InstalledPackages>, DockerError> {
        let mut packages = Vec::new();
        let mut has_list = false;
        for path in STATUS {
            for text in self.files(container, path).await?.unwrap_or_default() {
                has_list = true;
                packages.extend(installed(&text));
            }
        }
        if !has_list {
            return Ok(None);
        }
        let release = self.files(container, RELEASE).await?.unwrap_or_default();
        let release = release.iter().find_map(|text| codename(text));
        Ok(Some(InstalledPackages { release, packages }))
    }

    /// The texts at a path, which is one of this file's; `None` if there is nothing.
    async fn files(&self, container: &str, path: &str) -> Result<Option<Vec<String>>, DockerError> {
        let path = format!("/containers/{container}/archive?path={path}");
        let mut stream = match Answer::get(&self.endpoint, &path).await {
            Ok(stream) => stream,
            Err(DockerError::Engine { code: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut archive = Vec::new();
        while let Some(piece) = stream.next(&self.endpoint).await? {
            if archive.len() + piece.len() > LARGEST {
                return Err(DockerError::BadAnswer(format!(
                    "more than {} MB of package lists",
                    LARGEST >> 20
                )));
            }
            archive.extend_from_slice(&piece);
        }
        texts(&archive).map(Some).map_err(|_| DockerError::BadAnswer("an archive that is none".to_owned()))
    }
}

/// What the plain files of an archive hold.
fn texts(archive: &[u8]) -> std::io::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() && !entry.path_bytes().ends_with(b".md5sums") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(texts)
}

/// The paragraphs of a list that are installed packages. Those in `status.d` say nothing of their status:
/// what is there is installed.
fn installed(text: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    for paragraph in text.split("\n\n") {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let is_installed = field("Status").is_none_or(|status| status.split(' ').nth(2) == Some("installed"));
        if let (Some(name), Some(version), true) = (field("Package"), field("Version"), is_installed) {
            packages.push(Package {
                name: name.to_owned(),
                version: version.to_owned(),
                architecture: field("Architecture").unwrap_or("all").to_owned(),
            });
        }
    }
    packages
}

fn codename(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let name = line.trim().trim_matches('"');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_not_installed() {
        let text = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.0-1\nDescription: x\n y\n\n\
                    Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                    Package: b\nVersion: 3\n";
        let package = |name: &str, version: &str, architecture: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
        };
        assert_eq!(installed(text), [package("a", "1:2.0-1", "amd64"), package("b", "3", "all")]);
        assert_eq!(installed("<html>"), []);
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=\"bookworm\"\n"), Some("bookworm".to_owned()));
        assert_eq!(codename("ID=x\nVERSION_CODENAME=\n"), None);
        assert!(texts(&[7; 2048]).is_err());
    }
}
