//! What deploy/ ships beside the bot, held by the programs that read it and by the bot's own metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use e2e::bot::{Bot, Setup, binary};
use e2e::database::Database;
use e2e::discord::{APPLICATION, BOT_TOKEN as DISCORD_TOKEN, CHANNEL, DiscordOptions, DiscordServer, GUILD};
use e2e::people::{self, CY, CY_DISCORD};
use e2e::platform::Platform;
use e2e::slack::{APP_TOKEN, BOT_TOKEN, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;
use regex::Regex;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(15);
/// Put there by tests/install.
const PROGRAMS: &str = "/var/lib/acgs-test";

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("deploy").join(file)
}

fn shipped(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `docker-compose config` of the shipped file with these variables.
fn compose(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(format!("{PROGRAMS}/docker-compose"));
    command.env_clear().envs(variables.iter().copied());
    command.arg("--file").arg(deploy("compose.yaml")).args(["config", "--format", "json"]);
    command.output().expect("Compose 2, which tests/install installs")
}

#[test]
fn compose_makes_two_replicas_that_may_do_little_and_a_postgres() {
    let output = compose(&[("ACGS_STORE_PASSWORD", "hush"), ("DOCKER_GROUP", "999")]);
    assert!(output.status.success(), "{}", said(&output));
    let file: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (acgs, store) = (&file["services"]["acgs"], &file["services"]["store"]);
    assert_eq!(acgs["deploy"]["replicas"], 2);
    assert_eq!((&acgs["read_only"], &acgs["cap_drop"][0]), (&Value::Bool(true), &Value::from("ALL")));
    for service in [acgs, store] {
        assert_eq!(service["security_opt"][0], "no-new-privileges:true");
        assert!(service["privileged"].is_null() && service["network_mode"].is_null(), "{service}");
    }
    assert_eq!(acgs["environment"]["ACGS_STORE_URL"], "postgres://acgs:hush@store:5432/acgs");
    assert_eq!(acgs["depends_on"]["store"]["condition"], "service_healthy");
    assert!(store["ports"].is_null(), "the store is nobody else's");
    assert_eq!(acgs["ports"][0]["host_ip"], "127.0.0.1");
    let without = compose(&[("DOCKER_GROUP", "999")]);
    assert!(
        !without.status.success() && said(&without).contains("ACGS_STORE_PASSWORD"),
        "{}",
        said(&without)
    );
}

#[test]
fn the_image_is_built_in_two_stages_and_runs_as_nobody() {
    let text = shipped("Dockerfile").replace("\\\n", " ");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let stages: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| line.starts_with("FROM ")).map(|(at, _)| at).collect();
    let [build, last] = stages[..] else { panic!("{stages:?}") };
    let toolchain = Regex::new(r"^FROM rust:(\d+\.\d+)-slim").unwrap();
    let rust = &toolchain.captures(lines[build]).expect("a Rust image")[1];
    let manifest = fs::read_to_string(deploy("../Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("rust-version = {rust:?}")), "the image's Rust is the workspace's");
    for line in lines[build..last].iter().filter(|line| line.starts_with("COPY ")) {
        let words: Vec<&str> = line.split(' ').collect();
        for source in &words[1..words.len() - 1] {
            assert!(deploy("..").join(source).exists(), "{line}");
        }
    }
    let members: toml::Table = manifest.parse().unwrap();
    for member in members["workspace"]["members"].as_array().unwrap() {
        let top = member.as_str().unwrap().split('/').next().unwrap();
        assert!(lines.contains(&format!("COPY {top} {top}").as_str()), "{top} is not in the build");
    }
    let last = &lines[last..];
    assert!(last[0].contains("-slim"), "{}", last[0]);
    let at = |word: &str| {
        last.iter().position(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no {word}"))
    };
    let user = last[at("USER ")].trim_start_matches("USER ").split(':').next().unwrap();
    assert!(user.parse::<u32>().is_ok_and(|user| user > 0), "{user}");
    assert!(at("USER ") < at("ENTRYPOINT ["), "as nobody");
    assert!(
        !last.iter().any(|line| line.starts_with("ENV ") || line.starts_with("ARG ")),
        "no secret can be in it"
    );
    let command = format!("{} {}", last[at("ENTRYPOINT [")], last[at("CMD [")]);
    assert!(
        command.contains("/usr/local/bin/acgs") && command.contains("\"serve\", \"--config\""),
        "{command}"
    );
}

#[test]
fn systemd_takes_the_unit_and_finds_it_well_confined() {
    let unit = shipped("acgs.service");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acgs.service");
    let here = unit.replace("/usr/local/bin/acgs", &binary().display().to_string());
    fs::write(&path, here).unwrap();
    let analyze = |arguments: &[&str]| {
        Command::new("systemd-analyze")
            .args(arguments)
            .arg(&path)
            .output()
            .expect("systemd, as on every Debian")
    };
    let verified = analyze(&["verify", "--man=no"]);
    assert!(verified.status.success() && said(&verified).is_empty(), "{}", said(&verified));
    // 0 is confined, 100 is not at all.
    let confined = analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
    assert!(confined.status.success(), "{}", said(&confined));
}

/// Names of metrics in PromQL, without what its functions and labels are called.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let names = Regex::new(r"\b(acgs_[a-z0-9_]+|pg_[a-z0-9_]+)\b").unwrap();
    names.find_iter(expression).map(|found| found.as_str().to_owned()).collect()
}

/// Every rule as its group, its severity and its expression.
fn rules() -> Vec<(String, String, String)> {
    let text = shipped("prometheus/acgs-rules.yml");
    let severity = Regex::new(r"severity: (\w+)").unwrap();
    let mut found = Vec::new();
    for group in text.split("\n  - name: ").skip(1) {
        let name = group.lines().next().unwrap();
        for rule in group.split("      - alert: ").skip(1) {
            let (expression, rest) = rule.split_once("\n        labels:").expect("labels");
            let severity = severity.captures(rest).expect("a severity");
            let expression = expression.split_once("expr:").expect("an expression").1;
            found.push((name.to_owned(), severity[1].to_owned(), expression.to_owned()));
        }
    }
    found
}

#[test]
fn prometheus_takes_the_rules_and_each_has_a_severity_of_the_schedule() {
    let output = Command::new(format!("{PROGRAMS}/promtool"))
        .args(["check", "rules"])
        .arg(deploy("prometheus/acgs-rules.yml"))
        .output()
        .expect("promtool, which tests/install installs");
    let rules = rules();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(&format!("{} rules found", rules.len())), "{}", said(&output));
    for group in ["acgs-platform", "acgs-bot"] {
        let severities: BTreeSet<&str> =
            rules.iter().filter(|rule| rule.0 == group).map(|rule| rule.1.as_str()).collect();
        assert_eq!(severities, BTreeSet::from(["P0", "P1", "P2"]), "{group}");
    }
}

/// The names of all samples that a replica shows once people have talked to it on Slack and on Discord.
async fn metrics_of_a_replica() -> BTreeSet<String> {
    let (database, platform) = (Database::create().await, Platform::start().await);
    let slack = SlackServer::start(SlackOptions::default()).await;
    let discord = DiscordServer::start(DiscordOptions::default()).await;
    let setup = Setup { store_url: Some(database.url()), ..Setup::default() }
        .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
        .with(&format!(
            "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
            discord.api_url().as_str()
        ))
        .with(&people::toml())
        .with(&platform.toml())
        .room("slack:C0INCIDENT")
        .room(&format!("discord:{CHANNEL}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
        .secret("DISCORD_TOKEN", DISCORD_TOKEN);
    let bot = Bot::start(setup).await;
    discord.wait_ready(SOON).await;
    slack.wait_sockets(2, SOON).await;
    slack.slash(CY, "C0INCIDENT", "health").await;
    slack.wait_message(|message| message.visible().contains("services are well"), SOON).await;
    let ack = discord.slash(CY_DISCORD, CHANNEL, &["health"], &[]).await;
    discord.wait_answer(ack.interaction(), SOON).await;
    let (_, text) = bot.get("/metrics").await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_metric_in_the_rules_and_on_the_dashboard_is_there() {
    let stack = Stack::take().await;
    let (bots, mut platforms) = (metrics_of_a_replica().await, BTreeSet::new());
    let asked: Vec<(String, BTreeSet<String>)> =
        rules().into_iter().map(|(group, _, expression)| (group, metrics_in(&expression))).collect();
    let of = |group: &str| -> BTreeSet<String> {
        asked.iter().filter(|rule| rule.0 == group).flat_map(|rule| rule.1.clone()).collect()
    };
    let lacking: Vec<_> = of("acgs-bot").difference(&bots).cloned().collect();
    assert!(lacking.is_empty(), "rules ask for {lacking:?}; there are {bots:?}");
    eventually(SOON, "the platform's own metrics in Prometheus", async || {
        platforms = stack.metric_names().await;
        of("acgs-platform").is_subset(&platforms).then_some(())
    })
    .await;

    let dashboard: Value = serde_json::from_str(&shipped("grafana/acgs.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let expressions = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let shown: BTreeSet<String> =
        expressions.flat_map(|target| metrics_in(target["expr"].as_str().unwrap())).collect();
    let lacking: Vec<_> = shown.difference(&bots).cloned().collect();
    assert!(lacking.is_empty(), "the dashboard asks for {lacking:?}; there are {bots:?}");
    assert!(shown.len() > 15, "{shown:?}");
    let mut ids: Vec<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}
