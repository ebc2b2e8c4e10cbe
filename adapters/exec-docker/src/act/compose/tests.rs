use super::*;

fn compose(is_plugin: bool) -> Compose {
    Compose {
        program: "/usr/bin/x".into(),
        is_plugin,
        version: ComposeVersion::V2,
        number: String::new(),
        project: ComposeProject {
            directory: "/srv/infrastructure/docker".into(),
            file: "/srv/infrastructure/docker/docker-compose.yml".into(),
            env_file: "/srv/.env".into(),
            name: "docker".to_owned(),
            docker_host: "unix:///run/docker.sock".to_owned(),
            path: "/usr/bin:/bin".to_owned(),
            home: "/nonexistent".into(),
        },
    }
}

#[test]
fn every_call_names_folder_file_variables_and_project() {
    let common = "--ansi never --project-directory /srv/infrastructure/docker -f /srv/infrastructure/docker/docker-compose.yml \
                  --env-file /srv/.env -p docker";
    let service = "auth_service".parse().unwrap();
    let recreate = "up -d --no-deps --no-build --force-recreate auth_service";
    assert_eq!(compose(false).argv(&recreation(&service)).join(" "), format!("{common} {recreate}"));
    assert_eq!(compose(true).argv(&recreation(&service)).join(" "), format!("compose {common} {recreate}"));
}

#[test]
fn a_version_is_read_from_its_number() {
    for (said, wanted) in
        [("1.29.2\n", ComposeVersion::V1), ("2.26.1-4", ComposeVersion::V2), ("v2.3.3", ComposeVersion::V2)]
    {
        assert_eq!(version(said).unwrap().0, wanted, "{said}");
    }
    assert_eq!(version("5.0.1").unwrap().0, ComposeVersion::V2);
    for said in ["", "docker: 'compose' is not a docker command.", "unknown"] {
        assert_eq!(version(said), None, "{said}");
    }
}

#[test]
fn a_dry_run_tells_what_it_would_do() {
    let dry = |lines: &[&str]| {
        lines.iter().map(|line| format!(" DRY-RUN MODE -  Container {line}\n")).collect::<String>()
    };
    assert!(leaves(&dry(&["auth-1  Running"]), "auth-1"));
    assert!(leaves(&dry(&["auth-1  Starting", "auth-1  Started", "db-1  Recreate"]), "auth-1"));
    assert!(!leaves(&dry(&["auth-1  Recreate", "auth-1  Recreated", "e9_auth-1  Starting"]), "auth-1"));
    assert!(!leaves(&dry(&["auth-1  Creating", "auth-1  Created", "auth-1  Started"]), "auth-1"));
    assert!(!leaves(&dry(&["other-1  Running"]), "auth-1"));
    assert!(!leaves("", "auth-1"));
}

#[test]
fn variables_without_a_value_are_named() {
    let said = "The B_KEY variable is not set. Defaulting to a blank string.\n\
        time=\"2026-01-01T00:00:00Z\" level=warning msg=\"The \\\"A_KEY\\\" variable is not set. Defaulting to a blank string.\"\n\
        The B_KEY variable is not set. Defaulting to a blank string.\nother\n";
    assert_eq!(blank(said), ["A_KEY", "B_KEY"]);
    assert!(blank("").is_empty());
}

#[tokio::test]
async fn what_is_no_compose_is_told() {
    let mut project = compose(false).project;
    let candidates = ["/nonexistent/docker", "/bin/true"].map(PathBuf::from);
    let error = Compose::detect(&candidates, project.clone()).await.unwrap_err();
    assert_eq!(error, ComposeError::Missing(vec!["/nonexistent/docker".to_owned(), "/bin/true".to_owned()]));
    project.file = "docker-compose.yml".into();
    let error = Compose::detect(&candidates, project).await.unwrap_err();
    assert_eq!(error, ComposeError::Relative("docker-compose.yml".into()));
}

/// A program in the place of Compose that leaves another one behind it.
#[tokio::test]
async fn what_takes_too_long_is_ended_with_all_that_it_started() {
    let folder = tempfile::TempDir::new().unwrap();
    let script = folder.path().join("script");
    let note = folder.path().join("pid");
    std::fs::write(&script, format!("sleep 600 &\necho $! > {}\necho begun\nwait\n", note.display()))
        .unwrap();
    let mut slow = compose(false);
    slow.program = "/bin/sh".into();
    let error = slow.run(&[script.display().to_string()], &[], Duration::from_secs(1)).await.unwrap_err();
    let ComposeError::TimedOut(output) = error else { panic!("{error:?}") };
    assert_eq!(output.stdout, "begun\n");
    let child: i32 = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
    let gone = async {
        while std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(ASKED, gone).await.expect("it ends");
}
