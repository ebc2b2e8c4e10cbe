//! Several processes on one PostgreSQL: whichever of them is killed, stands still or is cut off, everything that people
//! said is answered once, and one of them has Discord's gateway.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Setup};
use e2e::cut::Network;
use e2e::database::Database;
use e2e::discord::{APPLICATION, BOT_TOKEN as DISCORD_TOKEN, CHANNEL, DiscordOptions, DiscordServer, GUILD};
use e2e::engine::AnotherAt;
use e2e::people::{self, BO, CY, CY_DISCORD, DEE};
use e2e::platform::Platform;
use e2e::postgres::Server;
use e2e::slack::{APP_TOKEN, AckOutcome, BOT_TOKEN, Message, SIGNING_SECRET, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;
use nix::sys::signal::Signal;
use serde_json::Value;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
/// In this time another replica has what a dead one had, on a machine however busy: how long it takes is measured by
/// `tests/bench`.
const TAKEN_OVER: Duration = Duration::from_secs(12);

/// Slack, Discord, six services, and replicas between them.
struct Scene {
    slack: SlackServer,
    discord: DiscordServer,
    platform: Platform,
    replicas: Vec<Replica>,
    /// What was asked for on each platform, all with different answers.
    asked: usize,
}

struct Replica {
    bot: Bot,
    id: String,
    network: Network,
}

impl Replica {
    async fn start(setup: Setup) -> Self {
        let network = Network::new();
        let bot = Bot::start(Setup { group: Some(network.group()), ..setup }).await;
        let id = readyz(&bot).await["replica"].as_str().expect("a name").to_owned();
        Self { bot, id, network }
    }

    /// What its `/readyz` says of one part.
    async fn part(&self, name: &str) -> (bool, String) {
        let readiness = readyz(&self.bot).await;
        let part = readiness["parts"].as_array().unwrap().iter().find(|part| part["name"] == name);
        let part = part.unwrap_or_else(|| panic!("no {name} in {readiness}"));
        (part["ready"] == true, part["reason"].as_str().unwrap().to_owned())
    }

    async fn holder(&self, lease: &str) -> Option<String> {
        let readiness = readyz(&self.bot).await;
        let leases = readiness["leases"].as_array().unwrap().iter();
        leases.filter(|row| row["name"] == lease).find_map(|row| row["holder"].as_str()).map(str::to_owned)
    }
}

async fn readyz(bot: &Bot) -> Value {
    let (_, body) = bot.get("/readyz").await;
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

impl Scene {
    async fn start(count: usize, store_url: &str) -> Self {
        let retries = std::iter::repeat_n(Duration::from_millis(200), 12);
        let options = SlackOptions { event_retries: retries.collect(), ..SlackOptions::default() };
        let mut scene = Self {
            slack: SlackServer::start(options).await,
            discord: DiscordServer::start(DiscordOptions::default()).await,
            platform: Platform::start().await,
            replicas: Vec::new(),
            asked: 0,
        };
        for _ in 0..count {
            scene.add(store_url).await;
        }
        scene.slack.wait_sockets(2 * count.min(3), SOON).await;
        scene.discord.wait_ready(SOON).await;
        scene
    }

    async fn add(&mut self, store_url: &str) {
        let (slack, discord) = (self.slack.api_url(), self.discord.api_url());
        let setup = Setup { store_url: Some(store_url.to_owned()), ..Setup::default() }
            .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.as_str()))
            .with(&format!(
                "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
                discord.as_str()
            ))
            .with(&people::toml())
            .with(&self.platform.toml())
            .room(&format!("slack:{ROOM}"))
            .room(&format!("discord:{CHANNEL}"))
            .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
            .secret("SLACK_APP_TOKEN", APP_TOKEN)
            .secret("DISCORD_TOKEN", DISCORD_TOKEN);
        self.replicas.push(Replica::start(setup).await);
    }

    /// The replica that has `lease`, as its index, by the word of one that is well.
    async fn holder(&self, lease: &str, asked: usize) -> usize {
        eventually(SOON, &format!("a holder of {lease}"), async || {
            let id = self.replicas[asked].holder(lease).await?;
            self.replicas.iter().position(|replica| replica.id == id)
        })
        .await
    }

    /// Waits until Discord would take another session: one in five seconds, whoever begins it.
    async fn session_allowed(&self) {
        let well = &self.replicas[self.replicas.len() - 1];
        eventually(SOON, "leave for another session", async || {
            well.holder("discord/session").await.is_none().then_some(())
        })
        .await;
    }

    /// Somebody asks on each platform for something that has an answer of its own.
    async fn ask(&mut self) {
        let lines = [
            "help health",
            "help ps",
            "help logs",
            "help links",
            "help latency",
            "help stats",
            "help errors",
        ];
        let line = lines[self.asked];
        self.asked += 1;
        let _ = self.discord.mention(CY_DISCORD, CHANNEL, line);
        let told = self.slack.mention(CY, ROOM, None, line).await;
        assert!(matches!(told.outcome, AckOutcome::Acknowledged(_)), "{line}: {told:?}");
    }

    /// Everything that was asked for is answered, once on each platform, and no rule was broken.
    async fn answered_once(&self) {
        let lines = ["health", "ps", "logs", "links", "latency", "stats", "errors"];
        for line in &lines[..self.asked] {
            let title = format!("Help: {line}");
            self.slack.wait_message(|message| message.visible().contains(&title), SOON).await;
            self.discord.wait_message(|message| message.visible().contains(&title), SOON).await;
        }
        // Twice would be unread.
        self.slack.assert_clean();
        self.discord.assert_clean();
    }

    async fn audit_is_intact(&self, by: usize) {
        let verified = self.replicas[by].bot.run(&["audit", "verify"]).await;
        assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
    }

    /// One session, and of the sockets no more than three replicas'.
    async fn one_gateway(&self, sockets: usize) {
        eventually(SOON, "one session", async || (self.discord.live_sessions() == 1).then_some(())).await;
        self.slack.wait_sockets(sockets, SOON).await;
    }
}

