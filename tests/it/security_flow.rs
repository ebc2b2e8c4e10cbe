//! Look-ups of the platform's security on the real platform, compared with what `docker` says directly.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Finished};
use e2e::engine::SilentAt;
use e2e::people;
use e2e::stack::Stack;
use sqlx::Executor as _;

/// The database writes a log as well; `ghost` was never started.
const MORE_SERVICES: &str = "[[service]]\nname = \"postgres_db\"\nurl = \"http://127.0.0.1:1\"\n\
                             [[service]]\nname = \"ghost\"\nurl = \"http://127.0.0.1:1\"";

fn card(finished: &Finished) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    json["card"].clone()
}

fn title(finished: &Finished) -> String {
    card(finished)["title"].as_str().expect("a title").to_owned()
}

fn file(finished: &Finished) -> String {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    json["file"]["content"].as_str().expect("a file").to_owned()
}

fn sections(finished: &Finished, kind: &str) -> Vec<serde_json::Value> {
    let sections = card(finished)["sections"].as_array().expect("sections").clone();
    sections.iter().filter_map(|section| section.get(kind)).cloned().collect()
}

fn fact(finished: &Finished, label: &str) -> String {
    let facts = sections(finished, "facts");
    let all = facts.iter().filter_map(|facts| facts.as_array()).flatten();
    let found = all.filter(|fact| fact[0] == label).find_map(|fact| fact[1].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {label} in {}", finished.out))
}

/// The row of the last table that begins with `first`.
fn row(finished: &Finished, first: &str) -> Vec<String> {
    let tables = sections(finished, "table");
    let rows = tables.last().expect("a table")["rows"].as_array().expect("rows").clone();
    let row = rows.into_iter().find(|row| row[0] == first);
    serde_json::from_value(row.unwrap_or_else(|| panic!("no {first} in {}", finished.out))).expect("texts")
}

/// When the bot looked, from the footer.
fn as_of(finished: &Finished) -> jiff::Timestamp {
    let footer = card(finished)["footer"].as_str().expect("a footer").to_owned();
    let at = footer.split("as of ").nth(1).expect("a time").split(" UTC").next().unwrap().to_owned();
    format!("{}Z", at.replace(' ', "T")).parse().expect("a time")
}

/// What `docker logs` has of a service since then, with the Engine's times.
async fn direct(stack: &Stack, service: &str, since: &str) -> Vec<String> {
    let container = stack.container(service);
    let log = stack.docker_both(&["logs", "--timestamps", "--since", since, &container]).await;
    log.lines().map(str::to_owned).collect()
}

/// A service that is a container of this name.
fn service(name: &str, container: &str) -> String {
    format!("[[service]]\nname = {name:?}\nurl = \"http://127.0.0.1:1\"\ncontainer = {container:?}\n")
}

/// Words of the runbook's grep that are no sign of anything.
const HARMLESS: [&str; 4] = [
    "INFO security headers set",
    "INFO GET /security/attack 404",
    "INFO no breach found",
    "WARN org.example.security.Filter is slow",
];

#[tokio::test]
async fn signs_of_an_attack_are_counted_by_kind_and_address_over_all_logs() {
    let stack = Stack::take().await;
    let (attack, json) = (
        "WARN SECURITY attack: suspicious request from 198.51.100.23",
        r#"{"level":"error","msg":"SQL injection attempt","client_ip":"2001:db8::17"}"#,
    );
    let gateway: Vec<&str> = HARMLESS.into_iter().chain([attack, attack, json, attack]).collect();
    let gateway = stack.write_lines("gateway", &gateway).await;
    let worker = stack.write_lines("worker", &["INFO up", attack, "attacker 198.51.100.23:4431 again"]).await;
    let more = service("gateway", &gateway) + &service("worker", &worker);
    let bot = Bot::start(stack.setup().with(MORE_SERVICES).with(&more).with(&people::toml())).await;
    for _ in 0..3 {
        stack.log_in_wrongly("auth_service").await;
    }
    let mut database = stack.database().await;
    database.execute("ALTER TABLE no_such_table ENABLE ROW LEVEL SECURITY").await.unwrap_err();
    let asked = bot.line(&["security", "events", "--since", "10m"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");

    let mut attacks = Vec::new();
    for container in [&gateway, &worker] {
        let log = stack.docker_both(&["logs", "--timestamps", container]).await;
        attacks.extend(log.lines().filter(|line| line.contains("198.51.100.23")).map(str::to_owned));
    }
    attacks.sort();
    let clock = |line: &str| line[11..19].to_owned();
    let (first, last) = (clock(&attacks[0]), clock(&attacks[4]));
    assert_eq!(
        fact(&asked, "attack from 198.51.100.23"),
        format!("5 times, {first} to {last}; gateway, worker")
    );
    assert!(fact(&asked, "injection from 2001:db8::17").starts_with("once, "), "{}", asked.out);
    let logins = direct(&stack, "auth_service", "10m").await;
    let logins = logins.iter().filter(|line| line.contains("SECURITY failed login")).count();
    assert!(fact(&asked, "failed login").starts_with(&format!("{logins} times")), "{}", asked.out);

    let whole = file(&asked);
    let lines: Vec<&str> = whole.lines().skip_while(|line| !line.starts_with("Lines: ")).skip(1).collect();
    assert!(lines.is_sorted_by_key(|line| line.split(' ').next()), "merged by time: {whole}");
    assert_eq!(lines.iter().filter(|line| line.contains("198.51.100.23")).count(), attacks.len());
    for harmless in HARMLESS.into_iter().chain(["ROW LEVEL"]) {
        assert!(!asked.out.contains(harmless), "{harmless} in {}", asked.out);
    }
    let seen = direct(&stack, "postgres_db", "10m").await;
    assert!(seen.iter().any(|line| line.contains("ROW LEVEL")), "it is in the log, and no sign");

    let begins = stack.docker_both(&["logs", "--timestamps", &stack.container("auth_service")]).await;
    let begins: jiff::Timestamp =
        begins.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).min().unwrap();
    let from = as_of(&asked) - Duration::from_secs(600);
    let told = if begins <= from { "all of it".to_owned() } else { begins.strftime("%H:%M:%S").to_string() };
    assert_eq!(row(&asked, "auth_service")[1], told);
    assert_eq!(row(&asked, "ghost")[1], "no container");
    assert!(title(&asked).contains(" signs of an attack in the last 10m, from "), "{}", title(&asked));

    // A new container begins a new log: its quiet is told to be a short one.
    stack.write_lines("gateway", &["INFO up"]).await;
    let anew = bot.line(&["security", "events", "--since", "10m"], true).await;
    let begins = stack.docker_both(&["logs", "--timestamps", &gateway]).await;
    let cells = row(&anew, "gateway");
    assert_eq!(cells[1..], [begins[11..19].to_owned(), "0".to_owned()], "{begins}");
    for container in [gateway, worker] {
        stack.docker(&["rm", "--force", &container]).await;
    }
}

#[tokio::test]
async fn a_log_that_hangs_hides_no_other() {
    let stack = Stack::take().await;
    let format = "{{.Id}}";
    let id = stack.docker(&["inspect", "--format", format, &stack.container("gs_service")]).await;
    let engine = SilentAt::new(&stack.engine(), &format!("/containers/{}/logs", id.trim()));
    let bot = Bot::start(stack.setup_at(&engine.host()).with(&people::toml())).await;
    stack.log_in_wrongly("auth_service").await;
    let started = Instant::now();
    let asked = bot.line(&["security", "events", "--since", "5m"], true).await;
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(fact(&asked, "failed login").ends_with("auth_service"), "{}", asked.out);
    assert_eq!(row(&asked, "gs_service")[1], "not read");
    let text = sections(&asked, "text")[0].as_str().unwrap().to_owned();
    assert!(text.contains("gs_service: its log could not be read (Docker at"), "{text}");
    assert!(text.contains("did not answer in time"), "{text}");
}

#[tokio::test]
async fn the_review_has_every_warning_and_error_once_and_claims_no_week_that_is_not_there() {
    let stack = Stack::take().await;
    let bot = Bot::start(stack.setup().with(MORE_SERVICES).with(&people::toml())).await;
    let mut database = stack.database().await;
    for row in 0..5 {
        let wrong = format!("SELECT nothing_{row} FROM reviewed_by_this_test");
        database.execute(sqlx::AssertSqlSafe(wrong)).await.unwrap_err();
    }
    stack.log_in_wrongly("auth_service").await;
    let asked = bot.line(&["security", "review"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");

    let log = direct(&stack, "postgres_db", "168h").await;
    let has = |line: &str, words: &[&str]| words.iter().any(|word| line.contains(word));
    let errors = log.iter().filter(|line| has(line, &["ERROR:", "FATAL:", "PANIC:"])).count();
    let warnings = log.iter().filter(|line| line.contains("WARNING:")).count();
    let cells = row(&asked, "postgres_db");
    assert_eq!(cells[2..], [errors.to_string(), "0".to_owned(), warnings.to_string()], "{cells:?}");
    let logins = direct(&stack, "auth_service", "168h").await;
    let security = logins.iter().filter(|line| line.contains("SECURITY")).count();
    assert_eq!(row(&asked, "auth_service")[3], security.to_string());

    let whole = file(&asked);
    let ours: Vec<&str> = whole
        .lines()
        .skip_while(|line| !line.starts_with("Kinds of lines"))
        .take_while(|line| !line.starts_with("Lines: "))
        .filter(|line| line.contains("reviewed_by_this_test"))
        .collect();
    let count =
        log.iter().filter(|line| line.contains("ERROR:") && line.contains("reviewed_by_this_test")).count();
    assert_eq!(ours.len(), 1, "alike ones stand once: {ours:?}");
    assert!(ours[0].trim_start().starts_with(&format!("{count} error postgres_db, ")), "{ours:?}");
    let kinds: Vec<&str> = whole
        .lines()
        .skip_while(|line| !line.starts_with("Kinds of lines"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.split(' ').nth(3).unwrap())
        .collect();
    let rank = |kind: &str| ["error", "security", "warning"].iter().position(|known| *known == kind).unwrap();
    assert!(kinds.is_sorted_by_key(|kind| rank(kind)), "the worst first: {kinds:?}");

    assert!(title(&asked).ends_with("in the logs that are there"), "{}", title(&asked));
    let text = sections(&asked, "text");
    let text: Vec<&str> = text.iter().map(|text| text.as_str().unwrap()).collect();
    assert!(
        text.iter().any(|text| text.starts_with("This is no review of 7d: 7 of 8 logs begin later")),
        "{text:?}"
    );
    assert!(text.iter().any(|text| text.contains("ghost: no container, so no log")), "{text:?}");
}

/// The facts of an image's packages as its own list has them: name, version, architecture.
async fn packages(stack: &Stack, service: &str) -> Vec<(String, String, String)> {
    let container = stack.container(service);
    let list = stack.docker(&["exec", &container, "cat", "/var/lib/dpkg/status"]).await;
    let field = |paragraph: &str, name: &str| {
        paragraph.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    list.split("\n\n")
        .filter(|paragraph| paragraph.contains("Status: install ok installed"))
        .map(|one| {
            let of = |name: &str| field(one, name).unwrap_or_else(|| panic!("no {name} in {one}"));
            (of("Package:"), of("Version:"), of("Architecture:"))
        })
        .collect()
}

async fn release(stack: &Stack, service: &str) -> String {
    let told = stack.docker(&["exec", &stack.container(service), "cat", "/usr/lib/os-release"]).await;
    let release = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    release.expect("a release").to_owned()
}

/// A suite as apt keeps it.
fn suite(folder: &std::path::Path, codename: &str, date: &str, packages: &[(String, String, String)]) {
    let prefix = format!("deb.example_debian_dists_{codename}_");
    let text = format!("Origin: Debian\nCodename: {codename}\nDate: {date}\n");
    std::fs::write(folder.join(format!("{prefix}InRelease")), text).unwrap();
    let list: String = packages
        .iter()
        .map(|(name, version, architecture)| {
            format!("Package: {name}\nArchitecture: {architecture}\nVersion: {version}\n\n")
        })
        .collect();
    std::fs::write(folder.join(format!("{prefix}main_binary-amd64_Packages")), list).unwrap();
}

const SIX: &str = "auth_service, ac_service, integrity_service, fv_service, gs_service, pgc_service";

#[tokio::test]
async fn an_image_is_behind_by_its_own_package_list_beside_the_distributions() {
    let stack = Stack::take().await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!("[security]\npackage_lists = {:?}", folder.path());
    let setup = stack.setup().with(MORE_SERVICES).with(&config).with(&people::toml());
    let bot = Bot::start(setup).await;
    let (all, release) = (packages(&stack, "postgres_db").await, release(&stack, "postgres_db").await);
    assert!(all.len() > 5, "{all:?}");
    suite(folder.path(), &release, "Sat, 11 Jul 2026 10:16:37 UTC", &all);
    let (name, have, architecture) = all[all.len() / 2].clone();
    let newer = [
        (name.clone(), format!("{have}+deb99u1"), architecture),
        // An older one in the suite for holes is none to go to.
        (all[0].0.clone(), "0~1".to_owned(), all[0].2.clone()),
    ];
    suite(folder.path(), &format!("{release}-security"), "Tue, 24 Nov 2026 00:34:33 UTC", &newer);
    let asked = bot.line(&["security", "scan"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    let image =
        stack.docker(&["inspect", "--format", "{{.Config.Image}}", &stack.container("postgres_db")]).await;
    assert_eq!(
        fact(&asked, "postgres_db"),
        format!(
            "{}: 1 of {} packages are behind, 1 of them for security; {name} {have} -> {have}+deb99u1 ({release}-security) (2026-11-24)",
            image.trim(),
            all.len()
        )
    );
    assert!(
        fact(&asked, SIX).ends_with("no report and no package list in it: nobody can say"),
        "{}",
        asked.out
    );
    assert!(fact(&asked, "ghost").contains("no container, so no image"), "{}", asked.out);
    let footer = card(&asked)["footer"].as_str().unwrap().to_owned();
    assert!(footer.starts_with("data of 2026-11-24, as of "), "{footer}");
    assert_eq!(title(&asked), "1 of 3 images to be updated, 2 can't be judged");

    // Up to date.
    suite(folder.path(), &format!("{release}-security"), "Tue, 24 Nov 2026 00:34:33 UTC", &[]);
    let well = bot.line(&["security", "scan"], true).await;
    let words = format!("none of {} packages is behind", all.len());
    assert!(fact(&well, "postgres_db").contains(&words), "{}", well.out);
}

#[tokio::test]
async fn a_scanners_report_is_found_by_the_images_id_and_an_image_that_hangs_hides_no_other() {
    let stack = Stack::take().await;
    let (reports, lists) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = stack.docker(&["inspect", "--format", "{{.Image}}", &stack.container("auth_service")]).await;
    let hole = |id: &str, severity: &str, fixed: &str| {
        serde_json::json!({
            "VulnerabilityID": id, "PkgName": "openssl", "InstalledVersion": "3.0.1",
            "FixedVersion": fixed, "Severity": severity
        })
    };
    let report = |at: &str, holes: Vec<serde_json::Value>| {
        serde_json::json!({
            "SchemaVersion": 2, "CreatedAt": at, "ArtifactName": "any",
            "Metadata": { "ImageID": id.trim() }, "Results": [{ "Target": "os", "Vulnerabilities": holes }]
        })
        .to_string()
    };
    let holes = vec![
        hole("CVE-2026-1", "LOW", ""),
        hole("CVE-2026-2", "CRITICAL", "3.0.2"),
        hole("CVE-2026-3", "LOW", ""),
    ];
    std::fs::write(reports.path().join("old.json"), report("2026-01-01T00:00:00Z", Vec::new())).unwrap();
    std::fs::write(reports.path().join("new.json"), report("2026-02-01T00:00:00Z", holes)).unwrap();
    std::fs::write(reports.path().join("broken.json"), "{").unwrap();
    let format = "{{.Id}}";
    let silent = stack.docker(&["inspect", "--format", format, &stack.container("postgres_db")]).await;
    let engine = SilentAt::new(&stack.engine(), &format!("/containers/{}/archive", silent.trim()));
    let config =
        format!("[security]\ntrivy_reports = {:?}\npackage_lists = {:?}", reports.path(), lists.path());
    let prometheus = "[[service]]\nname = \"prometheus\"\nurl = \"http://127.0.0.1:1\"";
    let setup = stack.setup_at(&engine.host()).with(MORE_SERVICES).with(prometheus);
    let bot = Bot::start(setup.with(&config).with(&people::toml())).await;
    let asked = bot.line(&["security", "scan"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    let told = fact(&asked, SIX);
    assert!(
        told.contains(": 1 critical, 2 low; CVE-2026-2 openssl 3.0.1, fixed in 3.0.2; CVE-2026-1 openssl 3.0.1, no fix yet; "),
        "{told}"
    );
    assert!(told.contains(". The data is old: 2026-02-01, "), "{told}");
    assert!(fact(&asked, "postgres_db").contains("could not be looked into: Docker at"), "{}", asked.out);
    let release = release(&stack, "prometheus").await;
    assert!(
        fact(&asked, "prometheus").ends_with(&format!("no lists of its release {release}")),
        "{}",
        asked.out
    );
    let text = sections(&asked, "text")[0].as_str().unwrap().to_owned();
    assert!(text.starts_with("Not read:\nbroken.json: no report of Trivy: "), "{text}");
    assert!(file(&asked).contains("low CVE-2026-3 openssl 3.0.1, no fix yet"), "{}", asked.out);
}
