use commands::secrets::Found;

use super::*;

#[tokio::test]
async fn what_containers_use_is_what_docker_stats_shows() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let limited = stage.run("busy", &["--memory=64m", "--cpus=0.5"], &["sh", "-c", "while true; do :; done"]);
    let idle = stage.run_idle("idle", &[]);
    let paused = stage.run_idle("paused", &[]);
    stage.docker(&["pause", &paused]);
    let ended = stage.run("ended", &[], &["true"]);
    stage.docker(&["wait", &ended]);
    let measured = docker.usage(PATIENT).await.unwrap();
    let mut names: Vec<_> = measured.iter().map(|one| one.container.clone()).collect();
    names.sort();
    let mut expected = vec![limited.clone(), idle.clone(), paused];
    expected.sort();
    assert_eq!(names, expected);
    let of = |name: &str| measured.iter().find(|one| one.container == name).unwrap().usage.clone().unwrap();
    let (busy, quiet) = (of(&limited), of(&idle));
    assert_eq!((busy.memory_limit, busy.cpu_limit), (Some(64 << 20), Some(0.5)));
    // Half a core at most; on a busy machine less.
    let cpu = busy.cpu_percent.unwrap();
    assert!((2.0..75.0).contains(&cpu), "{busy:?}");
    assert!(quiet.cpu_percent.unwrap() < 2.0, "{quiet:?}");
    assert_eq!((busy.processes, busy.network), (Some(1), None));
    assert!(busy.memory.unwrap() > 0 && busy.memory.unwrap() < 16 << 20, "{busy:?}");
}

#[tokio::test]
async fn many_containers_take_as_long_as_one() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let time = async || {
        let started = Instant::now();
        let measured = docker.usage(PATIENT).await.unwrap();
        assert!(measured.iter().all(|one| one.usage.is_ok()), "{measured:?}");
        (measured.len(), started.elapsed())
    };
    stage.run_idle("first", &[]);
    let (_, one) = time().await;
    for _ in 0..7 {
        stage.run_idle("more", &[]);
    }
    let (count, eight) = time().await;
    assert_eq!(count, 8);
    assert!(eight < one * 4, "eight took {eight:?}, one {one:?}");
}

