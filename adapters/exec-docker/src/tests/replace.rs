use commands::workload::ContainerId;
use secrecy::SecretString;

use crate::act::{ActError, ReplaceStep, ReplaceWith, Replaced, ReplacementState};

use super::*;

fn key(value: &str) -> [(String, SecretString); 1] {
    [("KEY".to_owned(), value.into())]
}

/// A service on two networks, with an address of its own, a volume without a name, and a port.
fn serve(stage: &Stage) -> String {
    let network = format!("{}_fixed", stage.project);
    let label = format!("com.docker.compose.project={}", stage.project);
    let third = rand::random::<u8>();
    let subnet = format!("10.251.{third}.0/24");
    stage.docker(&["network", "create", "--label", &label, "--subnet", &subnet, &network]);
    let address = format!("10.251.{third}.77");
    let options = [
        "--env",
        "KEY=old",
        "--env",
        "OTHER=1",
        "--network-alias",
        "auth",
        "--ip",
        &address,
        "-v",
        "/data",
        "--stop-timeout",
        "1",
    ];
    let name = stage.run_on(&network, "auth", &options, &["sh", "-c", "cat /data/note; sleep 600"]);
    let other = stage.network("other");
    stage.docker(&["network", "connect", "--alias", "auth2", &other, &name]);
    stage.docker(&["exec", &name, "sh", "-c", "echo kept > /data/note"]);
    name
}

const LOOKS: [&str; 8] = [
    "{{.Name}}",
    "{{.Image}} {{.Config.Image}}",
    "{{json .Config.Cmd}}",
    "{{json .HostConfig.NetworkMode}}",
    "{{json .HostConfig.RestartPolicy}}",
    "{{range .NetworkSettings.Networks}}{{.IPAMConfig}} {{end}}",
    "{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}",
    "{{index .Config.Labels \"com.docker.compose.service\"}}",
];

#[tokio::test]
async fn a_container_is_swapped_with_all_that_it_had() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = serve(&stage);
    let old = stage.id(&name);
    let before = LOOKS.map(|format| stage.inspect(old.as_str(), format));
    let env = key("new=1");
    let replaced = docker.replace_container(&old, ReplaceWith { env: &env, image: None }).await.unwrap();
    let new = replaced.new.clone();
    assert_eq!(replaced, Replaced { name: name.clone(), old: old.clone(), new: new.clone() });
    assert_eq!(LOOKS.map(|format| stage.inspect(new.as_str(), format)), before);
    let env_of = |id: &ContainerId| stage.inspect(id.as_str(), "{{json .Config.Env}}");
    let wanted = crate::fingerprint::of_text("new=1").unwrap();
    assert_eq!(docker.env_fingerprint(&new, "KEY", PATIENT).await.unwrap(), Some(wanted));
    assert!(env_of(&new).contains("OTHER=1") && !env_of(&new).contains("KEY=old"));
    assert!(env_of(&old).contains("KEY=old"));
    for (network, alias) in [("fixed", "auth"), ("other", "auth2")] {
        let format =
            format!("{{{{json (index .NetworkSettings.Networks \"{}_{network}\").Aliases}}}}", stage.project);
        let aliases = stage.inspect(new.as_str(), &format);
        assert!(aliases.contains(&format!("\"{alias}\"")) && !aliases.contains(old.short()), "{aliases}");
    }
    assert_eq!(stage.docker(&["exec", &name, "cat", "/data/note"]), "kept\n");
    let ReplacementState::Both { old: kept, new: current } = docker.replacement_state(&name).await.unwrap()
    else {
        panic!("both are there");
    };
    assert_eq!((kept.id, kept.running, current.id, current.running), (old.clone(), false, new.clone(), true));
    assert!(docker.target(&old, PATIENT).await.unwrap().unwrap().replaced);
    assert!(!docker.target(&new, PATIENT).await.unwrap().unwrap().replaced);
    // What is asked about the service is the new one, though the old one is there.
    assert_eq!(look(&docker, by_label("auth")).await.unwrap().id, new.as_str());

    let error = docker.finish_replacement(&new).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
    docker.finish_replacement(&old).await.unwrap();
    assert!(
        matches!(docker.replacement_state(&name).await.unwrap(), ReplacementState::Whole(half) if half.id == new)
    );
    // The volume is the new one's, and outlives the old container.
    assert_eq!(stage.docker(&["exec", &name, "cat", "/data/note"]), "kept\n");
    let error = docker.finish_replacement(&old).await.unwrap_err();
    assert!(matches!(error, ActError::Gone(_)), "{error:?}");
}

