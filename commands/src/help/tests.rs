use super::*;

fn page(topic: &[&str], role: Option<Role>) -> Result<Help, ParseError> {
    let topic: Vec<_> = topic.iter().map(|word| (*word).to_owned()).collect();
    Grammar::new(Vec::new()).help(&topic, role)
}

#[test]
fn help_shows_what_the_asker_may_run() {
    let viewer = page(&[], Some(Role::Viewer)).unwrap();
    assert_eq!((viewer.usage.as_str(), viewer.text.as_str()), ("COMMAND", "Runbook bot of ACGS-PGP"));
    let health = (
        "health [SERVICE] [--wait SECONDS] [--watch TIME] [--deep] [--public]",
        "How the platform is right now",
    );
    assert!(viewer.commands.contains(&(health.0.to_owned(), health.1.to_owned())), "{viewer}");
    assert!(!viewer.commands.iter().any(|(usage, _)| usage.starts_with("audit")), "{viewer}");
    let admin = page(&[], Some(Role::Admin)).unwrap();
    assert!(admin.commands.iter().any(|(usage, _)| usage.starts_with("audit ")));
    assert_eq!(page(&[], None).unwrap().commands, []);
}

#[test]
fn help_explains_one_command() {
    insta::assert_snapshot!(page(&["health"], Some(Role::Viewer)).unwrap(), @r"
    health [SERVICE] [--wait SECONDS] [--watch TIME] [--deep] [--public]
    Asks every service, the database, Prometheus and Alertmanager at once and shows the sick ones first. With a service it shows that one in detail; with --wait it asks again until three good answers came in a row or the seconds are over. With --deep it also logs in as the canary, reads something from each service, looks at errors and compares the newest backup's rows with the database, since a platform can be up and not work. With --watch it looks at a service every few seconds for that long, says nothing while nothing changes, tells each change by a message of its own, and ends with a verdict. With --public it asks the public address and says for how long its certificate is good.
      [SERVICE]
          One service, in detail
      [--wait SECONDS]
          Ask until it is well
      [--watch TIME]
          Tell changes, as 15m
      [--deep]
          Also logins and reads
      [--public]
          From outside, with TLS
      > health
      > health auth_service
      > health auth_service --wait 60
      > health auth_service --watch 15m
      > health --deep
      > health --public
    Risk read, role viewer.
    ");
    insta::assert_snapshot!(page(&["Audit"], Some(Role::Admin)).unwrap(), @r"
    audit [--last N] [--person NAME] [--run RUNID]
    Shows the last 20 rows of the audit trail, or as many as --last says, the newest first. --person and --run narrow it down; a run id stands under every answer.
      [--last N]
          Rows to show
      [--person NAME]
          One person's rows
      [--run RUNID]
          One run's rows
      > audit
      > audit --last 50 --person alice
      > audit --run 00c0ffee1234
    Risk read, role admin.
    ");
}

#[test]
fn help_on_what_one_may_not_run_says_who_may() {
    insta::assert_snapshot!(page(&["audit"], Some(Role::Approver)).unwrap_err(), @"audit is for people with the role admin: ask one of them.");
    insta::assert_snapshot!(page(&["health"], None).unwrap_err(), @"health is for people with the role viewer: ask one of them.");
    insta::assert_snapshot!(page(&["helth"], Some(Role::Viewer)).unwrap_err(), @r#"There is no command "helth". Did you mean health? Type help for the list."#);
}
