//! Look-ups of containers against the real platform, compared with what `docker` says directly.

use std::collections::BTreeMap;

use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;
use sqlx::Executor as _;

async fn bot(stack: &Stack) -> Bot {
    // The database is a service with a log of its own, though none that answers HTTP.
    let database = "[[service]]\nname = \"postgres_db\"\nurl = \"http://127.0.0.1:1\"";
    Bot::start(stack.setup().with(database).with(&people::toml())).await
}

fn card(finished: &Finished) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    json["card"].clone()
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

#[tokio::test]
async fn logs_are_those_of_docker_logs() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    // Lines of this test's own: what another one has left may hold what is redacted.
    let mut database = stack.database().await;
    for row in 0..3 {
        let wrong = format!("SELECT nothing_{row} FROM lines_of_this_test");
        database.execute(sqlx::AssertSqlSafe(wrong)).await.unwrap_err();
    }
    // The database may write between the two.
    let asked = eventually(Duration::from_secs(30), "the same five lines", async || {
        let asked = bot.line(&["logs", "postgres_db", "--tail", "5"], true).await;
        assert_eq!(asked.code, 0, "{asked:?}");
        let shown = sections(&asked, "code")[0].as_str().unwrap().to_owned();
        let direct = stack.docker_both(&["logs", "--tail", "5", &stack.container("postgres_db")]).await;
        assert_eq!(shown.lines().count(), 5, "{shown}");
        let same = shown.lines().zip(direct.lines()).all(|(shown, direct)| {
            let text = shown.split_once(' ').map_or(shown, |(_, text)| text).trim_end_matches('…');
            direct.starts_with(text)
        });
        same.then_some(asked)
    })
    .await;
    let all = stack.docker_both(&["logs", "--timestamps", &stack.container("postgres_db")]).await;
    let first = &all.lines().map(|line| line[..19].replace('T', " ")).min().unwrap();
    assert!(fact(&asked, "log begins").starts_with(first.as_str()), "{first}: {}", asked.out);
}

#[tokio::test]
async fn every_error_of_the_database_is_found_and_alike_ones_are_counted() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut database = stack.database().await;
    for row in 0..7 {
        let wrong = format!("SELECT nothing_{row} FROM users_of_this_test");
        database.execute(sqlx::AssertSqlSafe(wrong)).await.unwrap_err();
    }
    let asked = bot.line(&["logs", "postgres_db", "--since", "10m", "--level", "error"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let direct = stack.docker_both(&["logs", "--since", "10m", &stack.container("postgres_db")]).await;
    let errors =
        direct.lines().filter(|line| ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| line.contains(word)));
    let errors = errors.count();
    assert!(errors >= 7, "{direct}");
    assert_eq!(fact(&asked, "lines"), format!("{errors} error"), "{}", asked.out);
    let groups = sections(&asked, "table")[0]["rows"].as_array().unwrap().clone();
    let ours = groups.iter().find(|row| row[2].as_str().unwrap().contains("users_of_this_test")).unwrap();
    assert!(ours[0].as_str().unwrap().parse::<u64>().unwrap() >= 7, "{groups:?}");
}

#[tokio::test]
async fn failed_logins_are_security_lines_and_no_errors() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    for _ in 0..3 {
        stack.log_in_wrongly("auth_service").await;
    }
    let security = bot.line(&["logs", "auth_service", "--since", "5m", "--level", "security"], true).await;
    let direct = stack.docker_both(&["logs", "--since", "5m", &stack.container("auth_service")]).await;
    let expected = direct.lines().filter(|line| line.contains("SECURITY")).count();
    assert!(expected >= 3, "{direct}");
    assert_eq!(fact(&security, "lines"), format!("{expected} security"), "{}", security.out);
    let typed =
        bot.line(&["logs", "auth_service", "--since", "5m", "--grep", "error|security|jwt"], true).await;
    assert!(fact(&typed, "lines").contains(&format!("{expected} security")), "{}", typed.out);

    let none =
        bot.line(&["logs", "auth_service", "--since", "5m", "--grep", "nobody writes this"], true).await;
    assert_eq!(none.code, 0, "{none:?}");
    assert!(none.out.contains("no line with \\\"nobody writes this\\\" in the last 5m"), "{}", none.out);
    let searched = fact(&none, "searched");
    assert!(searched.contains(&format!("{expected} security")), "{searched}");
}