#[tokio::test]
async fn a_swap_is_undone() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = serve(&stage);
    let old = stage.id(&name);
    let before = docker.target(&old, PATIENT).await.unwrap().unwrap();
    let env = key("new");
    let replaced = docker.replace_container(&old, ReplaceWith { env: &env, image: None }).await.unwrap();
    // Twice, as after an answer that was lost.
    for _ in 0..2 {
        docker.undo_replacement(&old, Some(&replaced.new), &name).await.unwrap();
    }
    let after = docker.target(&old, PATIENT).await.unwrap().unwrap();
    assert_eq!((&after.container.name, after.container.state), (&name, ContainerState::Running));
    assert_eq!(after.configuration, before.configuration);
    assert_eq!(docker.target(&replaced.new, PATIENT).await.unwrap(), None);
    let stranger = stage.id(&stage.run_idle("web", &[]));
    let error = docker.undo_replacement(&old, Some(&stranger), &name).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
    let error = docker.undo_replacement(&stranger, None, &name).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_done_changes_nothing() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("auth", &[]);
    let id = stage.id(&name);
    let before = docker.target(&id, PATIENT).await.unwrap();
    let bad = [("A=B".to_owned(), "x".into())];
    for with in [
        ReplaceWith { image: Some("missing-image:1"), env: &[] },
        ReplaceWith { image: Some("../x"), env: &[] },
        ReplaceWith { image: None, env: &bad },
    ] {
        let error = docker.replace_container(&id, with).await.unwrap_err();
        assert_eq!((error.step, error.why.may_have_acted()), (ReplaceStep::Look, false), "{error}");
    }
    let fleeting = stage.id(&stage.run_idle("fleeting", &["--rm"]));
    let error = docker.replace_container(&fleeting, ReplaceWith::default()).await.unwrap_err();
    assert!(matches!(error.why, ActError::Conflict(_)), "{error:?}");
    let (_, stranger) = (stage.docker(&["kill", fleeting.as_str()]), stage.id(&name));
    assert_eq!(docker.target(&stranger, PATIENT).await.unwrap(), before);

    // The name that the old one would get is taken.
    let taken = format!("{name}_old_{}", id.short());
    let blocking = stage.run_idle("web", &[]);
    stage.docker(&["rename", &blocking, &taken]);
    let error = docker.replace_container(&id, ReplaceWith::default()).await.unwrap_err();
    assert_eq!(error.step, ReplaceStep::Rename);
    assert!(matches!(error.why, ActError::Conflict(_)), "{error:?}");
    assert_eq!(docker.target(&id, PATIENT).await.unwrap(), before);
}