/// The index of another replica than `holder`.
const fn other(holder: usize) -> usize {
    if holder == 0 { 1 } else { 0 }
}

#[tokio::test]
async fn a_standby_is_well_and_says_who_holds_what() {
    let database = Database::create().await;
    let scene = Scene::start(4, &database.url()).await;
    let holder = scene.holder("discord", 0).await;
    let mut standing_by = 0;
    for (index, replica) in scene.replicas.iter().enumerate() {
        assert_eq!(replica.bot.get("/readyz").await.0, 200);
        // Each hears of the others when it renews its own lease.
        eventually(SOON, "four replicas", async || {
            (replica.part("replica").await == (true, "one of 4".to_owned())).then_some(())
        })
        .await;
        assert_eq!(replica.bot.metric("acgs_replicas", &[]).await, 4.0);
        let (well, says) = replica.part("discord").await;
        let held = replica.bot.metric("acgs_lease_held", &["lease=\"discord\""]).await;
        if index == holder {
            assert_eq!((well, says.as_str(), held), (true, "connected", 1.0));
        } else {
            let by = format!("standing by; held by {}", scene.replicas[holder].id);
            assert_eq!((well, says, held), (true, by, 0.0));
        }
        standing_by += usize::from(replica.part("slack").await.1.starts_with("standing by; held by "));
    }
    assert_eq!(standing_by, 1, "three of four hold sockets");
    assert_eq!((scene.slack.sockets(), scene.discord.live_sessions()), (6, 1));
    scene.answered_once().await;
}