#[tokio::test]
async fn a_secret_in_a_log_reaches_neither_card_nor_file() {
    let stack = Stack::take().await;
    // A value that only the configuration knows to be a secret, and one that looks like one.
    let known = "correcthorsebatterystaple";
    let setup = stack.setup().with(&people::toml());
    let url = format!("postgres://acgs_bot:{known}@127.0.0.1:1/none");
    let setup = setup.secret("STACK_POSTGRES_URL", &url);
    let bot =
        Bot::start(setup.with("[[service]]\nname = \"postgres_db\"\nurl = \"http://127.0.0.1:1\"")).await;
    let mut database = stack.database().await;
    for row in 0..30 {
        let wrong = format!("SELECT 1 FROM leak_{row} WHERE a = '{known}' AND password = 'hunter2-{row}'");
        database.execute(sqlx::AssertSqlSafe(wrong)).await.unwrap_err();
    }
    let asked = bot.line(&["logs", "postgres_db", "--since", "5m", "--grep", "leak_"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let json: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
    let file = json["file"]["content"].as_str().expect("sixty lines do not fit into a card").to_owned();
    assert!(file.contains("leak_29") && file.contains("[redacted]"), "{file}");
    for secret in [known, "hunter2"] {
        assert!(!asked.out.contains(secret), "{}", asked.out);
        assert!(!bot.log().contains(secret) && !asked.err.contains(secret));
    }
}

/// The rows of the card's table with this first heading, by their first cell.
fn rows(finished: &Finished, table: usize) -> BTreeMap<String, Vec<String>> {
    let tables = sections(finished, "table");
    let rows = tables[table]["rows"].as_array().expect("rows").clone();
    let cells = |row: serde_json::Value| serde_json::from_value::<Vec<String>>(row).expect("texts");
    rows.into_iter().map(cells).map(|row| (row[0].clone(), row)).collect()
}

/// `1.5MiB` and `1.57 MB` as bytes.
fn bytes(text: &str) -> f64 {
    let text = text.replace(' ', "");
    let digits = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        other => panic!("{other:?} in {text}"),
    };
    text[..digits].parse::<f64>().unwrap() * unit
}

#[tokio::test]
async fn ten_thousand_lines_become_a_file_and_none_is_cut() {
    let stack = Stack::take().await;
    let script =
        "i=0; while [ $i -lt 10500 ]; do echo \"INFO line $i of many\"; i=$((i+1)); done; exec sleep 600";
    let container = stack.run_extra("loud", &[], script).await;
    let loud = "[[service]]\nname = \"loud\"\nurl = \"http://127.0.0.1:9\"\n";
    let bot = Bot::start(stack.setup().with(loud).with(&people::toml())).await;
    eventually(Duration::from_secs(30), "the last line", async || {
        stack.docker(&["logs", "--tail", "1", &container]).await.contains("line 10499").then_some(())
    })
    .await;
    let asked = bot.line(&["logs", "loud", "--tail", "10000"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let json: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
    let file = json["file"]["content"].as_str().expect("a file");
    let said: Vec<&str> =
        file.lines().filter_map(|line| line.split_once("INFO ")).map(|(_, said)| said).collect();
    let direct = stack.docker(&["logs", "--tail", "10000", &container]).await;
    let direct: Vec<&str> = direct.lines().map(|line| line.trim_start_matches("INFO ")).collect();
    assert_eq!(direct.len(), 10_000);
    assert!(said == direct, "{} lines of {}", said.len(), direct.len());
    stack.remove_extra().await;
}

#[tokio::test]
async fn stats_are_those_of_docker_stats() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.docker(&["pause", &stack.container("gs_service")]).await;
    let asked = bot.line(&["stats", "--sort", "mem"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let direct =
        stack.docker(&["stats", "--no-stream", "--format", "{{.Name}}|{{.MemUsage}}|{{.PIDs}}"]).await;
    let (memory, other) = (rows(&asked, 0), rows(&asked, 1));
    let running = stack
        .docker(&[
            "ps",
            "--quiet",
            "--filter",
            &format!("label=com.docker.compose.project={}", stack.project()),
        ])
        .await;
    assert_eq!(memory.len(), running.lines().count(), "{}", asked.out);
    for (service, row) in &memory {
        let name = stack.container(service);
        let line = direct.lines().find(|line| line.split('|').next() == Some(name.as_str()));
        let cells: Vec<_> = line.unwrap_or_else(|| panic!("{name} in {direct}")).split('|').collect();
        let (used, limit) = cells[1].split_once(" / ").unwrap();
        let (shown, limit) = (bytes(&row[2]), bytes(limit));
        // It may have grown between the two.
        let used = bytes(used);
        assert!((shown - used).abs() < used * 0.25 + 1e6, "{service}: {shown} and {used}");
        let percent: f64 = row[3].trim_end_matches(" %").parse().unwrap();
        assert!((percent - shown / limit * 100.0).abs() < 0.2, "{service}: {percent} % of {limit}");
        assert!(row[1].ends_with(" %"), "{row:?}");
        let threads: i64 = other[service][1].parse().unwrap();
        assert!(
            (threads - cells[2].parse::<i64>().unwrap()).abs() <= 8,
            "{service}: {threads} and {}",
            cells[2]
        );
    }
    let order: Vec<f64> = sections(&asked, "table")[0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| bytes(row[2].as_str().unwrap()))
        .collect();
    assert!(order.is_sorted_by(|one, other| one >= other), "{order:?}");
    let one = bot.line(&["stats", "ac_service"], true).await;
    assert_eq!(rows(&one, 0).into_keys().collect::<Vec<_>>(), ["ac_service"]);
    stack.mend().await;
}

#[tokio::test]
async fn deploy_list_shows_images_and_a_restart_but_no_deployment() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.docker(&["restart", &stack.container("fv_service")]).await;
    let asked = bot.line(&["deploy", "list"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let (times, images) = (rows(&asked, 0), rows(&asked, 1));
    let label = format!("label=com.docker.compose.project={}", stack.project());
    let all = stack.docker(&["ps", "--all", "--quiet", "--filter", &label]).await.lines().count();
    assert_eq!(times.len(), all, "{}", asked.out);
    for (service, row) in &images {
        let format = "{{.Image}} {{.Config.Image}} {{.RestartCount}}";
        let direct = stack.docker(&["inspect", "--format", format, &stack.container(service)]).await;
        let direct: Vec<_> = direct.split_whitespace().collect();
        assert_eq!(row[1], direct[0].trim_start_matches("sha256:")[..12], "{service}");
        assert_eq!(
            (fact(&asked, &row[1]).as_str(), times[service][3].as_str()),
            (direct[1], direct[2]),
            "{service}"
        );
    }
    assert!(!times["fv_service"][2].contains("min"), "started a moment ago: {times:?}");
    // The newest first, by when it was made: the restart has changed nothing.
    let mut made = Vec::new();
    for service in times.keys() {
        let format = "{{.Created}}";
        made.push((
            stack.docker(&["inspect", "--format", format, &stack.container(service)]).await,
            service.clone(),
        ));
    }
    made.sort_by_key(|(at, _)| std::cmp::Reverse(at.trim().parse::<jiff::Timestamp>().unwrap()));
    let made: Vec<String> = made.into_iter().map(|(_, service)| service).collect();
    let shown = sections(&asked, "table")[0]["rows"].as_array().unwrap().clone();
    let shown: Vec<String> = shown.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, made);
    stack.mend().await;
}

#[tokio::test]
async fn deploy_list_shows_commits_and_which_of_them_an_image_was_built_from() {
    let stack = Stack::take().await;
    let folder = tempfile::tempdir().unwrap();
    let git = async |arguments: &[&str]| -> String {
        let mut git = tokio::process::Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-C"]).arg(folder.path());
        let output = git.args(arguments).output().await.expect("git, which tests/install installs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]).await;
    for subject in ["first", "second\ttab <@everyone>", "third"] {
        git(&["commit", "--quiet", "--allow-empty", "--message", subject]).await;
    }
    let ids = git(&["log", "--format=%H"]).await;
    let ids: Vec<&str> = ids.lines().collect();
    let revision = format!("org.opencontainers.image.revision={}", ids[2]);
    let looper = stack.run_extra("built", &[revision], "exit 3").await;

    let config = format!("[deploy]\nrepository = {:?}", folder.path());
    let bot = Bot::start(stack.setup().with(&config).with(&people::toml())).await;
    let asked = bot.line(&["deploy", "list"], true).await;
    let tables: Vec<Vec<Vec<String>>> = sections(&asked, "table")
        .iter()
        .map(|table| serde_json::from_value(table["rows"].clone()).unwrap())
        .collect();
    let shown: Vec<(&str, &str)> = tables[2].iter().map(|row| (row[0].as_str(), row[2].as_str())).collect();
    let wanted = [(&ids[0][..8], "third"), (&ids[1][..8], "second tab <@everyone>"), (&ids[2][..8], "first")];
    assert_eq!(shown, wanted);
    assert_eq!(tables[3], [["built", &ids[2][..8], "2 behind"]]);

    // The same container ends at once, again and again.
    let looping = eventually(Duration::from_secs(30), "a crash loop", async || {
        let asked = bot.line(&["ps"], true).await;
        (asked.code == 1).then(|| rows(&asked, 0)["built"].join(" ")).filter(|row| row.contains("restarting"))
    })
    .await;
    assert!(looping.contains("code 3") && looping.contains(&looper), "{looping}");
    stack.remove_extra().await;

    let nothing = format!("[deploy]\nrepository = {:?}", folder.path().join("missing"));
    let bot = Bot::start(stack.setup().with(&nothing).with(&people::toml())).await;
    let asked = bot.line(&["deploy", "list"], false).await;
    assert!(asked.out.contains("The commits can't be read: "), "{}", asked.out);
    assert_eq!(asked.code, 0, "what runs is shown all the same: {asked:?}");
}

#[tokio::test]
async fn disk_is_what_df_and_docker_say() {
    let stack = Stack::take().await;
    let backups = tempfile::tempdir().unwrap();
    let config = format!("[backups]\ndir = {:?}", backups.path());
    let bot = Bot::start(stack.setup().with(&config).with(&people::toml())).await;
    let asked = bot.line(&["disk"], true).await;
    let root = stack.docker(&["info", "--format", "{{.DockerRootDir}}"]).await;
    let shown = rows(&asked, 0);
    let folder = backups.path().display().to_string();
    let folders: Vec<&str> = shown.keys().flat_map(|cell| cell.split(", ")).collect();
    for wanted in ["/", root.trim(), &folder] {
        assert_eq!(folders.iter().filter(|folder| **folder == wanted).count(), 1, "{wanted} in {folders:?}");
    }
    let df = tokio::process::Command::new("df").args(["--output=pcent,ipcent", "/"]).output().await.unwrap();
    let df = String::from_utf8(df.stdout).unwrap();
    let percents: Vec<i64> = df
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .filter_map(|word| word.trim_end_matches('%').parse().ok())
        .collect();
    let row = shown.iter().find(|(cell, _)| cell.split(", ").any(|folder| folder == "/")).unwrap().1;
    let number = |cell: &str| cell.trim_end_matches(" %").parse::<i64>().unwrap();
    assert!((number(&row[1]) - percents[0]).abs() <= 1, "{row:?} {df}");
    assert!((number(&row[4]) - percents[1]).abs() <= 1, "{row:?} {df}");
    let fullest = shown
        .values()
        .map(|row| number(&row[1]).max(row[4].trim_end_matches(" %").parse().unwrap_or(0)))
        .max();
    assert_eq!(asked.code, i32::from(fullest.unwrap() >= 90), "{}", asked.out);

    let direct =
        stack.docker(&["system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}"]).await;
    let docker = rows(&asked, 1);
    for (name, theirs) in [("images", "Images"), ("containers", "Containers"), ("volumes", "Local Volumes")] {
        let line = direct.lines().find(|line| line.starts_with(theirs)).unwrap();
        let cells: Vec<_> = line.split('|').collect();
        assert_eq!(docker[name][1..3], cells[1..3], "{name}: {direct}");
        let (shown, used) = (bytes(&docker[name][3]), bytes(cells[3]));
        assert!((shown - used).abs() <= used * 0.1 + 1e6, "{name}: {shown} and {used}");
    }
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let available = available.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0;
    let words = fact(&asked, "memory");
    let shown = bytes(words.split(": ").nth(1).unwrap().split(" of ").next().unwrap());
    assert!((shown - available).abs() < available * 0.3, "{words}, {available}");
    for resource in ["CPU", "disks", "memory"] {
        assert!(
            fact(&asked, &format!("waits for {resource}")).contains("% of the last 10 s"),
            "{}",
            asked.out
        );
    }
}

#[tokio::test]
async fn secrets_are_compared_with_their_file_and_never_shown() {
    let stack = Stack::take().await;
    let variable = "AUTH_SERVICE_SECRET_KEY";
    let format = "{{range .Config.Env}}{{println .}}{{end}}";
    let environment = stack.docker(&["inspect", "--format", format, &stack.container("auth_service")]).await;
    let value =
        environment.lines().find_map(|line| line.strip_prefix(&format!("{variable}="))).unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    let write = |value: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&path, format!("{variable}={value}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let secret = format!(
        "[[secret]]\nservice = \"auth_service\"\nvariable = {variable:?}\nenv_file = {path:?}\n[[secret]]\nservice = \"ac_service\"\nvariable = \"NOT_THERE\""
    );
    let only =
        format!("[[secret]]\nservice = \"auth_service\"\nvariable = {variable:?}\nenv_file = {path:?}");
    write(&value);
    let bot = Bot::start(stack.setup().with(&only).with(&people::toml())).await;
    let same = bot.line(&["secrets", "check"], true).await;
    assert_eq!(same.code, 0, "{same:?}");
    let row = rows(&same, 0)[variable].clone();
    let digest = sha2_hex(&value);
    assert_eq!(row[2..], ["set", "same", &value.chars().count().to_string(), &digest[..8]]);

    write("another-value-of-some-length");
    let differs = bot.line(&["secrets", "check"], true).await;
    assert_eq!((differs.code, rows(&differs, 0)[variable][3].as_str()), (1, "different"), "{differs:?}");
    write("");
    let blank = bot.line(&["secrets", "check"], true).await;
    assert_eq!((blank.code, rows(&blank, 0)[variable][3].as_str()), (1, "blank"), "{blank:?}");
    let both = Bot::start(stack.setup().with(&secret).with(&people::toml())).await;
    write(&value);
    let missing = both.line(&["secrets", "check"], true).await;
    assert_eq!((missing.code, rows(&missing, 0)["NOT_THERE"][2].as_str()), (1, "missing"), "{missing:?}");
    for said in [&same, &differs, &blank, &missing] {
        assert!(!said.out.contains(&value) && !said.err.contains(&value), "{said:?}");
        assert!(!said.out.contains("another-value"), "{said:?}");
    }
    assert!(!bot.log().contains(&value) && !both.log().contains(&value));
}

fn sha2_hex(text: &str) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(text.as_bytes()))
}