#[tokio::test]
async fn a_swap_that_was_cut_off_is_found_and_goes_on_or_back() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = serve(&stage);
    let old = stage.id(&name);
    let kept = format!("{name}_old_{}", old.short());
    // Cut off after the renaming.
    stage.docker(&["rename", &name, &kept]);
    let ReplacementState::Renamed { old: half } = docker.replacement_state(&name).await.unwrap() else {
        panic!("the old one is there");
    };
    assert_eq!((half.id, half.running), (old.clone(), true));
    let env = key("new");
    let with = ReplaceWith { env: &env, image: None };
    let first = docker.replace_container(&old, with).await.unwrap();
    assert_eq!(first.name, name);
    // The new one ran: it is not thrown away for another one.
    let error = docker.replace_container(&old, with).await.unwrap_err();
    assert!(matches!(error.why, ActError::Conflict(_)), "{error:?}");
    docker.undo_replacement(&old, Some(&first.new), &name).await.unwrap();

    // Cut off after the making: the new one that never ran is made anew.
    stage.docker(&["rename", &name, &kept]);
    let replaces = format!("acgs.replaces={old}");
    let label = format!("com.docker.compose.project={}", stage.project);
    stage.docker(&[
        "create",
        "--name",
        &name,
        "--net",
        "none",
        "--label",
        &replaces,
        "--label",
        &label,
        stage.image(),
        "sleep",
        "9",
    ]);
    let unused = stage.id(&name);
    let second = docker.replace_container(&old, with).await.unwrap();
    assert_eq!(docker.target(&unused, PATIENT).await.unwrap(), None);
    assert_eq!(stage.id(&name), second.new);
    // Undone without the new one's id being known, the name is still taken.
    let error = docker.undo_replacement(&old, None, &name).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
    assert_eq!(docker.replacement_state("no/name").await.unwrap(), ReplacementState::Nothing);
    assert_eq!(docker.replacement_state("nothing-so-called").await.unwrap(), ReplacementState::Nothing);
}

#[tokio::test]
async fn another_image_brings_its_own_defaults_and_keeps_what_was_set() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let built = |name: &str, change: &[&str]| {
        let container = stage.run("build", &[], &["true"]);
        stage.docker(&["wait", &container]);
        let name = format!("{}-{name}", stage.project);
        stage.docker(&[&["commit"], change, &[&container, &name]].concat());
        stage.docker(&["rm", &container]);
        name
    };
    let sleeps = r#"CMD ["sleep", "601"]"#;
    let one = built("one", &["-c", "ENV VERSION=1", "-c", r#"CMD ["sleep", "600"]"#]);
    let two = built("two", &["-c", "ENV VERSION=2", "-c", sleeps]);
    let label = format!("com.docker.compose.project={}", stage.project);
    let name = format!("{}-swapped", stage.project);
    stage.docker(&["run", "-d", "--name", &name, "--net", "none", "--label", &label, "--env", "OWN=1", &one]);
    let old = stage.id(&name);
    let replaced = docker.replace_container(&old, ReplaceWith { image: Some(&two), env: &[] }).await.unwrap();
    let of = |format: &str| stage.inspect(replaced.new.as_str(), format);
    assert_eq!(of("{{json .Config.Cmd}}"), r#"["sleep","601"]"#);
    let env = of("{{json .Config.Env}}");
    assert!(env.contains("VERSION=2") && env.contains("OWN=1") && !env.contains("VERSION=1"), "{env}");
    assert_eq!(of("{{.Image}}"), stage.inspect(&two, "{{.Id}}"));
    docker.finish_replacement(&old).await.unwrap();

    // A name that was given to another image means the image that runs.
    stage.docker(&["tag", &one, &two]);
    let pinned = docker.replace_container(&replaced.new, ReplaceWith::default()).await.unwrap();
    assert_eq!(stage.inspect(pinned.new.as_str(), "{{.Image}}"), of("{{.Image}}"));
}

#[tokio::test]
async fn a_new_one_that_does_not_start_leaves_the_way_back() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("auth", &["--stop-timeout", "1"]);
    let old = stage.id(&name);
    // An image in which the command is missing.
    let empty = format!("{}-empty", stage.project);
    let container = stage.run("build", &[], &["sh", "-c", "busybox rm /bin/sleep"]);
    stage.docker(&["wait", &container]);
    stage.docker(&["commit", &container, &empty]);
    stage.docker(&["rm", &container]);
    let error =
        docker.replace_container(&old, ReplaceWith { image: Some(&empty), env: &[] }).await.unwrap_err();
    assert_eq!((error.step, error.name.as_str()), (ReplaceStep::Start, name.as_str()), "{error}");
    docker.undo_replacement(&old, error.new.as_ref(), &name).await.unwrap();
    assert_eq!(look(&docker, by_label("auth")).await.unwrap().state, ContainerState::Running);
    assert!(
        matches!(docker.replacement_state(&name).await.unwrap(), ReplacementState::Whole(half) if half.id == old)
    );
}
