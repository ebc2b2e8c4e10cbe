use commands::ids::RunId;
use commands::redact::Redactor;

use crate::act::{ActError, Job, JobError, JobFault, Template};

use super::*;

fn job<'a>(like: Template<'a>, argv: &'a [&'a str]) -> Job<'a> {
    let run = RunId::from_random(rand::random());
    Job { run, like, argv, env: &[], networks: &[], timeout: PATIENT, lines: 50 }
}

async fn fails(docker: &Acts, job: &Job<'_>) -> JobError {
    docker.run_one_off(job, &Redactor::new([])).await.unwrap_err()
}

#[tokio::test]
async fn a_job_runs_like_its_service_and_leaves_nothing() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let network = stage.network("default");
    let options = [
        "--env",
        "OWN=1",
        "--env",
        "URL=old",
        "-p",
        "127.0.0.1:0:80",
        "--restart",
        "always",
        "--network-alias",
        "web",
    ];
    let name = stage.run_on(&network, "web", &options, &["sleep", "600"]);
    let id = stage.id(&name);
    let env = [("URL".to_owned(), "sec-ret-value".into())];
    let script = "echo $OWN $URL; hostname; busybox nslookup web 127.0.0.11; exit 4";
    let argv = ["sh", "-c", script];
    let asked = Job { env: &env, ..job(Template::Container(&id), &argv) };
    let ended = docker.run_one_off(&asked, &Redactor::new(["sec-ret-value".to_owned()])).await.unwrap();
    assert_eq!((ended.exit_code, ended.left), (4, None));
    let log = ended.log.unwrap();
    let first = &log.sieved.lines[0].text;
    assert!(first.starts_with("1 ") && !first.contains("sec-ret-value"), "{log:?}");
    // The service's name still means the service alone.
    let address = stage.inspect(&name, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    let told: Vec<_> = log.sieved.lines.iter().filter(|line| line.text.contains("10.")).collect();
    assert!(told.iter().all(|line| line.text.contains(&address)) && !told.is_empty(), "{log:?}");
    assert_eq!(docker.one_offs(PATIENT).await.unwrap(), []);
    assert_eq!(docker.targets(PATIENT).await.unwrap().len(), 1);

    // On another network, like an image.
    let other = stage.network("other");
    let networks = [other.as_str(), network.as_str()];
    let asked = Job { networks: &networks, ..job(Template::Image(stage.image()), &["true"]) };
    assert_eq!(docker.run_one_off(&asked, &Redactor::new([])).await.unwrap().exit_code, 0);
}

#[tokio::test]
async fn a_job_that_fails_leaves_nothing_either() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let image = Template::Image(stage.image());
    let slow = Job { timeout: Duration::from_secs(5), ..job(image, &["sh", "-c", "echo begun; sleep 600"]) };
    let error = fails(&docker, &slow).await;
    assert_eq!((&error.why, &error.left), (&JobFault::TimedOut, &None));
    assert_eq!(error.log.unwrap().sieved.lines[0].text, "begun");

    let error = fails(&docker, &job(image, &["/no/such/program"])).await;
    assert!(matches!(&error.why, JobFault::NotStarted(_)), "{error:?}");
    assert_eq!(error.left, None);
    let error = fails(&docker, &job(Template::Image("missing-image:1"), &["true"])).await;
    assert!(matches!(&error.why, JobFault::NotStarted(ActError::Gone(_))), "{error:?}");
    let networks = ["no-such-network"];
    let error = fails(&docker, &Job { networks: &networks, ..job(image, &["true"]) }).await;
    assert!(matches!(&error.why, JobFault::NotStarted(_)), "{error:?}");
    assert_eq!(docker.one_offs(PATIENT).await.unwrap(), []);
}

#[tokio::test]
async fn a_job_that_was_cut_off_is_found() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let asked = job(Template::Image(stage.image()), &["sleep", "600"]);
    let redactor = Redactor::new([]);
    let found = async {
        loop {
            if let Some(one) = docker.one_offs(PATIENT).await.unwrap().pop().filter(|one| one.running) {
                return one;
            }
        }
    };
    let found = tokio::select! {
        _ = docker.run_one_off(&asked, &redactor) => panic!("it does not end"),
        found = timeout(PATIENT, found) => found.expect("it runs"),
    };
    assert_eq!(found.run, asked.run.to_string());
    // There is one job of a run.
    let error = fails(&docker, &asked).await;
    assert!(matches!(&error.why, JobFault::NotStarted(ActError::Conflict(_))), "{error:?}");
    let service = stage.id(&stage.run_idle("web", &[]));
    let refused = docker.remove_one_off(&service).await.unwrap_err();
    assert!(matches!(refused, ActError::Conflict(_)), "{refused:?}");
    docker.remove_one_off(&found.id).await.unwrap();
    assert_eq!(docker.one_offs(PATIENT).await.unwrap(), []);
}