#[tokio::test]
async fn kill_9_of_the_holder_is_taken_over_with_what_it_was_working_on() {
    let database = Database::create().await;
    let mut scene = Scene::start(3, &database.url()).await;
    scene.ask().await;
    let holder = scene.holder("discord", 0).await;
    scene.session_allowed().await;
    // On a service that takes connections and says nothing for the time being.
    scene.platform.sick("ac_service", "hang=1").await;
    let ack = scene.discord.slash(CY_DISCORD, CHANNEL, &["health"], &[("service", "ac_service")]).await;
    let identifies = scene.discord.identifies();
    scene.replicas[holder].bot.kill().await;
    let killed = Instant::now();
    scene.platform.sick("ac_service", "well=1").await;
    scene.ask().await;
    scene.discord.wait_identifies(identifies + 1, TAKEN_OVER).await;
    let answer = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(answer.visible().contains("ac_service is well"), "{}", answer.visible());
    assert!(killed.elapsed() < Duration::from_secs(6), "what it worked on waited {:?}", killed.elapsed());
    scene.one_gateway(4).await;
    scene.ask().await;
    scene.answered_once().await;
    scene.audit_is_intact(other(holder)).await;
}

#[tokio::test]
async fn a_holder_that_stands_still_is_taken_over_and_does_nothing_when_it_wakes() {
    let database = Database::create().await;
    let mut scene = Scene::start(3, &database.url()).await;
    let holder = scene.holder("discord", 0).await;
    assert_eq!(scene.holder("slack/send", 0).await, holder, "the first one took both");
    scene.session_allowed().await;
    // It stands still in the middle of a call that Slack never answers.
    scene.slack.hang_next("chat.postMessage");
    let calls = scene.slack.calls("chat.postMessage");
    scene.ask().await;
    scene.slack.wait_calls("chat.postMessage", calls + 1, SOON).await;
    let identifies = scene.discord.identifies();
    scene.replicas[holder].bot.signal(Signal::SIGSTOP);
    scene.discord.wait_identifies(identifies + 1, TAKEN_OVER).await;
    scene.ask().await;
    let well = other(holder);
    assert_ne!(scene.holder("discord", well).await, holder);
    assert_ne!(scene.holder("slack/send", well).await, holder);
    // What it was sending is sent by another one.
    scene.slack.wait_calls("chat.postMessage", calls + 3, SOON).await;
    scene.replicas[holder].bot.signal(Signal::SIGCONT);
    let woken = &scene.replicas[holder];
    eventually(SOON, "the one that stood still to stand by", async || {
        woken.part("discord").await.1.starts_with("standing by").then_some(())
    })
    .await;
    // It lets go by its own clock first, and then hears it from the database.
    eventually(SOON, "the one that stood still to hear of it", async || {
        woken.bot.log().contains("the others took this replica for gone").then_some(())
    })
    .await;
    scene.one_gateway(6).await;
    scene.ask().await;
    scene.answered_once().await;
    scene.audit_is_intact(holder).await;
}

#[tokio::test]
async fn a_holder_that_is_cut_off_lets_go_by_itself_and_comes_back_as_a_standby() {
    let database = Database::create().await;
    let mut scene = Scene::start(3, &database.url()).await;
    scene.ask().await;
    let holder = scene.holder("discord", 0).await;
    scene.session_allowed().await;
    let identifies = scene.discord.identifies();
    let cut = scene.replicas[holder].network.cut();
    scene.discord.wait_identifies(identifies + 1, TAKEN_OVER).await;
    scene.ask().await;
    let log = || scene.replicas[holder].bot.log();
    eventually(SOON, "the one that is cut off to let go", async || {
        let let_go = |duty: &str| {
            log()
                .lines()
                .any(|line| line.contains("not held by this replica any more") && line.contains(duty))
        };
        (let_go("Discord") && let_go("SlackSockets")).then_some(())
    })
    .await;
    drop(cut);
    eventually(Duration::from_secs(30), "the one that was cut off to stand by", async || {
        let (well, says) = scene.replicas[holder].part("discord").await;
        (well && says.starts_with("standing by")).then_some(())
    })
    .await;
    scene.one_gateway(6).await;
    scene.ask().await;
    scene.answered_once().await;
    scene.audit_is_intact(holder).await;
}