#[test]
fn the_page_cache_is_no_use_of_memory_in_both_cgroup_versions() {
    let memory = |stats: &str| {
        let json = format!(r#"{{"memory_stats": {{"usage": 1000, "limit": 2000, "stats": {stats}}}}}"#);
        crate::usage::from_engine(&serde_json::from_str(&json).unwrap(), None).memory
    };
    assert_eq!(memory(r#"{"total_inactive_file": 400, "inactive_file": 1}"#), Some(600));
    assert_eq!(memory(r#"{"inactive_file": 300}"#), Some(700));
    assert_eq!(memory(r#"{"inactive_file": 3000}"#), Some(1000));
    assert_eq!(memory("{}"), Some(1000));
}

#[test]
fn cpu_is_counted_in_percent_of_one_core() {
    let usage = |json: &str| crate::usage::from_engine(&serde_json::from_str(json).unwrap(), None);
    let two_cores = usage(
        r#"{"precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
            "cpu_stats": {"cpu_usage": {"total_usage": 600}, "system_cpu_usage": 2000, "online_cpus": 4},
            "networks": {"a": {"rx_bytes": 1, "tx_bytes": 2}, "b": {"rx_bytes": 10, "tx_bytes": 20}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "write", "value": 7}, {"op": "Total", "value": 12}]}}"#,
    );
    assert_eq!((two_cores.cpu_percent, two_cores.cpu_limit), (Some(200.0), Some(4.0)));
    assert_eq!((two_cores.network, two_cores.disk), (Some((11, 22)), Some((5, 7))));
    // A container that has just started has nothing to compare with.
    assert_eq!(usage(r#"{"cpu_stats": {"cpu_usage": {"total_usage": 600}}}"#).cpu_percent, None);
}

#[tokio::test]
async fn what_is_deployed_is_told_the_newest_first_and_a_moved_name_too() {
    let (stage, newer) = (Stage::new(), Stage::new());
    let docker = docker(&stage);
    let first = stage.run_idle("first", &[]);
    let second = stage.run_idle("second", &[]);
    stage.run("job", &["--label", "com.docker.compose.oneoff=True"], &["true"]);
    let deployed = docker.deployed(PATIENT).await.unwrap();
    let names: Vec<_> = deployed.iter().map(|one| one.container.name.clone()).collect();
    assert_eq!(names, [second.clone(), first.clone()]);
    for one in &deployed {
        let format = "{{.Created}} {{.Image}} {{.Config.Image}}";
        let direct = stage.docker(&["inspect", "--format", format, &one.container.name]);
        let direct: Vec<_> = direct.split_whitespace().collect();
        assert_eq!(one.created_at, direct[0].parse().ok());
        assert_eq!(one.image_id, direct[1].trim_start_matches("sha256:")[..12]);
        assert_eq!((one.image.as_str(), one.name_moved), (direct[2], false));
        let built = stage.docker(&["image", "inspect", "--format", "{{.Created}}", &one.image]);
        assert_eq!(one.image_built_at, built.trim().parse().ok());
    }
    stage.docker(&["tag", &newer.project, &stage.project]);
    let moved = docker.deployed(PATIENT).await.unwrap();
    let own = stage.docker(&["image", "inspect", "--format", "{{.Id}}", &stage.project]);
    let same = own.contains(&moved[0].image_id);
    assert!(moved.iter().all(|one| one.name_moved != same), "{moved:?}");
    assert!(!same, "two imports at different times are two images");
}

#[tokio::test]
async fn a_containers_secrets_are_told_by_their_digests() {
    let stage = Stage::new();
    let docker = docker(&stage);
    stage.run_idle("auth", &["--env", "KEY=correct horse", "--env", "BLANK=", "--env", "DEFAULT=changeme"]);
    let variables = ["KEY", "BLANK", "DEFAULT", "NONE"].map(str::to_owned);
    let found = docker.secrets(&by_label("auth"), &variables, PATIENT).await.unwrap().unwrap();
    let Found::Set(key) = found[0] else { panic!("{found:?}") };
    // printf %s 'correct horse' | sha256sum
    let digest = std::process::Command::new("sh")
        .args(["-c", "printf %s 'correct horse' | sha256sum"])
        .output()
        .unwrap();
    assert_eq!(key.short(), String::from_utf8(digest.stdout).unwrap()[..8]);
    assert_eq!((key.length, key.is_default), (13, false));
    assert!(matches!(found[2], Found::Set(value) if value.is_default));
    assert_eq!((found[1], found[3]), (Found::Blank, Found::Missing));
    assert!(!format!("{found:?}").contains("horse"));
    assert_eq!(docker.secrets(&by_label("other"), &variables, PATIENT).await, Ok(None));
}

#[tokio::test]
async fn dockers_own_share_is_what_docker_system_df_shows() {
    let docker = Docker::connect(host(), None).unwrap();
    let stage = Stage::new();
    stage.run_idle("uses", &[]);
    // Other tests make and remove images at the same time: a moment when nobody did.
    let settled = async {
        loop {
            let direct =
                || stage.docker(&["system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}"]);
            let before = direct();
            let disk = docker.disk(PATIENT).await.unwrap();
            if direct() == before {
                return (before, disk);
            }
        }
    };
    let (direct, disk) = timeout(PATIENT, settled).await.expect("a quiet moment");
    for (name, share) in
        [("Images", disk.images), ("Containers", disk.containers), ("Local Volumes", disk.volumes)]
    {
        let row = format!("{name}|{}|{}", share.count, share.active);
        assert!(direct.lines().any(|line| line == row), "{row} in {direct}");
    }
    assert!(disk.images.size > 0 && disk.images.reclaimable <= disk.images.size, "{disk:?}");
}
