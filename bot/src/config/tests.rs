//! What a good file gives and what each mistake says.

use secrecy::ExposeSecret as _;

use super::*;

fn with(text: &str, variables: &'static [(&'static str, &'static str)]) -> Result<Config, ConfigError> {
    Config::parse("acgs.toml", text, &|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn mistake(text: &str) -> String {
    with(text, &[]).map(|_| ()).unwrap_err().to_string()
}

const SECRETS: &[(&str, &str)] = &[
    ("SLACK_APP_TOKEN", "xapp-1"),
    ("SLACK_BOT_TOKEN", "xoxb-1"),
    ("SLACK_SIGNING_SECRET", "signing-1"),
    ("DISCORD_TOKEN", "discord-1"),
    ("ACGS_CANARY_PASSWORD", "canary-1"),
    ("ACGS_POSTGRES_URL", "postgres://acgs_monitor:hush@127.0.0.1/acgs_pgp_db"),
];

#[test]
fn the_shipped_defaults_are_a_whole_configuration() {
    let config = with(DEFAULTS, SECRETS).unwrap();
    assert_eq!(config.services.len(), 6);
    assert_eq!(config.services[1].health_url.as_str(), "http://127.0.0.1:8001/health");
    assert!(config.services[0].critical && !config.services[1].critical);
    assert_eq!(config.people.admins(), ["Ada Example"]);
    assert!(config.queries.is_empty(), "the example is commented out");
    let tasks: Vec<&str> = config.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(tasks, ["log-review", "image-scan", "penetration-test"]);
    assert_eq!(config.tasks[0].line.as_deref(), Some("security review"));
    assert!(
        config.slack.is_some() && config.discord.is_some() && config.docker.is_some() && config.web.is_some()
    );
}

#[test]
fn the_shipped_examples_of_queries_are_good_ones() {
    let start = DEFAULTS.find("# [[query]]").expect("commented examples");
    let examples = DEFAULTS[start..].lines().take_while(|line| line.starts_with('#'));
    let examples: String =
        examples.map(|line| format!("{}\n", line.trim_start_matches('#').trim_start())).collect();
    let config = with(&format!("[postgres]\n[prometheus]\n{examples}"), SECRETS).unwrap();
    let names: Vec<&str> = config.queries.iter().map(|query| query.name.as_str()).collect();
    assert_eq!(names, ["stale-policies", "scrape-times"]);
    assert!(matches!(&config.queries[0].question, Question::Sql(sql) if sql.starts_with("SELECT")));
    assert!(matches!(&config.queries[1].question, Question::PromQl(promql) if promql.contains("scrape")));
}

#[test]
fn an_absent_section_is_not_configured_and_a_present_one_is_filled_up() {
    let config = with("[web]\n[prometheus]\n", &[]).unwrap();
    assert!(config.slack.is_none() && config.docker.is_none() && config.alertmanager.is_none());
    assert_eq!(config.web.unwrap().listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.prometheus.unwrap().as_str(), "http://127.0.0.1:9090/");
    assert!(
        config.services.is_empty() && config.bot.incident_channels.is_empty(),
        "a list is taken as written"
    );
    assert_eq!(config.store.0.expose_secret(), "sqlite:///var/lib/acgs/acgs.db");
}

#[test]
fn a_secret_comes_from_the_environment_or_a_file_and_its_line_break_goes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "xoxb-from-file\n").unwrap();
    let text = format!("[slack]\nbot_token_file = {:?}\n", file.path());
    let slack = with(&text, SECRETS).unwrap().slack.unwrap();
    assert_eq!(slack.bot_token.expose_secret(), "xoxb-from-file");
    let SlackMode::Socket { app_token } = slack.mode else { panic!("socket mode is the default") };
    assert_eq!(app_token.expose_secret(), "xapp-1");
}

#[test]
fn http_mode_needs_the_signing_secret_and_no_app_token() {
    let only = &[("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_SIGNING_SECRET", "s")];
    let slack = with("[slack]\nmode = \"http\"\n", only).unwrap().slack.unwrap();
    assert!(matches!(slack.mode, SlackMode::Http { .. }));
}