#[tokio::test]
async fn a_postgres_that_crashes_and_comes_back_loses_nothing() {
    let server = Server::start().await;
    let mut scene = Scene::start(3, &server.url()).await;
    scene.ask().await;
    scene.session_allowed().await;
    server.down().await;
    // As long as nobody can tell who is who, nobody listens.
    eventually(SOON, "all gateways closed", async || (scene.discord.live_sessions() == 0).then_some(()))
        .await;
    eventually(SOON, "nobody ready", async || {
        let mut ready = 0;
        for replica in &scene.replicas {
            ready += usize::from(replica.bot.get("/readyz").await.0 == 200);
        }
        (ready == 0).then_some(())
    })
    .await;
    // Typed meanwhile: it is there when somebody reads back.
    let _ = scene.discord.mention(CY_DISCORD, CHANNEL, "help runbook");
    server.up().await;
    scene.one_gateway(6).await;
    let said = |text: &str| text.contains("Help: runbook");
    scene.discord.wait_message(|message| said(&message.visible()), SOON).await;
    scene.ask().await;
    scene.answered_once().await;
    scene.audit_is_intact(0).await;
}

#[tokio::test]
async fn a_clean_stop_gives_everything_back_at_once() {
    let database = Database::create().await;
    let mut scene = Scene::start(4, &database.url()).await;
    scene.ask().await;
    let holder = scene.holder("discord", 3).await;
    assert_ne!(holder, 3, "the last one came too late");
    scene.session_allowed().await;
    let identifies = scene.discord.identifies();
    let stopping = Instant::now();
    let ended = scene.replicas[holder].bot.stop().await;
    assert!(ended.success(), "{ended:?}");
    scene.discord.wait_identifies(identifies + 1, SOON).await;
    // A lease alone would take two.
    assert!(stopping.elapsed() < Duration::from_millis(1900), "{:?}", stopping.elapsed());
    scene.one_gateway(6).await;
    eventually(SOON, "the others to know", async || {
        (scene.replicas[3].bot.metric("acgs_replicas", &[]).await == 3.0).then_some(())
    })
    .await;
    scene.ask().await;
    scene.answered_once().await;
    scene.audit_is_intact(3).await;
}

