//! What Docker takes of its disk.

use std::time::Duration;

use commands::host::{DockerDisk, Share};
use serde::Deserialize;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::{Docker, DockerError};

/// An answer of thousands of containers has less.
const LARGEST: usize = 32 << 20;

/// Both forms of the answer: sums from API 1.52 on, lists before. Parsed here, because the library
/// knows the newer one alone.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Answered {
    image_usage: Option<Sums>,
    container_usage: Option<Sums>,
    volume_usage: Option<Sums>,
    build_cache_usage: Option<Sums>,
    layers_size: i64,
    images: Option<Vec<Image>>,
    containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
    build_cache: Option<Vec<CacheEntry>>,
    builder_size: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Sums {
    active_count: i64,
    total_count: i64,
    reclaimable: i64,
    total_size: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Image {
    containers: i64,
    size: i64,
    shared_size: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    size_rw: i64,
    state: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Volume {
    usage_data: Option<VolumeUsage>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct VolumeUsage {
    ref_count: i64,
    size: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CacheEntry {
    in_use: bool,
    shared: bool,
    size: i64,
}

impl Docker {
    /// What images, containers, volumes and the build cache take. The Engine measures every volume, so
    /// it may take long.
    pub async fn disk(&self, deadline: Duration) -> Result<DockerDisk, DockerError> {
        let answered = timeout(deadline, self.ask_disk()).await.map_err(|_| self.timed_out())??;
        let answered: Answered = serde_json::from_slice(&answered)
            .map_err(|error| DockerError::BadAnswer(format!("GET /system/df: {error}")))?;
        Ok(answered.summed())
    }

    async fn ask_disk(&self) -> Result<Vec<u8>, DockerError> {
        let mut answer = Answer::get(&self.endpoint, "/system/df").await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.next(&self.endpoint).await? {
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                return Err(DockerError::BadAnswer("GET /system/df: too long".to_owned()));
            }
        }
        Ok(body)
    }
}

impl Answered {
    fn summed(&self) -> DockerDisk {
        DockerDisk {
            images: self.image_usage.as_ref().map_or_else(|| self.image_share(), Sums::share),
            containers: self.container_usage.as_ref().map_or_else(|| self.container_share(), Sums::share),
            volumes: self.volume_usage.as_ref().map_or_else(|| self.volume_share(), Sums::share),
            build_cache: self.build_cache_usage.as_ref().map_or_else(|| self.cache_share(), Sums::share),
        }
    }

    /// `docker system df` counts what images in use have for themselves as in use.
    fn image_share(&self) -> Share {
        let images = self.images.as_deref().unwrap_or_default();
        let active = || images.iter().filter(|image| image.containers > 0);
        let own: u64 = active().map(|image| bytes(image.size - image.shared_size.max(0))).sum();
        let size = bytes(self.layers_size);
        Share {
            count: count(images),
            active: many(active().count()),
            size,
            reclaimable: size.saturating_sub(own),
        }
    }

    fn container_share(&self) -> Share {
        let all = self.containers.as_deref().unwrap_or_default();
        let is_active = |one: &&Container| matches!(one.state.as_str(), "running" | "paused" | "restarting");
        Share {
            count: count(all),
            active: many(all.iter().filter(is_active).count()),
            size: all.iter().map(|one| bytes(one.size_rw)).sum(),
            reclaimable: all.iter().filter(|one| !is_active(one)).map(|one| bytes(one.size_rw)).sum(),
        }
    }

    fn volume_share(&self) -> Share {
        let all = self.volumes.as_deref().unwrap_or_default();
        let measured = || all.iter().filter_map(|volume| volume.usage_data.as_ref());
        Share {
            count: count(all),
            active: many(measured().filter(|usage| usage.ref_count > 0).count()),
            size: measured().map(|usage| bytes(usage.size)).sum(),
            reclaimable: measured().filter(|usage| usage.ref_count == 0).map(|usage| bytes(usage.size)).sum(),
        }
    }

    fn cache_share(&self) -> Share {
        let all = self.build_cache.as_deref().unwrap_or_default();
        let own = |in_use: bool| {
            let own = all.iter().filter(move |entry| !entry.shared && (entry.in_use || !in_use));
            own.map(|entry| bytes(entry.size)).sum::<u64>()
        };
        let size = self.builder_size.map_or_else(|| own(false), bytes);
        let active = all.iter().filter(|entry| entry.in_use).count();
        Share { count: count(all), active: many(active), size, reclaimable: size.saturating_sub(own(true)) }
    }
}

impl Sums {
    fn share(&self) -> Share {
        Share {
            count: bytes(self.total_count),
            active: bytes(self.active_count),
            size: bytes(self.total_size),
            reclaimable: bytes(self.reclaimable),
        }
    }
}

/// The Engine writes -1 for what it did not measure.
fn bytes(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn count<T>(all: &[T]) -> u64 {
    many(all.len())
}

fn many(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(json: &str) -> DockerDisk {
        serde_json::from_str::<Answered>(json).expect("an answer").summed()
    }

    #[test]
    fn lists_of_older_engines_are_summed_with_layers_counted_once() {
        let disk = summed(
            r#"{"LayersSize": 1000,
                "Images": [{"Containers": 1, "Size": 700, "SharedSize": 300}, {"Containers": 0, "Size": 600, "SharedSize": 300}],
                "Containers": [{"SizeRw": 5, "State": "running"}, {"SizeRw": 7, "State": "exited"}, {"State": "created"}],
                "Volumes": [{"UsageData": {"RefCount": 1, "Size": 40}}, {"UsageData": {"RefCount": 0, "Size": 2}}, {"UsageData": {"RefCount": -1, "Size": -1}}],
                "BuildCache": [{"InUse": true, "Size": 3}, {"Shared": true, "Size": 50}, {"Size": 4}]}"#,
        );
        assert_eq!(disk.images, Share { count: 2, active: 1, size: 1_000, reclaimable: 600 });
        assert_eq!(disk.containers, Share { count: 3, active: 1, size: 12, reclaimable: 7 });
        assert_eq!(disk.volumes, Share { count: 3, active: 1, size: 42, reclaimable: 2 });
        assert_eq!(disk.build_cache, Share { count: 3, active: 1, size: 7, reclaimable: 4 });
    }

    #[test]
    fn sums_of_newer_engines_are_taken() {
        let disk = summed(
            r#"{"ImageUsage": {"ActiveCount": 1, "TotalCount": 4, "Reclaimable": 5, "TotalSize": 9}, "Images": null}"#,
        );
        assert_eq!(disk.images, Share { count: 4, active: 1, size: 9, reclaimable: 5 });
        assert_eq!(disk.volumes, Share::default());
    }
}
