//! The bot dies at every point of an execution, and afterwards everything is done at most once and the card
//! tells the truth.

use std::time::Duration;

use bot::failpoint::Failpoint;
use e2e::bot::Bot;
use e2e::people::{self, BO, DEE};
use e2e::slack::{APP_TOKEN, BOT_TOKEN, Message, SlackOptions, SlackServer};
use e2e::stack::Stack;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
/// A step that was cut off before it was done is given its whole time first.
const SETTLED: Duration = Duration::from_secs(90);

/// How often the container was restarted since `since` (seconds since 1970).
async fn restarts(stack: &Stack, container: &str, since: &str) -> usize {
    let until = stack.docker(&["run", "--rm", "--entrypoint", "date", &image(stack).await, "+%s"]).await;
    let filter = format!("container={container}");
    let arguments = [
        "events",
        "--since",
        since,
        "--until",
        until.trim(),
        "--filter",
        &filter,
        "--filter",
        "event=restart",
    ];
    stack.docker(&arguments).await.lines().count()
}

async fn image(stack: &Stack) -> String {
    let container = stack.container("postgres_db");
    stack.docker(&["inspect", "--format", "{{.Config.Image}}", &container]).await.trim().to_owned()
}

struct Row {
    point: Failpoint,
    restarts: usize,
    card: String,
}

async fn dies_at(point: Failpoint) -> Row {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let stack = Stack::take().await;
    let setup = stack
        .setup()
        .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
        .with(&people::acting())
        .with("[proof]\nsettle = \"1s\"\nwithin = \"20s\"")
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
        .secret("ACGS_FAILPOINT", point.as_str());
    let mut bot = Bot::start(setup).await;
    slack.wait_sockets(2, SOON).await;
    let container = stack.container("fv_service");
    let since = stack.docker(&["run", "--rm", "--entrypoint", "date", &image(&stack).await, "+%s"]).await;
    slack.slash(DEE, ROOM, "restart fv_service").await;
    let fits = |message: &Message| message.visible().contains("Approve? restart fv_service");
    let card = slack.wait_message(fits, SOON).await;
    // The event's acknowledgement may die with the process.
    let _ = tokio::time::timeout(Duration::from_secs(2), slack.react(BO, &card, "white_check_mark")).await;
    bot.dies(SOON).await;
    bot.set("ACGS_FAILPOINT", None);
    bot.restart().await;
    let over = |message: &Message| {
        let said = message.visible();
        let ends = ["Improved: ", "Done, well as before: ", "Failed: ", "Outcome unknown: "];
        message.ts == card.ts && ends.iter().any(|end| said.contains(end))
    };
    let card = slack.wait_message(over, SETTLED).await.visible();
    let result =
        |message: &Message| message.visible().contains(&card[..card.find('\n').unwrap_or(card.len())]);
    slack.wait_message(|message| result(message) && !message.visible().contains("Asked by"), SOON).await;
    let verified = bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
    let row = Row { point, restarts: restarts(&stack, &container, since.trim()).await, card };
    stack.wait_state("fv_service", "running healthy").await;
    row
}

#[tokio::test]
async fn whatever_the_point_a_restart_happens_at_most_once_and_the_card_says_so() {
    let mut rows = Vec::new();
    for point in Failpoint::EXECUTION {
        rows.push(dies_at(point).await);
    }
    for row in &rows {
        let title = row.card.lines().next().unwrap_or_default();
        println!("{:<18} {} restart(s)  {title}", row.point.as_str(), row.restarts);
    }
    for row in rows {
        let (restarts, ending) = match row.point {
            // Written down and not done: a restart is not idempotent, so it is told and not repeated.
            Failpoint::AfterStepBegun => (0, "Failed: "),
            Failpoint::AfterVote
            | Failpoint::BeforeBegin
            | Failpoint::AfterBegin
            | Failpoint::AfterStepActed
            | Failpoint::AfterStepEnded
            | Failpoint::BeforeProof
            | Failpoint::BeforeEnd
            | Failpoint::AfterEnd => (1, ": restart fv_service"),
            Failpoint::BeforeTelling
            | Failpoint::AfterTelling
            | Failpoint::BeforePage
            | Failpoint::AfterPage => panic!("no execution meets these"),
        };
        assert_eq!(row.restarts, restarts, "{}: {}", row.point.as_str(), row.card);
        assert!(row.card.contains(ending), "{}: {}", row.point.as_str(), row.card);
        let failed = row.card.contains("Failed: ") || row.card.contains("Outcome unknown: ");
        assert_eq!(failed, restarts == 0, "{}: {}", row.point.as_str(), row.card);
        assert!(row.card.contains("approved by Bo"), "{}: {}", row.point.as_str(), row.card);
    }
}
