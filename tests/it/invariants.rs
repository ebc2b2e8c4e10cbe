//! The rules of the layout, read from manifests and sources, so that a breach fails here and not in
//! a review.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root").to_owned()
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).parse().unwrap()
}

fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = manifest(folder);
    let table = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    table.keys().cloned().collect()
}

fn adapters() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("adapters"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Sources below `folder` as (path from the root, text), without test modules.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.contains("/tests/") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect::<Vec<_>>()
                    .join("\n");
                found.push((name, code));
            }
        }
    }
    assert!(!found.is_empty(), "no source below {folder}");
    found
}

/// Files of `folder` that name any of `words`.
fn naming(folder: &str, words: &[&str]) -> BTreeSet<String> {
    sources(folder)
        .into_iter()
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn the_top_level_is_the_fixed_one() {
    let folders: BTreeSet<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), ["adapters", "bot", "commands", "deploy", "tests"]);
}

#[test]
fn commands_does_no_io_and_knows_no_sdk() {
    let allowed = [
        "base64",
        "clap",
        "croner",
        "jiff",
        "percent-encoding",
        "regex",
        "serde",
        "serde_json",
        "sha2",
        "shlex",
        "strsim",
        "thiserror",
        "unicode-segmentation",
        "unicode-width",
    ];
    for name in dependencies("commands") {
        assert!(
            allowed.contains(&name.as_str()),
            "commands depends on {name}, which is not on the list of pure crates"
        );
    }
    let impure = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "Instant::now",
        "async fn",
        "println!",
    ];
    assert_eq!(naming("commands/src", &impure), BTreeSet::new());
}

#[test]
fn adapters_depend_on_commands_and_never_on_each_other_or_on_bot() {
    let mut ours: BTreeSet<String> = adapters().into_iter().collect();
    ours.extend(["bot", "e2e", "acgs-demo-services"].map(str::to_owned));
    for adapter in adapters() {
        let folder = format!("adapters/{adapter}");
        let breach: Vec<_> = dependencies(&folder).intersection(&ours).cloned().collect();
        assert!(breach.is_empty(), "{adapter} depends on {breach:?}");
        assert!(dependencies(&folder).contains("commands"), "{adapter} does not speak commands' types");
        assert_eq!(manifest(&folder)["package"]["name"].as_str(), Some(adapter.as_str()), "folder = crate");
    }
    assert!(!dependencies("bot").contains("e2e"));
}

#[test]
fn sdk_types_stay_in_their_adapter() {
    let sdks = ["bollard", "serenity", "slack_morphism", "sqlx", "tokio_tungstenite"];
    let paths: Vec<String> = sdks.iter().map(|sdk| format!("{sdk}::")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_eq!(naming("bot/src", &paths), BTreeSet::new());
    for sdk in sdks {
        assert!(!dependencies("bot").contains(&sdk.replace('_', "-")), "bot depends on {sdk}");
    }
}

#[test]
fn only_store_and_the_target_database_hold_sql() {
    for adapter in adapters() {
        let has_sql = dependencies(&format!("adapters/{adapter}")).contains("sqlx");
        assert_eq!(has_sql, ["store", "exec-postgres"].contains(&adapter.as_str()), "{adapter}");
    }
}

#[test]
fn acting_calls_are_named_in_execute_alone() {
    let in_execute = |name: &String| name.starts_with("bot/src/execute");
    let outside: Vec<_> =
        naming("bot/src", &["::act::"]).into_iter().filter(|name| !in_execute(name)).collect();
    assert!(outside.is_empty(), "{outside:?}");
    // Methods have no path to tell them by: each by its name on the executor that has it.
    let mut calls = Vec::new();
    for adapter in adapters().into_iter().filter(|adapter| adapter.starts_with("exec-")) {
        let acting = sources(&format!("adapters/{adapter}/src"))
            .into_iter()
            .filter(|(name, _)| name.contains("/src/act.rs") || name.contains("/src/act/"));
        let executor = adapter.trim_start_matches("exec-");
        for (_, text) in acting {
            let names = text.split("pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            calls.extend(names.map(|name| format!("{executor}.{name}(")));
        }
    }
    assert!(calls.contains(&"docker.restart(".to_owned()), "{calls:?}");
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let outside: Vec<_> = naming("bot/src", &calls).into_iter().filter(|name| !in_execute(name)).collect();
    assert!(outside.is_empty(), "{outside:?}");
    // And nothing is executed without what the approval alone can make.
    let execute = fs::read_to_string(root().join("bot/src/execute.rs")).unwrap();
    assert!(execute.contains("pub async fn begin(app: &Arc<App>, approved: Approved,"));
    assert!(naming("bot/src", &["_made_here: ()"]).into_iter().eq(["bot/src/approval.rs"]));
}

#[test]
fn only_report_words_what_people_read() {
    let wording = ["Card {", "Section::Text(", "Section::Next(", "Section::Facts(vec"];
    let worded = naming("bot/src", &wording);
    let outside: Vec<_> = worded.iter().filter(|name| !name.starts_with("bot/src/report")).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn environment_and_files_are_read_in_config_alone() {
    let reading = ["std::env::", "env::var", "std::fs::", "tokio::fs::", "File::open"];
    let readers = naming("bot/src", &reading);
    let outside: Vec<_> = readers.iter().filter(|name| !name.starts_with("bot/src/config")).collect();
    assert!(outside.is_empty(), "{outside:?}");
    for adapter in adapters() {
        assert_eq!(naming(&format!("adapters/{adapter}/src"), &["env::var"]), BTreeSet::new(), "{adapter}");
    }
}

#[test]
fn the_wall_clock_is_read_in_one_file() {
    let clocks = ["Timestamp::now", "SystemTime::now", "Utc::now", "Zoned::now"];
    assert_eq!(naming("bot/src", &clocks), BTreeSet::from(["bot/src/clock.rs".to_owned()]));
    for folder in
        adapters().iter().map(|adapter| format!("adapters/{adapter}/src")).chain(["commands/src".to_owned()])
    {
        assert_eq!(naming(&folder, &clocks), BTreeSet::new(), "{folder}");
    }
}

#[test]
fn nothing_is_called_after_a_layer() {
    let layers =
        ["utils", "util", "helpers", "helper", "misc", "common", "manager", "service_layer", "types"];
    for folder in ["commands/src", "bot/src", "adapters", "tests/src", "tests/it"] {
        for (name, _) in sources(folder) {
            let stem = Path::new(&name).file_stem().unwrap().to_str().unwrap();
            assert!(!layers.contains(&stem), "{name}: name the file after what is in it");
        }
    }
}
