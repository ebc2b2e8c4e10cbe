//! Backups that are made and read back, on Slack and against the real stack.

mod dump;
mod restore;
mod upkeep;

use std::path::Path;
use std::time::Duration;

use e2e::bot::{Bot, Setup};
use e2e::people::{self, BO, DEE};
use e2e::slack::{APP_TOKEN, AckOutcome, BOT_TOKEN, Message, SlackOptions, SlackServer};
use e2e::stack::Stack;
use tempfile::TempDir;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
/// A dump or a restore, and the proof of it.
const DONE: Duration = Duration::from_secs(90);

/// Slack, the stack, a folder for backups, and a bot between them.
struct Scene {
    slack: SlackServer,
    stack: Stack,
    folder: TempDir,
    bot: Bot,
}

fn setup(slack: &SlackServer, stack: &Stack, folder: &Path) -> Setup {
    stack
        .setup()
        .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
        .with(&people::acting())
        .with("[proof]\nsettle = \"2s\"\nwithin = \"30s\"")
        .with(&format!("[backups]\ndir = {folder:?}"))
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
}

impl Scene {
    async fn begin() -> Self {
        Self::with(|setup| setup).await
    }

    async fn with(change: impl FnOnce(Setup) -> Setup) -> Self {
        let slack = SlackServer::start(SlackOptions::default()).await;
        let stack = Stack::take().await;
        let folder = tempfile::tempdir().unwrap();
        let bot = Bot::start(change(setup(&slack, &stack, folder.path()))).await;
        slack.wait_sockets(2, SOON).await;
        Self { slack, stack, folder, bot }
    }

    async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    async fn message(&self, text: &str, limit: Duration) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), limit).await
    }

    /// Asks for something that waits for votes, and finds its card.
    async fn asks(&self, user: &str, line: &str) -> Message {
        self.types(user, line).await;
        self.message(&format!("Asked for: {line}"), SOON).await;
        self.message(&format!("Approve? {line}"), SOON).await
    }

    /// Waits until the card of a plan says `text`.
    async fn says(&self, card: &Message, text: &str, limit: Duration) -> String {
        let same = |message: &Message| message.ts == card.ts && message.visible().contains(text);
        self.slack.wait_message(same, limit).await.visible()
    }

    /// The message of its own that tells how a line's plan ended.
    async fn result(&self, line: &str) -> String {
        let fits = |message: &Message| {
            let said = message.visible();
            let ends = [
                "Done: ",
                "Improved: ",
                "Done, well as before: ",
                "Failed: ",
                "Unchanged: ",
                "Worse: ",
                "Outcome unknown: ",
            ];
            !said.contains("Asked by") && ends.iter().any(|end| said.contains(&format!("{end}{line}")))
        };
        self.slack.wait_message(fits, DONE).await.visible()
    }

    /// Asks for a backup, approves it, and returns its name.
    async fn backs_up(&self) -> String {
        let before = self.files();
        let card = self.asks(DEE, "backup create").await;
        self.slack.react(BO, &card, "white_check_mark").await;
        self.says(&card, "Done: backup create", DONE).await;
        let new = self.files().into_iter().find(|name| name.ends_with(".dump") && !before.contains(name));
        new.expect("a dump in the folder")
    }

    /// The names in the backups' folder.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// One answer of the database's server, as text.
    async fn sql(&self, database: &str, statement: &str) -> String {
        let container = self.stack.container("postgres_db");
        let argv =
            ["exec", &container, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "acgs_user", "-d", database];
        let out = self.stack.docker(&[&argv[..], &["-c", statement]].concat()).await;
        out.trim().to_owned()
    }

    /// Sessions of the bot's runs at the server.
    async fn own_sessions(&self) -> String {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'acgs-run-%'";
        self.sql("postgres", count).await
    }
}
