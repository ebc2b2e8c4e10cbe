use super::*;
use store::AuditOutcome;

fn text(performed: &Performed) -> String {
    report::text(&performed.reply, None, false)
}

#[tokio::test]
async fn a_panic_becomes_a_failure_with_the_run_id() {
    let run = RunId::from_random(0xabc);
    let work = async {
        tokio::task::yield_now().await;
        panic!("a bug")
    };
    let performed = guarded(work, run).await;
    assert_eq!(performed.outcome, AuditOutcome::Failed);
    assert!(text(&performed).contains("run id 000000000abc"), "{}", text(&performed));
}

#[tokio::test]
async fn an_error_becomes_a_failure_that_tells_no_inner_detail() {
    let performed = guarded(async { anyhow::bail!("password=hunter2 refused") }, RunId::from_random(7)).await;
    assert_eq!(performed.outcome, AuditOutcome::Failed);
    assert!(text(&performed).contains("run id 000000000007"));
    assert!(!text(&performed).contains("hunter2"));
}