#[test]
fn mistakes_name_file_line_and_key() {
    assert!(
        mistake("[bot]\nnam = \"x\"\n")
            .starts_with("acgs.toml:2: [bot] nam: unknown field `nam`, expected one of `name`, ")
    );
    insta::assert_snapshot!(mistake("[bot]\nhttp_listen = 8080\n"), @"acgs.toml:2: [bot] http_listen: invalid type: integer `8080`, expected socket address");
    insta::assert_snapshot!(mistake("[bot]\nincident_channels = [\"C012\"]\n"), @r#"acgs.toml:2: [bot] incident_channels: "C012" is not a room: write it as platform:id, for example slack:C0123456789"#);
    insta::assert_snapshot!(mistake("[slack]\nbot_token_env = \"NOPE\"\napp_token_env = \"NOPE\"\n"), @"acgs.toml:1: [slack] app_token_env names the environment variable NOPE, which is not set");
    insta::assert_snapshot!(mistake("[slack]\napp_token_file = \"/no/such/file\"\n"), @"acgs.toml:1: [slack] app_token_file: /no/such/file can't be read: No such file or directory (os error 2)");
    insta::assert_snapshot!(mistake("[discord]\ntoken_env = \"A\"\ntoken_file = \"b\"\n"), @"acgs.toml:1: [discord] token is given twice: keep one of token, token_env and token_file");
    insta::assert_snapshot!(mistake("\n[[service]]\nname = \"Auth\"\nurl = \"http://a\"\n"), @r#"acgs.toml:3: [[service]] name: "Auth" is not a service name: use 1 to 63 of a-z, 0-9, '_', '-' and '.', starting with a letter or a digit"#);
    insta::assert_snapshot!(mistake("[[service]]\nname = \"a\"\nurl = \"http://a\"\n[[service]]\nname = \"a\"\nurl = \"http://b\"\n"), @r#"acgs.toml:4: [[service]] name "a" is listed twice"#);
    insta::assert_snapshot!(mistake("[[service]]\nname = \"a\"\nurl = \"ftp://a\"\n"), @"acgs.toml:3: [[service]] url must be http:// or https://");
    insta::assert_snapshot!(mistake("[[person]]\nname = \"A\"\nslack = \"U1\"\nroles = []\n"), @r#"acgs.toml:1: [[person]] roles of "A" is empty: give viewer, operator, approver or admin, or remove the entry"#);
    insta::assert_snapshot!(mistake("[[person]]\nname = \"A\"\nroles = [\"admin\"]\n"), @r#"acgs.toml:1: [[person]] "A" has no account: give slack, discord, web or cli"#);
    insta::assert_snapshot!(mistake("[bot]\nincident_channels = [\"slack:C1\"]\n[docker]\n"), @"acgs.toml:3: [docker] too few people to vote on what is change: it takes the votes of 1 with the role operator or more, who are not the one that asks, and there are 0 in all. Add [[person]] entries, or take incident_channels out of [bot] where nothing is to be done");
    insta::assert_snapshot!(mistake("[bot]\nlog = \"xml\"\n"), @"acgs.toml:2: [bot] log: unknown variant `xml`, expected `json` or `human`");
    assert!(
        mistake("[slak]\n").starts_with("acgs.toml:1: slak: unknown field `slak`, expected one of `bot`, ")
    );
    insta::assert_snapshot!(mistake("[bot]\nname = \"a\"\nname = \"b\"\n"), @"acgs.toml:3: `name`: duplicate key");
    insta::assert_snapshot!(mistake("[[service]]\nname = \"a\"\n"), @"acgs.toml:1: [[service]] missing field `url`");
    insta::assert_snapshot!(mistake("[[service]]\nname = \"a\"\nurl = 7\n"), @"acgs.toml:3: [[service]] url: invalid type: integer `7`, expected a string representing an URL");
    insta::assert_snapshot!(mistake("[[person]]\nname = \"A\"\nroles = [\"king\"]\n"), @"acgs.toml:3: [[person]] roles: unknown variant `king`, expected one of `viewer`, `operator`, `approver`, `admin`");
    insta::assert_snapshot!(mistake("[[person]]\nname = \"A\"\nslack = \" \"\nroles = [\"admin\"]\n"), @r#"acgs.toml:1: [[person]] slack of "A" is blank: remove the key"#);
    insta::assert_snapshot!(mistake("[bot]\ndata_dir = \"here\"\n"), @"acgs.toml:2: [bot] data_dir must be an absolute path");
    insta::assert_snapshot!(mistake("[backups]\ndir = \"here\"\n"), @"acgs.toml:2: [backups] dir must be an absolute path");
    insta::assert_snapshot!(mistake("[grafana]\nurl = \"http://admin:admin123@grafana:3001\"\n"), @"acgs.toml:2: [grafana] url must hold no user and no password: give a service account's token_env");
    insta::assert_snapshot!(mistake("[grafana]\nlink = \"ftp://a\"\n"), @"acgs.toml:2: [grafana] link must be http:// or https://");
    insta::assert_snapshot!(mistake("[grafana]\ntoken_env = \"NOPE\"\n"), @"acgs.toml:1: [grafana] token_env names the environment variable NOPE, which is not set");
    insta::assert_snapshot!(mistake("[grafana.dashboards]\noverview = \"../../api/admin\"\n"), @"acgs.toml:2: [grafana.dashboards] overview has no uid as Grafana makes them: use 1 to 40 of a-z, A-Z, 0-9, '-' and '_'");
    let thirteen: String = (0..13).map(|n| format!("d{n} = \"u\"\n")).collect();
    insta::assert_snapshot!(mistake(&format!("[grafana.dashboards]\n{thirteen}")), @"acgs.toml:1: [grafana.dashboards] has 13, at most 12");
    insta::assert_snapshot!(mistake("[[secret]]\nservice = \"a\"\nvariable = \"A\"\n"), @r#"acgs.toml:1: [[secret]] service "a" is no [[service]]"#);
    let secret = |rest: &str| {
        mistake(&format!(
            "[[service]]\nname = \"a\"\nurl = \"http://a\"\n[[secret]]\nservice = \"a\"\n{rest}"
        ))
    };
    insta::assert_snapshot!(secret("variable = \"hunter2!\"\n"), @"acgs.toml:4: [[secret]] variable must be the name of an environment variable: letters, digits and _");
    insta::assert_snapshot!(secret("variable = \"A\"\nenv_file = \".env\"\n"), @"acgs.toml:4: [[secret]] env_file must be an absolute path");
    insta::assert_snapshot!(secret("variable = \"A\"\n[[secret]]\nservice = \"a\"\nvariable = \"A\"\n"), @"acgs.toml:7: [[secret]] variable A of a is listed twice");
    insta::assert_snapshot!(mistake("[store]\nurl = \"mysql://a\"\n"), @"acgs.toml:1: [store] url is of no known kind: write sqlite:///absolute/path.db or postgres://user@host/database");
    insta::assert_snapshot!(mistake("[postgres]\nurl = \"mysql://a:hush@b\"\n"), @"acgs.toml:1: [postgres] url: the database's address can't be read: write it as postgres://user@host:5432/database, with any of / ? # @ : % in a password percent-encoded");
    insta::assert_snapshot!(mistake("[postgres]\nurl = \"postgres://a@b/c\"\ncontainer = \" \"\n"), @"acgs.toml:3: [postgres] container is blank: remove the key");
    insta::assert_snapshot!(mistake("[postgres]\nurl = \"postgres://a@b/c\"\ncontainer = \"db\"\nmaintenance_database = \"host=evil\"\n"), @"acgs.toml:4: [postgres] maintenance_database: a database's name has up to 63 letters, digits, _, - and ., and begins with a letter or _");
    insta::assert_snapshot!(mistake("[prometheus]\nurl = \"ftp://a\"\n"), @"acgs.toml:2: [prometheus] url must be http:// or https://");
    insta::assert_snapshot!(mistake("[alertmanager]\nurl = \"not a url\"\n"), @r#"acgs.toml:2: [alertmanager] url: relative URL without a base: "not a url""#);
    insta::assert_snapshot!(mistake("[docker]\nhost = \"ssh://a\"\n[[person]]\nname = \"A\"\nslack = \"U1\"\nroles = [\"admin\"]\n"), @r#"acgs.toml:2: [docker] host: "ssh://a" is not an address of Docker: write unix:///var/run/docker.sock, or tcp://host:2375 for a proxy"#);
    insta::assert_snapshot!(mistake("[docker]\nhost = 1\n"), @"acgs.toml:2: [docker] host: invalid type: integer `1`, expected a string");
    insta::assert_snapshot!(mistake("[bot]\n[bot]\n"), @"acgs.toml:2: `bot`: duplicate key");
    insta::assert_snapshot!(mistake("[store]\nurl = postgres://a:hush@b\n"), @"acgs.toml:2: string values must be quoted, expected literal string");
    insta::assert_snapshot!(mistake("[store]\nurl = \"postgres://a:hush@b\n"), @r#"acgs.toml:2: invalid basic string, expected `"`"#);
    insta::assert_snapshot!(mistake("[auth]\nurl = \"ftp://a\"\ncanary_password_file = \"/dev/null\"\n"), @"acgs.toml:1: [auth] canary_password is blank: put the secret where canary_password_env or canary_password_file points");
    insta::assert_snapshot!(mistake("[oncall]\non_call = [\"Nobody\"]\n"), @r#"acgs.toml:1: [oncall] no [[person]] has the name "Nobody""#);
    insta::assert_snapshot!(mistake("[[contact]]\nname = \"A\"\n"), @r#"acgs.toml:1: [[contact]] "A" can't be reached: give phone, mail or url"#);
    let query = |keys: &str| {
        mistake(&format!(
            "[postgres]\nurl = \"postgres://a@b/c\"\n[prometheus]\n[[query]]\ndescription = \"d\"\n{keys}"
        ))
    };
    insta::assert_snapshot!(query("name = \"Stale Ones\"\nsql = \"SELECT 1\"\n"), @r#"acgs.toml:6: [[query]] name: "Stale Ones" is no word to type: use 1 to 32 of a-z, 0-9, '_' and '-', starting with a letter"#);
    insta::assert_snapshot!(query("name = \"a\"\n"), @r#"acgs.toml:4: [[query]] "a" needs either sql or promql, and not both"#);
    insta::assert_snapshot!(query("name = \"a\"\nsql = \"SELECT 1\"\npromql = \"up\"\n"), @r#"acgs.toml:4: [[query]] "a" needs either sql or promql, and not both"#);
    insta::assert_snapshot!(query("name = \"a\"\nsql = \"SELECT 1; DROP TABLE users\"\n"), @r#"acgs.toml:7: [[query]] sql of "a" must be one statement, without a semicolon"#);
    insta::assert_snapshot!(query("name = \"a\"\nsql = \"DELETE FROM users\"\n"), @r#"acgs.toml:7: [[query]] sql of "a" must begin with SELECT, WITH, TABLE or VALUES"#);
    insta::assert_snapshot!(query("name = \"a\"\npromql = \" \"\n"), @r#"acgs.toml:7: [[query]] promql of "a" is empty"#);
    insta::assert_snapshot!(query("name = \"a\"\npromql = \"up\"\n[[query]]\nname = \"a\"\ndescription = \"d\"\npromql = \"up\"\n"), @r#"acgs.toml:9: [[query]] name "a" is listed twice"#);
    insta::assert_snapshot!(mistake("[[query]]\nname = \"a\"\ndescription = \" \"\nsql = \"SELECT 1\"\n"), @r#"acgs.toml:3: [[query]] description of "a" must have 1 to 100 characters"#);
    insta::assert_snapshot!(mistake("[[query]]\nname = \"a\"\ndescription = \"d\"\nsql = \"SELECT 1\"\n"), @r#"acgs.toml:4: [[query]] sql of "a" needs [postgres]"#);
    insta::assert_snapshot!(mistake("[[query]]\nname = \"a\"\ndescription = \"d\"\npromql = \"up\"\n"), @r#"acgs.toml:4: [[query]] promql of "a" needs [prometheus]"#);
    insta::assert_snapshot!(mistake("[security]\ntrivy_reports = \"here\"\n"), @"acgs.toml:2: [security] trivy_reports must be an absolute path");
    insta::assert_snapshot!(mistake("[security]\npackage_lists = \"here\"\n"), @"acgs.toml:2: [security] package_lists must be an absolute path");
    insta::assert_snapshot!(mistake("[[index]]\nname = \"a\"\ntable = \"t; DROP TABLE x\"\ncolumns = [\"c\"]\n"), @r#"acgs.toml:1: [[index]] "t; DROP TABLE x" is no name: use up to 63 letters, digits and _"#);
    insta::assert_snapshot!(mistake("[[index]]\nname = \"a\"\ntable = \"t\"\ncolumns = []\n"), @r#"acgs.toml:1: [[index]] columns of "a" is empty"#);
    let task = |keys: &str| mistake(&format!("[[task]]\nevery = \"weekly\"\n{keys}"));
    insta::assert_snapshot!(task("name = \"Log Review\"\nwhat = \"w\"\n"), @r#"acgs.toml:3: [[task]] name: "Log Review" is no word to type: use 1 to 32 of a-z, 0-9, '_' and '-', starting with a letter"#);
    insta::assert_snapshot!(task("name = \"a\"\nwhat = \" \"\n"), @r#"acgs.toml:4: [[task]] what of "a" must have 1 to 300 characters"#);
    insta::assert_snapshot!(task("name = \"a\"\nwhat = \"w\"\nline = \"securty review\"\n"), @r#"acgs.toml:5: [[task]] line "securty review": There is no command "securty". Did you mean security? Type help for the list."#);
    insta::assert_snapshot!(task("name = \"a\"\nwhat = \"w\"\n[[task]]\nname = \"a\"\nevery = \"monthly\"\nwhat = \"w\"\n"), @r#"acgs.toml:6: [[task]] name "a" is listed twice"#);
    insta::assert_snapshot!(mistake("[[task]]\nname = \"a\"\nwhat = \"w\"\nevery = \"daily\"\n"), @"acgs.toml:4: [[task]] every: unknown variant `daily`, expected one of `weekly`, `monthly`, `quarterly`");
    insta::assert_snapshot!(mistake("not toml"), @"acgs.toml:1: key with no value, expected `=`");
}

#[test]
fn one_account_belongs_to_one_person() {
    let text = "[[person]]\nname = \"A\"\nslack = \"U1\"\nroles = [\"viewer\"]\n[[person]]\nname = \"B\"\nslack = \"U1\"\nroles = [\"viewer\"]\n";
    insta::assert_snapshot!(mistake(text), @r#"acgs.toml:5: [[person]] slack = "U1" belongs to two people"#);
}

#[test]
fn a_token_never_crosses_a_network_in_the_clear() {
    for (url, fine) in [
        ("http://127.0.0.1:9/", true),
        ("http://[::1]:9/", true),
        ("http://localhost:9/", true),
        ("https://slack.example/", true),
        ("http://slack.example/", false),
        ("http://127.0.0.1.example/", false),
        ("ftp://127.0.0.1/", false),
    ] {
        let text = format!("[slack]\napi_url = {url:?}\n");
        assert_eq!(with(&text, SECRETS).is_ok(), fine, "{url}");
    }
}

#[test]
fn printing_a_configuration_shows_no_secret() {
    let printed = format!("{:?}", with(DEFAULTS, SECRETS).unwrap());
    for (_, secret) in SECRETS {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn redaction_knows_every_secret() {
    let secrets = with(DEFAULTS, SECRETS).unwrap().secrets();
    assert_eq!(secrets, ["xoxb-1", "xapp-1", "discord-1", "canary-1", "hush"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/no/such/acgs.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/no/such/acgs.toml: can't be read: No such file"), "{error}");
}

const APPROVER: &str = "[[person]]\nname = \"A\"\nslack = \"U1\"\nroles = [\"approver\"]\n";

#[test]
fn compose_is_called_with_absolute_paths_or_never() {
    let docker = |lines: &str| format!("[docker]\n{lines}{APPROVER}");
    let none = with(&docker(""), SECRETS).unwrap().docker.unwrap();
    assert!(none.compose.is_none() && none.database == "postgres_db");
    assert!(none.monitoring.iter().any(|service| service == "prometheus"));
    let whole = "compose_project = \"p\"\ncompose_file = \"/a/b/c.yml\"\nenv_file = \"/a/.env\"\n";
    let compose = with(&docker(whole), SECRETS).unwrap().docker.unwrap().compose.unwrap();
    assert_eq!(compose.directory, PathBuf::from("/a/b"));
    assert_eq!(compose.programs.len(), 3);
    insta::assert_snapshot!(mistake(&docker("compose_file = \"/a/c.yml\"\n")), @"acgs.toml:2: [docker] env_file is missing: name the file with Compose's variables");
    insta::assert_snapshot!(mistake(&docker("compose_file = \"c.yml\"\nenv_file = \"/a/.env\"\n")), @"acgs.toml:2: [docker] compose_file must be an absolute path");
    insta::assert_snapshot!(mistake(&docker("compose_file = \"/a/c.yml\"\nenv_file = \"/a/.env\"\n")), @"acgs.toml:1: [docker] compose_file needs compose_project: name the project that the file is of");
    insta::assert_snapshot!(mistake(&docker("env_file = \"/a/.env\"\n")), @"acgs.toml:2: [docker] project_directory and env_file are for Compose: give compose_file as well");
    insta::assert_snapshot!(mistake(&docker(&format!("{whole}compose = [\"docker-compose\"]\n"))), @"acgs.toml:5: [docker] compose must be an absolute path");
}

#[test]
fn what_is_rotated_stands_in_one_file() {
    let service = "[[service]]\nname = \"a\"\nurl = \"http://a\"\n";
    let secret = |rest: &str| format!("[[secret]]\nservice = \"a\"\nvariable = \"{rest}\n");
    let good = format!(
        "{service}{}{}",
        secret("K\"\nenv_file = \"/e\"\nrotate = \"jwt\""),
        secret("L\"\nenv_file = \"/e\"\nrotate = \"jwt\"\nlength = 32")
    );
    let secrets = with(&good, SECRETS).unwrap().checked_secrets;
    assert_eq!(secrets.iter().map(|secret| secret.length).collect::<Vec<_>>(), [64, 32]);
    let with_service = |rest: &str| mistake(&format!("{service}{}", secret(rest)));
    insta::assert_snapshot!(with_service("K\"\nrotate = \"jwt\""), @"acgs.toml:4: [[secret]] rotate needs env_file: a new value that stands in no file is lost");
    insta::assert_snapshot!(with_service("K\"\nenv_file = \"/e\"\nrotate = \"jwt\"\nlength = 8"), @"acgs.toml:4: [[secret]] length must be 32 to 256 characters");
    let two_files = format!(
        "{service}{}{}",
        secret("K\"\nenv_file = \"/e\"\nrotate = \"csrf\""),
        secret("L\"\nenv_file = \"/f\"\nrotate = \"csrf\"")
    );
    insta::assert_snapshot!(mistake(&two_files), @"acgs.toml:9: [[secret]] all entries with the same rotate must have the same env_file");
}

#[test]
fn a_setting_has_limits_and_a_place_of_its_own() {
    let service =
        "[[service]]\nname = \"a\"\nurl = \"http://a\"\n[[service]]\nname = \"b\"\nurl = \"http://b\"\n";
    let setting = |service: &str, rest: &str| {
        format!("[[setting]]\nservice = \"{service}\"\nkey = \"POOL\"\nenv_file = \"/e\"\n{rest}\n")
    };
    let one = |rest: &str| mistake(&format!("{service}{}", setting("a", rest)));
    let good = format!("{service}{}", setting("a", "min = 1\nmax = 9\nconnections = true"));
    let settings = with(&good, SECRETS).unwrap().settings;
    assert_eq!(settings[0].kind, SettingKind::Number { min: 1, max: 9, connections: true });
    assert_eq!(settings[0].in_file, "POOL");
    for rest in [
        "",
        "min = 1",
        "min = 9\nmax = 1",
        "one_of = []",
        "one_of = [\"a\"]\nmin = 1\nmax = 2",
        "url_schemes = [\"redis\"]\nconnections = true",
    ] {
        assert!(one(rest).contains("POOL needs either min and max"), "{rest}: {}", one(rest));
    }
    insta::assert_snapshot!(one("file_key = \"a b\"\nmin = 1\nmax = 2"), @"acgs.toml:7: [[setting]] key and file_key must be names of environment variables: letters, digits and _");
    let shared = format!("{service}{}{}", setting("a", "min = 1\nmax = 2"), setting("b", "min = 1\nmax = 2"));
    assert!(
        mistake(&shared).contains("POOL in /e is also that of a: give each service a file_key of its own")
    );
    let twice = format!(
        "{service}{}{}",
        setting("a", "min = 1\nmax = 2"),
        setting("a", "file_key = \"B\"\nmin = 1\nmax = 2")
    );
    assert!(mistake(&twice).contains("POOL of a is listed twice"));
    assert!(mistake(&setting("nobody", "min = 1\nmax = 2")).contains("is no [[service]]"));
}

#[test]
fn the_shipped_schedule_is_the_runbooks() {
    use commands::escalation::Only;
    use commands::incident::Severity;
    let schedule = with(DEFAULTS, SECRETS).unwrap().escalation.expect("one is shipped");
    let steps = |severity| -> Vec<String> {
        let steps = schedule.ladder(severity).steps.iter();
        let only = |only| match only {
            Only::Unresolved => "",
            Only::Unacknowledged => ", not acknowledged",
            Only::Security => ", security",
        };
        steps
            .map(|step| format!("{} {} {}{}", step.after / 60, step.how, step.tell.key(), only(step.only)))
            .collect()
    };
    let p0 = [
        "0 page on_call",
        "0 notify engineering_manager",
        "0 notify cto, security",
        "0 page security, security",
        "5 notify devops_lead, not acknowledged",
        "30 page devops_lead",
        "60 page engineering_manager",
        "120 page cto",
    ];
    assert_eq!(steps(Severity::P0), p0);
    let p1 = [
        "0 page on_call",
        "30 page devops_lead",
        "30 notify cto, security",
        "30 page security, security",
        "120 page devops_lead",
        "240 page engineering_manager",
        "480 notify cto",
    ];
    assert_eq!(steps(Severity::P1), p1);
    let p2 = ["0 notify on_call", "120 page on_call, not acknowledged", "240 page devops_lead"];
    assert_eq!(steps(Severity::P2), p2);
    let lengths = |severity| {
        let ladder = schedule.ladder(severity);
        let lengths = [
            Some(ladder.respond_within),
            ladder.repage_every,
            ladder.acknowledgement_holds,
            ladder.status_every,
        ];
        lengths.map(|length| length.map(|length| length.as_secs() / 60))
    };
    assert_eq!(lengths(Severity::P0), [Some(5), Some(5), Some(15), Some(15)]);
    assert_eq!(lengths(Severity::P1), [Some(15), Some(15), Some(60), Some(30)]);
    assert_eq!(lengths(Severity::P2), [Some(120), None, None, None]);
}

#[test]
fn the_shipped_examples_of_schedules_are_good_ones() {
    let start = DEFAULTS.find("# [[schedule]]").expect("commented examples");
    let examples = DEFAULTS[start..].lines().take_while(|line| line.starts_with('#'));
    let examples: String =
        examples.map(|line| format!("{}\n", line.trim_start_matches('#').trim_start())).collect();
    let text = format!("[bot]\nincident_channels = [\"slack:C1\"]\n[backups]\n{examples}");
    let config = with(&text, SECRETS).unwrap();
    let lines: Vec<String> = config.schedules.iter().map(|one| one.intent().to_string()).collect();
    assert_eq!(
        lines,
        ["backup create", "backup create --files", "backup archive", "backup verify newest", "backup drill"]
    );
    assert!(config.schedules[0].backs_up() && !config.schedules[1].backs_up());
}

fn says(mistake: &str, what: &str) {
    assert!(mistake.contains(what), "{mistake}");
}

#[test]
fn what_the_bot_does_by_itself_is_checked_at_load() {
    let schedule = |zone: &str, cron: &str, line: &str| {
        let text = format!(
            "[bot]\nincident_channels = [\"slack:C1\"]\n[backups]\n[[schedule]]\nname = \"a\"\ncron = {cron:?}\nzone = {zone:?}\nline = {line:?}\n"
        );
        mistake(&text)
    };
    says(
        &schedule("Mars/Olympus", "0 2 * * *", "backup create"),
        "acgs.toml:7: [[schedule]] zone \"Mars/Olympus\" is no time zone",
    );
    says(&schedule("UTC", "0 2 30 2 *", "backup create"), "never comes: there is no such day");
    says(&schedule("UTC", "0 2 * * *", "stack stop"), "line \"stack stop\" takes people: backup create");
    says(&schedule("UTC", "0 2 * * *", "backup creat"), "Did you mean backup create?");
    let alone =
        "[[schedule]]\nname = \"a\"\ncron = \"0 2 * * *\"\nzone = \"UTC\"\nline = \"backup create\"\n";
    says(&mistake(alone), "needs [bot] incident_channels");
    says(&mistake(&format!("[bot]\nincident_channels = [\"slack:C1\"]\n{alone}")), "needs [backups]");
}

#[test]
fn what_migrates_and_what_is_never_shut_out_is_checked_at_load() {
    let filled = with("[migration]\n", &[]).unwrap().migration.unwrap();
    assert_eq!(filled.like, MigrationLike::Service("alembic-runner".to_owned()));
    assert_eq!(filled.upgrade, ["alembic", "upgrade", "head"]);
    says(
        &mistake("[migration]\nservice = \"a\"\nimage = \"b\"\n"),
        "has service and image: keep one of them",
    );
    says(&mistake("[migration]\nimage = \"b\"\n"), "image needs database_url_env or database_url_file");
    says(&mistake("[migration]\nheads = []\n"), "heads needs a program with its arguments");
    says(&mistake("[migration]\nnetworks = [\"a\"]\n"), "networks are for image");
    let url = &[("URL", "postgres://u:hush-hush@db/x")];
    let image =
        with("[migration]\nimage = \"b\"\nnetworks = [\"n\"]\ndatabase_url_env = \"URL\"\n", url).unwrap();
    assert!(image.secrets().contains(&"hush-hush".to_owned()));
    let firewall = with("[firewall]\nown_networks = [\"198.51.100.7\"]\n", &[]).unwrap().firewall.unwrap();
    assert_eq!(firewall.own_networks.len(), 1);
    says(
        &mistake("[firewall]\nown_networks = [\"nobody\"]\n"),
        "acgs.toml:2: [firewall] own_networks: \"nobody\": write an address as",
    );
    says(&mistake("[firewall]\niptables = \"iptables\"\n"), "[firewall] iptables must be an absolute path");
    says(&mistake("[backups]\nfiles = [\"../etc\"]\n"), "[backups] files must be absolute paths");
}

#[test]
fn the_demo_calls_people_as_the_shipped_configuration_does() {
    let demo = with(include_str!("../../../deploy/demo/demo.toml"), &[]).unwrap();
    assert_eq!(demo.escalation, with(DEFAULTS, SECRETS).unwrap().escalation);
}