#[tokio::test]
async fn one_replica_alone_keeps_listening_while_its_postgres_is_away() {
    let server = Server::start().await;
    let mut scene = Scene::start(1, &server.url()).await;
    scene.ask().await;
    let identifies = scene.discord.identifies();
    server.down().await;
    eventually(SOON, "it to notice", async || {
        let (status, _) = scene.replicas[0].bot.get("/readyz").await;
        let log = scene.replicas[0].bot.log();
        (status == 503 && log.contains("leases can't be renewed")).then_some(())
    })
    .await;
    let ack = scene.slack.slash(CY, ROOM, "health auth_service").await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
    let said = |text: &str| text.contains("auth_service is well") && text.contains("not recorded");
    scene.slack.wait_message(|message| said(&message.visible().to_lowercase()), SOON).await;
    server.up().await;
    eventually(SOON, "it to be ready", async || {
        (scene.replicas[0].bot.get("/readyz").await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(scene.discord.identifies(), identifies, "its session was never given up");
    scene.ask().await;
    scene.answered_once().await;
}

#[tokio::test]
async fn two_do_not_serve_one_sqlite_file() {
    let platform = Platform::start().await;
    let bot = Bot::start(Setup::default().with(&people::toml()).with(&platform.toml())).await;
    let second = bot.second().await;
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("another acgs serves"), "{second:?}");
    assert!(second.err.contains("share a PostgreSQL"), "it says what to do: {second:?}");
    let (status, body) = bot.get("/readyz").await;
    assert!(status == 200 && body.contains("the only process on this store"), "{body}");
}

/// The real stack, and Slack by requests, which reach the replica that a test chooses.
struct Acting {
    slack: SlackServer,
    stack: Stack,
    database: Database,
}

impl Acting {
    async fn start() -> Self {
        let stack = Stack::take().await;
        let slack = SlackServer::start(SlackOptions::default()).await;
        Self { slack, stack, database: Database::create().await }
    }

    fn setup(&self, engine: &str) -> Setup {
        Setup { store_url: Some(self.database.url()), ..self.stack.setup_at(engine) }
            .with(&format!("[slack]\napi_url = {:?}\nmode = \"http\"", self.slack.api_url().as_str()))
            .with(&people::acting())
            .with("[proof]\nsettle = \"1s\"\nwithin = \"30s\"")
            .room(&format!("slack:{ROOM}"))
            .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
            .secret("SLACK_SIGNING_SECRET", SIGNING_SECRET)
    }

    fn reach(&self, replica: &Replica) {
        self.slack.use_requests(url::Url::parse(&format!("http://{}/", replica.bot.http)).unwrap());
    }

    /// Dee asks `replica`; the card.
    async fn asks(&self, replica: &Replica, line: &str) -> Message {
        self.reach(replica);
        let ack = self.slack.slash(DEE, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
        let title = format!("Approve? {line}");
        self.slack.wait_message(|message| message.visible().contains(&title), SOON).await
    }

    /// Bo's vote, told to `replica`.
    async fn approves(&self, replica: &Replica, card: &Message) {
        self.reach(replica);
        self.slack.react(BO, card, "white_check_mark").await;
    }

    /// Waits until the card says one of these.
    async fn shows(&self, card: &Message, texts: &[&str], limit: Duration) -> String {
        let fits = |message: &Message| {
            message.ts == card.ts && texts.iter().any(|text| message.visible().contains(text))
        };
        self.slack.wait_message(fits, limit).await.visible()
    }
}

#[tokio::test]
async fn a_plan_is_carried_out_by_a_replica_on_its_own_docker_daemon() {
    let acting = Acting::start().await;
    let another = AnotherAt::new(&acting.stack.engine(), "ANOTHER:DAEMON");
    let mut own = Replica::start(acting.setup(&acting.stack.engine())).await;
    let other = Replica::start(acting.setup(&another.host())).await;
    let card = acting.asks(&own, "restart fv_service").await;
    // The vote reaches the one that sees other containers, or none, and must leave them alone.
    acting.approves(&other, &card).await;
    acting.shows(&card, &["Improved: ", "Done, well as before: "], Duration::from_secs(60)).await;
    assert!(own.bot.log().contains("a plan begins") && !other.bot.log().contains("a plan begins"));

    // Where nobody is left on that daemon, it is told and not done.
    let card = acting.asks(&own, "restart gs_service").await;
    // Killed before it knows of its post it would be posted once more, and votes count on that one.
    eventually(SOON, "the card to be known as posted", async || {
        (own.bot.metric("acgs_outbox_waiting", &[]).await == 0.0).then_some(())
    })
    .await;
    own.bot.kill().await;
    eventually(SOON, "the other one to be alone", async || {
        (other.bot.metric("acgs_replicas", &[]).await == 1.0).then_some(())
    })
    .await;
    acting.approves(&other, &card).await;
    let told = acting.shows(&card, &["ANOTHER:DAEMON"], SOON).await;
    assert!(told.contains("the plan is of the Docker daemon"), "{told}");
}

#[tokio::test]
async fn a_replica_that_stands_still_before_a_step_does_not_do_it_when_it_wakes() {
    let acting = Acting::start().await;
    let stops = acting.setup(&acting.stack.engine()).secret("ACGS_FAILPOINT", "stop after-step-begun");
    let stands = Replica::start(stops).await;
    let other = Replica::start(acting.setup(&acting.stack.engine())).await;
    let container = acting.stack.container("fv_service");
    let started =
        async || acting.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await;
    let before = started().await;
    let card = acting.asks(&stands, "restart fv_service").await;
    acting.approves(&stands, &card).await;
    let voted = Instant::now();
    eventually(SOON, "the other one to take the run up", async || {
        other.bot.log().contains("taking up a run that was cut off").then_some(())
    })
    .await;
    assert!(voted.elapsed() < Duration::from_secs(8), "after {:?}", voted.elapsed());
    // It was written down and not done, and nobody can tell before its time is over.
    acting.shows(&card, &["Failed: "], Duration::from_secs(90)).await;
    stands.bot.signal(Signal::SIGCONT);
    eventually(SOON, "the one that woke to leave it", async || {
        stands.bot.log().contains("somebody else took this run over").then_some(())
    })
    .await;
    assert_eq!(started().await, before, "it was restarted all the same");
    let verified = other.bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
}
