//! What a cleanup would remove, by id.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use commands::workload::{ROLLBACK_TAG, Reclaimable, SpareImage, SpentContainer};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::timeout;

use crate::call::{Call, filters};
use crate::targets::{bad, image_id, text, texts};
use crate::{Docker, DockerError, ONE_OFF_LABEL, OUR_ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL};

impl Docker {
    /// Ended containers of the project that are done with, and images without a use. What can still tell of a
    /// failure stays (the newest ended container of each service), and so do `keep_images` images for a way back
    /// (tags that begin with `prev-`) of each name.
    pub async fn reclaimable(
        &self,
        deadline: Duration,
        keep_images: usize,
    ) -> Result<Reclaimable, DockerError> {
        let get =
            async |path: String| Call::get(path).send(&self.endpoint, deadline).await?.json(&self.endpoint);
        let label = self
            .project
            .as_ref()
            .map_or_else(|| SERVICE_LABEL.to_owned(), |project| format!("{PROJECT_LABEL}={project}"));
        let ours = format!("/containers/json?all=1&size=1&filters={}", filters("label", &label));
        let dangling = format!("/images/json?filters={}", filters("dangling", "true"));
        let asked = async {
            tokio::try_join!(
                get(ours),
                get("/containers/json?all=1".to_owned()),
                get("/images/json".to_owned()),
                get(dangling)
            )
        };
        // The Engine measures all its disk for it, which may take longer than all the rest.
        let cache = async { self.disk(deadline).await.ok().map(|disk| disk.build_cache.reclaimable) };
        let (asked, build_cache) = tokio::join!(timeout(deadline, asked), cache);
        let (ours, all, images, dangling) = asked.map_err(|_| self.timed_out())??;
        let used: HashSet<String> = listed(&all).filter_map(|one| text(&one["ImageID"])).collect();
        let (images, kept) = spare_images(&images, &dangling, &used, keep_images)?;
        Ok(Reclaimable { containers: spent(&ours)?, images, kept, build_cache })
    }
}

impl Docker {
    /// Images that are kept for a way back under this name (without a tag), each with its newest tag alone, the newest
    /// first.
    pub async fn rollback_images(
        &self,
        name: &str,
        deadline: Duration,
    ) -> Result<Vec<SpareImage>, DockerError> {
        let asked = Call::get("/images/json").send(&self.endpoint, deadline).await?;
        let mut found = Vec::new();
        for image in listed(&asked.json(&self.endpoint)?) {
            let tags = texts(&image["RepoTags"]);
            let own = tags.iter().filter(|tag| rollback(tag).is_some_and(|(own, _)| own == name));
            // They end in their time, so that the order of the text is that of time.
            let Some(newest) = own.max() else { continue };
            found.push(SpareImage { tags: vec![newest.clone()], ..read(image)? });
        }
        found.sort_by(|a, b| b.tags.cmp(&a.tags));
        Ok(found)
    }
}

fn listed(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

/// Ended ones of jobs, and of each service those before its newest ended one.
fn spent(containers: &Value) -> Result<Vec<SpentContainer>, DockerError> {
    let mut by_service: BTreeMap<(String, String), Vec<SpentContainer>> = BTreeMap::new();
    let mut spent = Vec::new();
    for one in listed(containers) {
        if !matches!(one["State"].as_str(), Some("exited" | "created" | "dead")) {
            continue;
        }
        let label = |name: &str| text(&one["Labels"][name]);
        let service = label(SERVICE_LABEL);
        let names = texts(&one["Names"]);
        let container = SpentContainer {
            id: text(&one["Id"]).unwrap_or_default().parse().map_err(bad)?,
            // With links there are more, all but one of them with a second slash.
            name: names
                .iter()
                .map(|name| name.trim_start_matches('/'))
                .find(|name| !name.contains('/'))
                .unwrap_or_default()
                .to_owned(),
            one_off: label(ONE_OFF_LABEL).is_some_and(|value| value.eq_ignore_ascii_case("true"))
                || label(OUR_ONE_OFF_LABEL).is_some(),
            created_at: one["Created"].as_i64().and_then(|at| Timestamp::from_second(at).ok()),
            bytes: one["SizeRw"].as_u64().unwrap_or(0),
            service: service.clone(),
        };
        match service {
            _ if container.one_off => spent.push(container),
            Some(service) => {
                let project = label(PROJECT_LABEL).unwrap_or_default();
                by_service.entry((project, service)).or_default().push(container);
            }
            // Nothing says what it was for.
            None => {}
        }
    }
    for mut ended in by_service.into_values() {
        ended.sort_by_key(|container| container.created_at);
        // Made in the same second as the newest, it may be the newest.
        let newest = ended.last().and_then(|container| container.created_at);
        ended.retain(|container| container.created_at < newest);
        spent.extend(ended);
    }
    spent.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(spent)
}

/// Those that may go, and those that are kept for a way back.
fn spare_images(
    images: &Value,
    dangling: &Value,
    used: &HashSet<String>,
    keep: usize,
) -> Result<(Vec<SpareImage>, Vec<SpareImage>), DockerError> {
    let mut spare: Vec<SpareImage> = Vec::new();
    for image in listed(dangling).filter(|image| !is_used(image, used)) {
        spare.push(SpareImage { tags: Vec::new(), ..read(image)? });
    }
    let mut rollbacks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut candidates = Vec::new();
    for image in listed(images) {
        let image_tags = texts(&image["RepoTags"]);
        let tags: Vec<_> = image_tags.iter().filter_map(|tag| rollback(tag)).collect();
        if tags.is_empty() {
            continue;
        }
        for (name, tag) in &tags {
            rollbacks.entry((*name).to_owned()).or_default().push((*tag).to_owned());
        }
        candidates.push(read(image)?);
    }
    let mut kept_tags = HashSet::new();
    for (name, mut tags) in rollbacks {
        // They end in their time, so that the order of the text is that of time.
        tags.sort_by(|a, b| b.cmp(a));
        kept_tags.extend(tags.into_iter().take(keep).map(|tag| format!("{name}:{tag}")));
    }
    let mut kept = Vec::new();
    for image in candidates {
        if image.tags.iter().any(|tag| kept_tags.contains(tag)) {
            kept.push(image);
        } else if !used.contains(image.id.as_str()) && image.tags.iter().all(|tag| rollback(tag).is_some()) {
            spare.push(image);
        }
    }
    spare.sort_by(|a, b| (&a.tags, &a.id).cmp(&(&b.tags, &b.id)));
    kept.sort_by(|a, b| (&a.tags, &a.id).cmp(&(&b.tags, &b.id)));
    Ok((spare, kept))
}

fn is_used(image: &Value, used: &HashSet<String>) -> bool {
    image["Id"].as_str().is_some_and(|id| used.contains(id))
}

fn read(image: &Value) -> Result<SpareImage, DockerError> {
    Ok(SpareImage {
        id: image_id(&image["Id"])?,
        tags: texts(&image["RepoTags"]),
        created_at: image["Created"].as_i64().and_then(|at| Timestamp::from_second(at).ok()),
        bytes: image["Size"].as_u64().unwrap_or(0),
    })
}

/// The name and the tag of an image that is kept for a way back.
fn rollback(reference: &str) -> Option<(&str, &str)> {
    reference.rsplit_once(':').filter(|(_, tag)| tag.starts_with(ROLLBACK_TAG))
}
